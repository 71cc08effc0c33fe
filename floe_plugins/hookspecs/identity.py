"""Identity: tells who sent a token."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from enum import Enum
from typing import Any

import attrs

from floe_plugins.errors import PluginError
from floe_plugins.hookspecs.base import PluginMetadata, hookspec


class TokenFault(str, Enum):
    """Why a token was refused."""

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
    """A token that must not be trusted. Never carries the token.

    Attributes:
        reason: why, as a code to act on.
    """

    def __init__(self, message: str, *, reason: TokenFault, **facts: Any) -> None:
        super().__init__(message, **facts)
        self.reason = reason


@attrs.frozen
class Principal:
    """Who sent a token, as its issuer says.

    Attributes:
        expires: seconds since the epoch.
    """

    subject: str
    issuer: str
    claims: Mapping[str, Any] = attrs.field(factory=dict, repr=False)
    expires: float | None = None


class IdentityPlugin(PluginMetadata):
    """One issuer of identities. Hooks are asked of one chosen plugin and safe from several threads."""

    @hookspec(firstresult=True)
    @abstractmethod
    def verify(self, token: str, audience: str | None = None) -> Principal:
        """Who sent the token: signature, times, issuer and audience are checked.

        Raises:
            InvalidTokenError: with a reason code; never returns for a token in doubt.
            PluginUnavailableError: the issuer's keys cannot be had, so nothing is said of the token.
        """
        raise NotImplementedError

    @hookspec(firstresult=True)
    @abstractmethod
    def roles(self, principal: Principal) -> frozenset[str]:
        """The roles that the principal has on this platform; empty if none."""
        raise NotImplementedError

    @hookspec(firstresult=True)
    @abstractmethod
    def keys(self, refresh: bool = False) -> Mapping[str, Any]:  # noqa: FBT001, FBT002 pluggy passes by name
        """The public keys in use, as a JSON Web Key Set (RFC 7517); ``refresh`` reads them anew.

        Raises:
            PluginUnavailableError: the issuer's keys cannot be had.
        """
        raise NotImplementedError
