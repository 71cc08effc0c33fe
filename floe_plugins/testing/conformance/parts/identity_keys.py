"""What the rules for identity providers share, and the rules for their public keys."""

from __future__ import annotations

import contextlib
import copy
import json
from collections.abc import Collection, Mapping
from typing import Any

from floe_plugins.errors import PluginUnavailableError
from floe_plugins.hookspecs.identity import InvalidTokenError, Principal, TokenFault
from floe_plugins.testing.conformance.case import Case
from floe_plugins.testing.conformance.rule import rule, shown
from floe_plugins.testing.conformance.samples.tokens import PRIVATE, claims_of, header_of

_VERIFY = """
def verify(self, token, audience=None):
    claims = self._checked(token, audience or self.config.audience)  # signature, times, issuer, audience
    return Principal(claims["sub"], claims["iss"], claims, claims.get("exp"))
"""
_KEYS = """
def keys(self, refresh=False):
    if refresh or self._cache is None:
        self._cache = self._read_public_keys()  # raises PluginUnavailableError
    return {"keys": [{"kty": "RSA", "kid": "1", "n": "...", "e": "AQAB"}]}
"""


class IdentityCase(Case):
    """What all rules for identity providers work with."""

    subject: str = ""
    issuer: str = ""
    audience: str | None = None
    expected_roles: Collection[str] = ()

    def token(self) -> str:
        """Return a valid token. Override it."""
        self.missing("token", "what a valid token is")

    def bad_token(self, reason: TokenFault) -> str | None:
        """Return a token that is valid but for ``reason``; None if there is no such token. Override it.

        It is asked for every reason except ``MALFORMED``.
        """
        self.missing("bad_token", f"what a token is that is invalid for the reason {reason.value}")

    def signed(self, claims: object, header: Mapping[str, Any]) -> str | None:
        """Return a token with these claims, signed by the issuer, and with more in its header. Override it.

        None, as by default, if such tokens cannot be made here.
        """
        del claims, header
        return None

    def rotate(self) -> bool:
        """Replace the public keys at the issuer; return False if it cannot be done here. Override it."""
        self.missing("rotate", "how the keys of the issuer are replaced")

    def outage(self) -> contextlib.AbstractContextManager[Any] | None:
        """Return a context in which the issuer's keys cannot be read; None if there is none. Override it."""
        self.missing("outage", "how it comes about that the keys of the issuer cannot be read")

    def use(self, plugin: Any) -> None:
        """Verify a token, and read the keys anew."""
        plugin.verify(self.token())
        plugin.keys(refresh=True)

    def stranger(self) -> Principal:
        """Return a principal that has no roles on the platform."""
        return Principal("conformance-stranger", "https://stranger.invalid")

    def _outage(self) -> contextlib.AbstractContextManager[Any]:
        return self.block("outage") or self.skip("outage() returned None: the keys can always be read")

    def _claims(self, token: str) -> dict[str, Any]:
        """The claims of a token, if it is one that can be read without keys (RFC 7519)."""
        return claims_of(token) or self.skip("the token is not a JSON Web Token")

    def _refused(self, reason: TokenFault) -> None:
        """A token with this mistake is refused for this reason."""
        token = self.bad_token(reason)
        if token is None:
            self.skip(f"there is no token that is invalid for the reason {reason.value}")
        with self.started() as plugin:
            error = self._refusal(plugin, token, f"a token that is invalid for the reason {reason.value}")
            self.expect(error.reason is reason, f"the reason of the error is {shown(error.reason)}")
            # Who has looked for a key has to let others read keys.
            plugin.keys(refresh=True)

    def _refusal(self, plugin: Any, token: str, what: str, audience: str | None = None) -> InvalidTokenError:
        try:
            principal = plugin.verify(token, audience)
        except InvalidTokenError as error:
            return error
        else:
            self.broken(f"verify accepted {what}, and returned {shown(principal)}")


class KeyRules(IdentityCase):
    """The rules for ``keys``, and for keys that cannot be read."""

    @rule(_KEYS)
    def test_keys_are_a_json_web_key_set(self) -> None:
        """``keys`` returns a JSON Web Key Set (RFC 7517): a mapping of ``keys`` to keys, each with its ``kty``."""
        with self.started() as plugin:
            found = plugin.keys()
            keys = found.get("keys") if isinstance(found, Mapping) else None
            right = isinstance(keys, (list, tuple)) and all(
                isinstance(key, Mapping) and isinstance(key.get("kty"), str) for key in keys
            )
            self.expect(right, f"keys returned {shown(found)}")

    @rule(_KEYS)
    def test_keys_are_json(self) -> None:
        """``keys`` returns what can be written as JSON."""
        with self.started() as plugin:
            json.dumps(plugin.keys())

    @rule(_KEYS)
    def test_keys_are_public(self) -> None:
        """``keys`` returns public keys: nothing of a private key, and no shared secret."""
        with self.started() as plugin:
            for key in plugin.keys()["keys"]:
                private = sorted(PRIVATE & set(key))
                self.expect(not private, f"a key has the members {shown(private)}")
                self.expect(key.get("kty") != "oct", "a key is a shared secret (kty is oct)")

    @rule(_KEYS)
    def test_keys_in_use_are_there(self) -> None:
        """``keys`` returns the keys in use: also the one that has signed a valid token."""
        token = self.token()
        name = (header_of(token) or {}).get("kid")
        if name is None:
            self.skip("the token does not name its key")
        with self.started() as plugin:
            names = [key.get("kid") for key in plugin.keys()["keys"]]
            self.expect(name in names, f"keys returned the keys {shown(names)}, and the token is signed with {name!r}")

    @rule(_KEYS)
    def test_a_refresh_bypasses_the_cache(self) -> None:
        """``keys(refresh=True)`` bypasses the cache, each time: it returns the keys that the issuer has now."""
        with self.started() as plugin:
            before = copy.deepcopy(plugin.keys(refresh=True))
            if not self.rotate():
                self.skip("the keys of the issuer cannot be replaced")
            self.expect(
                plugin.keys(refresh=True) != before,
                "keys(refresh=True) returned the keys from before the issuer replaced them",
            )

    @rule(_KEYS)
    def test_keys_that_cannot_be_read_are_unavailable(self) -> None:
        """``keys`` raises ``PluginUnavailableError`` if the keys of the issuer cannot be read."""
        what = "keys(refresh=True) while they cannot be read"
        with self.started() as plugin, self._outage(), self.raises(PluginUnavailableError, what):
            plugin.keys(refresh=True)

    @rule(_VERIFY)
    def test_a_token_that_cannot_be_checked_is_not_invalid(self) -> None:
        """``verify`` raises ``PluginUnavailableError``, and not that the token is invalid, if keys cannot be read."""
        with self.started() as plugin:
            token = self.token()
            # A plugin may go on with the keys that it has.
            with self._outage(), contextlib.suppress(PluginUnavailableError):
                plugin.verify(token)
