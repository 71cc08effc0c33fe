"""Secrets: keeps passwords and tokens."""

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
    """One store of secrets. Hooks are asked of one chosen plugin and safe from several threads."""

    @hookspec(firstresult=True)
    @abstractmethod
    def get_secret(self, key: str) -> pydantic.SecretStr | None:
        """The secret, or None if the store has none of that name.

        Read anew at each call: a rotated secret is seen.

        Raises:
            ValueError: the key cannot name a secret here.
        """
        raise NotImplementedError

    @hookspec(firstresult=True)
    @abstractmethod
    def secret_names(self, prefix: str = "") -> tuple[str, ...]:
        """The names of the secrets there are, sorted; never their values."""
        raise NotImplementedError

    @hookspec(firstresult=True)
    @abstractmethod
    def put_secret(self, key: str, value: pydantic.SecretStr) -> None:
        """Store a secret in place of what had that name.

        Raises:
            UnsupportedOperationError: the store is read-only.
            ValueError: the key cannot name a secret here.
        """
        raise NotImplementedError
