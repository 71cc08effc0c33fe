"""Secrets: stores passwords and tokens."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

from floe_plugins.core.lazy import LazyModule
from floe_plugins.hookspecs.base import PluginMetadata, hookspec

if TYPE_CHECKING:
    import pydantic
else:
    pydantic = LazyModule("pydantic")


class SecretsPlugin(PluginMetadata):
    """The contract of secret stores. Each call goes to one plugin. Hooks must be thread-safe.

    >>> import pydantic
    >>> from floe_plugins import SecretsPlugin, UnsupportedOperationError
    >>> class Fixed(SecretsPlugin):
    ...     name, version, floe_api_version = "fixed", "1.0", "1.0"
    ...     def get_secret(self, key):
    ...         return pydantic.SecretStr("s3cret") if key == "token" else None
    ...     def secret_names(self, prefix=""):
    ...         return tuple(name for name in ("token",) if name.startswith(prefix))
    ...     def put_secret(self, key, value):
    ...         raise UnsupportedOperationError("the store is read-only")
    >>> Fixed().get_secret("token")
    SecretStr('**********')
    """

    @hookspec(firstresult=True)
    @abstractmethod
    def get_secret(self, key: str) -> pydantic.SecretStr | None:
        """Return the secret, or None if the store has no secret of that name.

        Reads the store at each call, so that a rotated secret is noticed.

        Raises:
            ValueError: ``key`` is not a valid name in this store.
        """

    @hookspec(firstresult=True)
    @abstractmethod
    def secret_names(self, prefix: str = "") -> tuple[str, ...]:
        """Return the sorted names of all secrets that start with ``prefix``. Returns no values."""

    @hookspec(firstresult=True)
    @abstractmethod
    def put_secret(self, key: str, value: pydantic.SecretStr) -> None:
        """Store a secret. Replaces a secret of that name.

        Raises:
            UnsupportedOperationError: the store is read-only.
            ValueError: ``key`` is not a valid name in this store.
        """
