"""Identity: verifies tokens and returns who sent them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from enum import Enum
from typing import Any

import attrs

from floe_plugins.errors import PluginError
from floe_plugins.hookspecs.base import PluginMetadata, hookspec


class TokenFault(str, Enum):
    """The reason why a token is invalid."""

    MALFORMED = "malformed"
    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"
    BAD_SIGNATURE = "bad_signature"
    UNKNOWN_KEY = "unknown_key"
    WRONG_ALGORITHM = "wrong_algorithm"
    WRONG_ISSUER = "wrong_issuer"
    WRONG_AUDIENCE = "wrong_audience"
    MISSING_CLAIM = "missing_claim"


class InvalidTokenError(PluginError, ValueError):
    """A token is invalid. The error does not contain the token.

    >>> InvalidTokenError("the token has expired", reason=TokenFault.EXPIRED).reason.value
    'expired'

    Attributes:
        reason: the reason, as a code.
    """

    def __init__(self, message: str, *, reason: TokenFault, **facts: Any) -> None:
        super().__init__(message, **facts)
        self.reason = reason


@attrs.frozen
class Principal:
    """The sender of a token, according to its issuer.

    Attributes:
        subject: the issuer's id of the sender.
        issuer: the URL or name of the issuer.
        claims: all claims of the token.
        expires: when the token expires, in seconds since the epoch; None if it does not.
    """

    subject: str
    issuer: str
    claims: Mapping[str, Any] = attrs.field(factory=dict, repr=False)
    expires: float | None = None


class IdentityPlugin(PluginMetadata):
    """The contract of identity providers. Each call goes to one plugin. Hooks must be thread-safe.

    >>> from floe_plugins import IdentityPlugin
    >>> class Demo(IdentityPlugin):
    ...     name, version, floe_api_version = "demo", "1.0", "1.0"
    ...     def verify(self, token, audience=None):
    ...         if token != "ada":
    ...             raise InvalidTokenError("the signature is invalid", reason=TokenFault.BAD_SIGNATURE)
    ...         return Principal("ada", "https://issuer.example")
    ...     def roles(self, principal):
    ...         return frozenset({"analyst"})
    ...     def keys(self, refresh=False):
    ...         return {"keys": []}
    >>> Demo().verify("ada").subject
    'ada'
    """

    @hookspec(firstresult=True)
    @abstractmethod
    def verify(self, token: str, audience: str | None = None) -> Principal:
        """Return the sender of a token after checking its signature, times, issuer and audience.

        Raises:
            InvalidTokenError: the token is invalid, or its validity is in doubt.
            PluginUnavailableError: the keys of the issuer cannot be read, so the token cannot be checked.
        """

    @hookspec(firstresult=True)
    @abstractmethod
    def roles(self, principal: Principal) -> frozenset[str]:
        """Return the roles of the principal on this platform; empty if it has none."""

    @hookspec(firstresult=True)
    @abstractmethod
    def keys(self, refresh: bool = False) -> Mapping[str, Any]:  # noqa: FBT001, FBT002 pluggy passes by name
        """Return the public keys in use as a JSON Web Key Set (RFC 7517). ``refresh`` bypasses the cache.

        Raises:
            PluginUnavailableError: the keys of the issuer cannot be read.
        """
