"""Identity: verifies tokens and returns who sent them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any

import attrs

from floe_plugins.core.lazy import LazyModule
from floe_plugins.errors import PluginError, UnsupportedOperationError
from floe_plugins.hookspecs.base import PluginMetadata, added_in, hookspec

if TYPE_CHECKING:
    import pydantic
else:
    pydantic = LazyModule("pydantic")


class TokenFault(str, Enum):
    """The reason why a token is invalid, as a code that programs and logs may use; it contains nothing of the token."""

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


@attrs.frozen
class Credentials:
    """What someone proves who they are with.

    Attributes:
        user: the name of a user or of a service.
        secret: their password or key.
        refresh_token: takes the place of both; it came with an earlier token.
        audience: whom the token is to be for; the issuer's choice if it is empty.
        scope: what the token is to allow, in the issuer's words.
    """

    user: str = ""
    secret: pydantic.SecretStr | None = None
    refresh_token: pydantic.SecretStr | None = None
    audience: str = ""
    scope: str = ""


@attrs.frozen
class IssuedToken:
    """A token that an issuer gave.

    >>> import pydantic
    >>> from floe_plugins.hookspecs import IssuedToken
    >>> IssuedToken(pydantic.SecretStr("eyJ..."), expires=1_800_000_000.0)
    IssuedToken(token=SecretStr('**********'), expires=1800000000.0, refresh_token=None)

    Attributes:
        token: as ``verify`` takes it.
        expires: when it expires, in seconds since the epoch; None if that is not known.
        refresh_token: with which another one is had, if the issuer gave one.
    """

    token: pydantic.SecretStr
    expires: float | None = None
    refresh_token: pydantic.SecretStr | None = None


class CredentialsRefusedError(PluginError):
    """The issuer does not give a token for these credentials. The error does not contain them.

    An issuer that does not answer is a ``PluginUnavailableError`` instead.

    >>> from floe_plugins.hookspecs import CredentialsRefusedError
    >>> str(CredentialsRefusedError("the issuer refuses the user 'etl'", hint="Rotate its password"))
    "the issuer refuses the user 'etl'. Rotate its password"
    """


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

    @added_in("1.1")
    @hookspec(firstresult=True)
    def authenticate(self, credentials: Credentials) -> IssuedToken:
        """Get a token for credentials from the issuer.

        Since API 1.1.

        Raises:
            CredentialsRefusedError: the issuer gives none.
            PluginUnavailableError: the issuer does not answer.
            UnsupportedOperationError: the plugin takes no such credentials. The default.
        """
        raise UnsupportedOperationError(
            f"identity:{self.name} takes no credentials of {credentials.user!r}",
            hint="Get a token from the issuer, and use verify",
        )

    @added_in("1.1")
    @hookspec(firstresult=True)
    def service_token(self, audience: str | None = None, valid_for: float = 60.0) -> IssuedToken:
        """Return a token of the platform itself, which is valid for at least so many seconds.

        Since API 1.1.

        Call it for each use: the token is kept until it has to be renewed, and one caller at a time renews it.

        Raises:
            CredentialsRefusedError: the issuer gives the platform no token, or none that is valid for so long.
            PluginUnavailableError: the issuer does not answer, and no token that is kept is valid for so long.
            UnsupportedOperationError: the platform has no credentials of its own. The default.
        """
        raise UnsupportedOperationError(
            f"identity:{self.name} has no token of its own for {audience or 'anyone'} for {valid_for:g} seconds"
        )
