"""Identity for floe: tokens of an OpenID Connect provider."""

from floe_reference_identity_oidc.plugin import OidcIdentity, OidcIdentityConfig

__all__ = ["OidcIdentity", "OidcIdentityConfig"]
