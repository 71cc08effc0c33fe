"""The connection to S3. Imports s3fs, so it is imported when first used."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, HTTPClientError, NoCredentialsError
from botocore.exceptions import ConnectionError as ServiceConnectionError
from fsspec.exceptions import FSTimeoutError
from fsspec.implementations.dirfs import DirFileSystem
from s3fs import S3FileSystem
from s3fs.core import S3File

from floe_plugins import PluginError, PluginUnavailableError
from floe_reference_storage_s3._paths import check_path

if TYPE_CHECKING:
    from floe_reference_storage_s3.plugin import S3StorageConfig

READ_AHEAD = 5 * 2**20


class Client(S3FileSystem):  # type: ignore[misc]
    """s3fs without its own caches and tries: botocore's tries are the configured ones."""

    retries = 1
    cachable = False

    def ask(self, method: str, **arguments: Any) -> Any:
        """The answer to one request of the S3 API, such as ``head_object``.

        Raises:
            PluginUnavailableError: no answer came.
            PluginError: there are no credentials, or the request cannot be made.
            OSError: the service refuses; the kinds are s3fs' own.
        """
        with translated(f"s3://{arguments['Bucket']}"):
            return self.call_s3(method, **arguments)


def connect(config: S3StorageConfig, *, patience: float | None = None) -> Client:
    """A connected client. Opens no connection yet, but may ask for credentials.

    Args:
        patience: limit of both time-outs in seconds, and a single try.
    """
    limit = float("inf") if patience is None else patience
    secret, token = config.secret_access_key, config.session_token
    client = Client(
        endpoint_url=config.endpoint,
        key=config.access_key_id,
        secret=secret and secret.get_secret_value(),
        token=token and token.get_secret_value(),
        client_kwargs={"region_name": config.region},
        config_kwargs={
            # Without it, URLs for others have the older signature, which newer regions refuse.
            "signature_version": "s3v4",
            "connect_timeout": min(config.connect_timeout, limit),
            "read_timeout": min(config.read_timeout, limit),
            "retries": {"mode": "standard", "total_max_attempts": config.attempts if patience is None else 1},
            "s3": {"addressing_style": "path" if config.uses_path_style else "virtual"},
        },
        use_listings_cache=False,
    )
    # Not left to the first call: s3fs is not safe from two threads before it is connected.
    client.connect()
    return client


@contextlib.contextmanager
def translated(place: str) -> Generator[None, None, None]:
    """Convert connection errors to ``PluginError``; errors of single objects stay those of s3fs or builtin.

    Raises:
        PluginUnavailableError: no answer came.
        PluginError: there are no credentials.
    """
    try:
        yield
    except (HTTPClientError, ServiceConnectionError, FSTimeoutError) as error:
        raise PluginUnavailableError(f"{place} does not answer ({type(error).__name__})") from error
    except NoCredentialsError as error:
        hint = "Set plugins.storage.s3.access_key_id and secret_access_key, or what boto3 reads"
        raise PluginError(f"there are no credentials for {place}", hint=hint) from error
    except BotoCoreError as error:
        raise PluginError(f"{place} cannot be asked: {error}") from error


class Download(S3File):  # type: ignore[misc]
    """An object that is read in pieces, all of the version that was opened."""

    def __init__(self, client: Client, path: str) -> None:
        with translated(path):
            super().__init__(client, path, "rb", block_size=READ_AHEAD, cache_type="readahead")

    def _fetch_range(self, start: int, end: int) -> Any:
        with translated(self.path):
            return super()._fetch_range(start, end)


class RootedFileSystem(DirFileSystem):  # type: ignore[misc]
    """A view of the bucket confined to one folder."""

    def __init__(self, client: Client, root: str) -> None:
        super().__init__(path=root, fs=client, skip_instance_cache=True)

    def _join(self, path: Any) -> Any:
        # fsspec calls itself again for each path of a list.
        if isinstance(path, str) and path.strip("/"):
            check_path(path.strip("/"))
        return super()._join(path)


def pages(client: Client, bucket: str, prefix: str, size: int = 1000) -> Iterator[Mapping[str, Any]]:
    """The objects whose keys begin with a prefix, as S3 lists them."""
    more: dict[str, str] = {}
    while True:
        page = client.ask("list_objects_v2", Bucket=bucket, Prefix=prefix, MaxKeys=size, **more)
        yield from page.get("Contents", ())
        if not page.get("IsTruncated"):
            return
        more = {"ContinuationToken": page["NextContinuationToken"]}
