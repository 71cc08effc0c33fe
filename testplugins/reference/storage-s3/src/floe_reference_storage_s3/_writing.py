"""An object that appears under its key only when it is complete."""

from __future__ import annotations

import contextlib
import errno
import io
import warnings
from typing import TYPE_CHECKING, Any

from floe_plugins import PluginError

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Buffer

    from floe_reference_storage_s3._client import Client


class Upload(io.BufferedIOBase):
    """A binary file that becomes an object when it is closed.

    s3fs has one too, but its files also appear if the block raised or nobody closed
    them, and an empty one takes the place of what is there in every mode.
    """

    def __init__(self, client: Client, bucket: str, key: str, *, exclusive: bool, part_size: int) -> None:
        self._client = client
        self._target = {"Bucket": bucket, "Key": key}
        self._condition = {"IfNoneMatch": "*"} if exclusive else {}
        self._part_size = part_size
        self._pending = bytearray()
        self._parts: list[dict[str, Any]] = []
        self._id: str | None = None
        self._written = 0
        self._failed = False

    def writable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """The number of bytes written."""
        return self._written

    def write(self, data: Buffer, /) -> int:
        """Write some bytes; send each full part.

        Raises:
            PluginUnavailableError: the service does not answer. Nothing will appear.
        """
        self._check()
        view = memoryview(data)
        self._pending += view
        self._written += view.nbytes
        while len(self._pending) >= self._part_size:
            self._send_part()
        return view.nbytes

    def close(self) -> None:
        """Close the object and give it its key.

        Raises:
            FileExistsError: it was to be a new one, and something is there.
            PluginUnavailableError: the service does not answer. Nothing has appeared, as far as is known.
        """
        if self.closed:
            return
        try:
            self._check()
            self._publish()
        finally:
            self.discard()

    def discard(self) -> None:
        """Discard what was written. Does nothing once the file is closed."""
        if self.closed:
            return
        super().close()
        self._pending.clear()
        if self._id is not None:
            # The bucket's rules clean up what cannot be said to a service that is down.
            with contextlib.suppress(PluginError, OSError):
                self._call("abort_multipart_upload", UploadId=self._id)
            self._id = None

    def _check(self) -> None:
        if self.closed:
            raise ValueError("I/O operation on closed file")
        if self._failed:
            raise OSError(errno.EIO, "a part of the file could not be sent", self._name)

    def _publish(self) -> None:
        if self._id is None:
            self._call("put_object", Body=bytes(self._pending), **self._condition)
            return
        if self._pending:
            self._send_part()
        parts = {"Parts": self._parts}
        self._call("complete_multipart_upload", UploadId=self._id, MultipartUpload=parts, **self._condition)
        self._id = None

    def _send_part(self) -> None:
        if self._id is None:
            self._id = self._call("create_multipart_upload")["UploadId"]
        body = bytes(self._pending[: self._part_size])
        number = len(self._parts) + 1
        sent = self._call("upload_part", UploadId=self._id, PartNumber=number, Body=body)
        self._parts.append({"ETag": sent["ETag"], "PartNumber": number})
        del self._pending[: self._part_size]

    def _call(self, method: str, **arguments: Any) -> Any:
        try:
            return self._client.ask(method, **self._target, **arguments)
        except BaseException as error:
            self._failed = True
            # 412 is the answer to a condition that does not hold; 409 to two who write at once.
            if self._condition and isinstance(error, OSError) and error.errno in {errno.EINVAL, errno.EBUSY}:
                raise FileExistsError(errno.EEXIST, "something is there already", self._name) from error
            raise

    @property
    def _name(self) -> str:
        return "s3://{Bucket}/{Key}".format(**self._target)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.discard()

    # A file that nobody closed was not finished, but the base class would close it here.
    def __del__(self) -> None:
        if hasattr(self, "_failed") and not self.closed:
            # Nothing is sent to the service: this may run anywhere, within its own thread too.
            self._id = None
            self.discard()
            warnings.warn(f"{self._name} was never closed; it has not been written", ResourceWarning, stacklevel=2)
