"""Tokens of an OpenID Connect provider."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, Field, SecretStr

from floe_plugins import HealthState, HealthStatus, IdentityPlugin
from floe_plugins.hookspecs.identity import Credentials, IssuedToken, Principal
from floe_reference_identity_oidc._fetch import safe
from floe_reference_identity_oidc._issuing import Client
from floe_reference_identity_oidc._keys import KeySource
from floe_reference_identity_oidc._tokens import Rules, verified

# With a shared secret, whoever can check a token can also make one; "none" is no signature at all.
Algorithm = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"]


def _file_or_safe(place: str) -> str:
    return safe(place) if "://" in place else place


class OidcIdentityConfig(BaseModel):
    """The trusted issuer and the audience."""

    issuer: str = Field(min_length=1, description="Who makes the tokens: their claim iss, to the letter")
    audience: str = Field(min_length=1, description="Whom tokens are for, where a caller of verify does not say so")
    jwks: Annotated[str, AfterValidator(_file_or_safe)] | None = Field(
        default=None,
        description="Public keys of the issuer: file or https:// URL; found by OpenID Connect discovery if not set",
    )
    algorithms: tuple[Algorithm, ...] = Field(
        default=("RS256", "ES256"), min_length=1, description="Signatures that are accepted"
    )
    leeway: float = Field(default=30.0, ge=0, le=300, description="Seconds by which clocks may differ")
    roles_claim: str = Field(
        default="roles", min_length=1, description="Claim with the roles; dots lead inwards: realm_access.roles"
    )
    roles: dict[str, tuple[str, ...]] | None = Field(
        default=None, description="Roles here for each of the issuer's; if not set, the issuer's are taken as they are"
    )
    max_age: float = Field(default=300.0, ge=0, description="Seconds after which keys are read anew")
    max_stale: float = Field(
        default=3600.0, ge=0, description="Seconds for which keys are trusted while they cannot be read anew"
    )
    cooldown: float = Field(default=10.0, ge=0, description="Seconds between two attempts to read the keys anew")
    timeout: float = Field(default=3.0, gt=0, le=60, description="Seconds in which the issuer has to answer")
    token_endpoint: Annotated[str, AfterValidator(safe)] | None = Field(
        default=None, description="Where the issuer gives tokens; found by OpenID Connect discovery if not set"
    )
    client_id: str | None = Field(default=None, description="The platform's own name at the issuer")
    client_secret: SecretStr | None = Field(default=None, description="The platform's own secret at the issuer")
    password_grant: bool = Field(
        default=False, description="Whether credentials are a user's name and password, and not a client's"
    )


class OidcIdentity(IdentityPlugin):
    """Checks signed tokens (JWT) against the public keys of their issuer.

    The keys are read at the start, when they are old, and when a token names one
    that is not known, but no more often than ``cooldown`` allows. If they cannot
    be read, the ones there are stay trusted for ``max_stale`` seconds; after that
    ``verify`` and ``keys`` raise a ``PluginError``, for a server a ``PluginUnavailableError``.
    """

    name = "oidc"
    version = "0.1.0"
    floe_api_version = "1.1"
    description = "Tokens of an OpenID Connect provider"
    config_schema = OidcIdentityConfig
    config: OidcIdentityConfig

    def startup(self) -> None:
        config = self.config
        self._keys = KeySource(config.issuer, config.jwks, config.timeout, config.cooldown)
        self._rules = Rules(config.issuer, frozenset(config.algorithms), config.leeway)
        self._client = Client(config)
        self._keys.refresh()

    def health_check(self) -> HealthStatus:
        config = self.config
        state = self._keys.state(config.max_age)
        details = {"keys": state.count, "age_seconds": round(state.age, 3)}
        if not state.error:
            return HealthStatus(HealthState.HEALTHY, f"{state.count} keys are known", details)
        if state.age > config.max_stale:
            return HealthStatus(HealthState.UNHEALTHY, f"the keys are too old, and {state.error}", details)
        return HealthStatus(HealthState.DEGRADED, f"older keys are in use: {state.error}", details)

    def verify(self, token: str, audience: str | None = None) -> Principal:
        config = self.config
        keys = self._keys.current(config.max_age, config.max_stale)
        return verified(token, config.audience if audience is None else audience, keys, self._rules)

    def roles(self, principal: Principal) -> frozenset[str]:
        if principal.issuer != self.config.issuer:
            return frozenset()
        named = _claim(principal.claims, self.config.roles_claim)
        mapping = self.config.roles
        if mapping is None:
            return frozenset(named)
        return frozenset(role for name in named for role in mapping.get(name, ()))

    def keys(self, refresh: bool = False) -> Mapping[str, Any]:  # noqa: FBT001, FBT002 pluggy passes by name
        if refresh:
            self._keys.refresh()
        return self._keys.current(self.config.max_age, self.config.max_stale).as_dict()

    def authenticate(self, credentials: Credentials) -> IssuedToken:
        return self._client.token_for(credentials)

    def service_token(self, audience: str | None = None, valid_for: float = 60.0) -> IssuedToken:
        return self._client.own_token(audience, valid_for)


def _claim(claims: Mapping[str, Any], path: str) -> list[str]:
    """The strings at a path in the claims; one string is split into words, as in OAuth scopes."""
    # Some issuers' claims are URLs, with dots of their own.
    found: Any = claims.get(path)
    if found is None:
        found = claims
        for part in path.split("."):
            found = found.get(part) if isinstance(found, Mapping) else None
    if isinstance(found, str):
        return found.split()
    return [name for name in found if isinstance(name, str)] if isinstance(found, list) else []
