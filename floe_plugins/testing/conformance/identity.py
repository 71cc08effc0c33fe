"""The rules for identity providers."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from floe_plugins.hookspecs.identity import InvalidTokenError, Principal, TokenFault
from floe_plugins.testing.conformance.base import PluginConformance
from floe_plugins.testing.conformance.parts.identity_keys import KeyRules
from floe_plugins.testing.conformance.rule import error_text, rule, shown
from floe_plugins.testing.conformance.samples.tokens import MALFORMED, claims_of, places, unsigned

_VERIFY = """
def verify(self, token, audience=None):
    claims = self._checked(token, audience or self.config.audience)  # signature, times, issuer, audience
    return Principal(claims["sub"], claims["iss"], claims, claims.get("exp"))
"""
_REFUSE = """
def verify(self, token, audience=None):
    ...
    if claims["exp"] <= time.time():
        # Without the token, and without an error of the library that has it in its text.
        raise InvalidTokenError("the token has expired", reason=TokenFault.EXPIRED) from None
"""
_ROLES = """
def roles(self, principal):
    if principal.issuer != self.config.issuer:
        return frozenset()
    return frozenset(principal.claims.get("roles", ()))
"""


class IdentityConformance(KeyRules, PluginConformance):
    """The rules for ``IdentityPlugin``.

    >>> from floe_plugins.testing import IdentityConformance
    >>> class TestAcme(IdentityConformance):
    ...     plugin = ...  # your class
    ...     subject, issuer = "ada", "https://login.example.org"
    ...     def token(self):
    ...         return sign({"sub": "ada", "iss": "https://login.example.org", "exp": time.time() + 600})
    ...     def bad_token(self, reason):
    ...         if reason is TokenFault.EXPIRED:
    ...             return sign({"sub": "ada", "iss": "https://login.example.org", "exp": time.time() - 600})
    ...         ...

    Attributes:
        subject: the sender of the token that ``token`` returns.
        issuer: its issuer.
        audience: whom it is for; None if its issuer does not say.
        expected_roles: the roles of its sender on the platform.
    """

    @rule(_VERIFY)
    def test_a_valid_token_gives_a_principal(self) -> None:
        """``verify`` returns a ``Principal``."""
        with self.started() as plugin:
            found = plugin.verify(self.token())
            self.expect(isinstance(found, Principal), f"verify returned {shown(found)}")

    @rule(_VERIFY)
    def test_the_principal_is_the_sender(self) -> None:
        """``Principal.subject`` is the issuer's id of the sender."""
        if not self.subject:
            self.missing("subject", "who the sender of the token is")
        with self.started() as plugin:
            found = plugin.verify(self.token()).subject
            self.expect(found == self.subject, f"the subject is {shown(found)}, expected {self.subject!r}")

    @rule(_VERIFY)
    def test_the_principal_names_the_issuer(self) -> None:
        """``Principal.issuer`` is the URL or name of the issuer."""
        if not self.issuer:
            self.missing("issuer", "who the issuer of the token is")
        with self.started() as plugin:
            found = plugin.verify(self.token()).issuer
            self.expect(found == self.issuer, f"the issuer is {shown(found)}, expected {self.issuer!r}")

    @rule(_VERIFY)
    def test_the_principal_has_all_claims(self) -> None:
        """``Principal.claims`` has all claims of the token."""
        token = self.token()
        wanted = self._claims(token)
        with self.started() as plugin:
            claims = plugin.verify(token).claims
            self.expect(isinstance(claims, Mapping), f"the claims are {shown(claims)}")
            wrong = sorted(name for name, value in wanted.items() if name not in claims or claims[name] != value)
            self.expect(not wrong, f"the claims lack {shown(wrong)}, or have another value for them")

    @rule(_VERIFY)
    def test_the_principal_says_when_the_token_expires(self) -> None:
        """``Principal.expires`` is when the token expires, in seconds since the epoch; None if it does not."""
        token = self.token()
        claims = claims_of(token)
        with self.started() as plugin:
            found = plugin.verify(token).expires
            if claims is not None:
                self.expect(found == claims.get("exp"), f"it is {shown(found)}, expected {shown(claims.get('exp'))}")
            elif found is not None:
                number = isinstance(found, (int, float)) and found > time.time()
                self.expect(number, f"it is {shown(found)}, and the token is still valid")

    @rule(_REFUSE)
    def test_a_malformed_token_is_refused(self) -> None:
        """``verify`` raises ``InvalidTokenError`` if the text is no token at all."""
        with self.started() as plugin:
            for text in MALFORMED:
                with self.raises(InvalidTokenError, f"verify({text[:20]!r})"):
                    plugin.verify(text)

    @rule(_REFUSE)
    def test_a_refusal_has_a_code(self) -> None:
        """``InvalidTokenError.reason`` is the reason as a code, a ``TokenFault``."""
        with self.started() as plugin:
            for text in MALFORMED[:4]:
                reason: Any = self._refusal(plugin, text, repr(text)).reason
                self.expect(isinstance(reason, TokenFault), f"for {text!r} the reason is {shown(reason)}")

    @rule(_REFUSE)
    def test_an_expired_token_is_refused(self) -> None:
        """``verify`` checks the times: it raises ``InvalidTokenError`` for a token that has expired."""
        self._refused(TokenFault.EXPIRED)

    @rule(_REFUSE)
    def test_a_token_of_the_future_is_refused(self) -> None:
        """``verify`` checks the times: it raises ``InvalidTokenError`` for a token that is not valid yet."""
        self._refused(TokenFault.NOT_YET_VALID)

    @rule(_REFUSE)
    def test_a_bad_signature_is_refused(self) -> None:
        """``verify`` checks the signature: it raises ``InvalidTokenError`` if another key has signed."""
        self._refused(TokenFault.BAD_SIGNATURE)

    @rule(_REFUSE)
    def test_an_unknown_key_is_refused(self) -> None:
        """``verify`` raises ``InvalidTokenError`` if the issuer does not have the key that the token names."""
        self._refused(TokenFault.UNKNOWN_KEY)

    @rule(_REFUSE)
    def test_another_algorithm_is_refused(self) -> None:
        """``verify`` raises ``InvalidTokenError`` if the signature is of an algorithm that is not accepted."""
        self._refused(TokenFault.WRONG_ALGORITHM)

    @rule(_REFUSE)
    def test_another_issuer_is_refused(self) -> None:
        """``verify`` checks the issuer: it raises ``InvalidTokenError`` for a token of another one."""
        self._refused(TokenFault.WRONG_ISSUER)

    @rule(_REFUSE)
    def test_another_audience_is_refused(self) -> None:
        """``verify`` checks the audience: it raises ``InvalidTokenError`` for a token that is for another one."""
        self._refused(TokenFault.WRONG_AUDIENCE)

    @rule(_REFUSE)
    def test_a_missing_claim_is_refused(self) -> None:
        """``verify`` raises ``InvalidTokenError`` if its validity is in doubt, such as without a claim it needs."""
        self._refused(TokenFault.MISSING_CLAIM)

    @rule(_REFUSE)
    def test_claims_of_other_types_are_refused(self) -> None:
        """``verify`` raises ``InvalidTokenError`` if its validity is in doubt, such as by a time that is a text."""
        odd = ({"sub": 7}, {"sub": ""}, {"exp": "tomorrow"}, {"exp": True}, {"exp": 10**400}, {"nbf": "yesterday"})
        valid = self._claims(self.token())
        self._refuses_signed([({**valid, **each}, {}) for each in odd])
        self._refuses_signed([([valid], {}), ("conformance", {})])

    @rule(_REFUSE)
    def test_headers_that_ask_for_more_are_refused(self) -> None:
        """``verify`` raises ``InvalidTokenError`` for a header with what it does not support (RFC 7515, ``crit``)."""
        valid = self._claims(self.token())
        asked = {"crit": ["conformance"], "conformance": 1}, {"kid": 7}, {"alg": ["ES256"]}, {"alg": "RS256"}
        self._refuses_signed([(valid, each) for each in asked])

    def _refuses_signed(self, made: Sequence[tuple[object, Mapping[str, Any]]]) -> None:
        with self.started() as plugin:
            valid = self._claims(self.token())
            for claims, header in ((valid, {}), *made):
                token = self.signed(claims, header)
                if token is None:
                    self.skip("signed() is not overridden, or such tokens cannot be made")
                if claims is valid and not header:
                    self._accepted(plugin, token)
                    continue
                self._refusal(
                    plugin, token, f"a signed token with the claims {shown(claims)} and header {shown(header)}"
                )

    def _accepted(self, plugin: Any, token: str) -> None:
        """Refuse a ``signed`` whose tokens are invalid whatever they claim: that they are refused proves nothing."""
        try:
            plugin.verify(token)
        except InvalidTokenError as error:
            seen = f"verify refuses what signed() returned for the claims of a valid token: {error_text(error)}"
            self.unproved(seen, "signed", error)

    @rule(_REFUSE)
    def test_a_changed_token_is_refused(self) -> None:
        """``verify`` checks the signature: a valid token of which a character was changed is refused."""
        token = self.token()
        with self.started() as plugin:
            for place in places(token):
                changed = f"{token[:place]}{'A' if token[place] != 'A' else 'B'}{token[place + 1 :]}"
                self._refusal(plugin, changed, f"a token of which character {place + 1} was changed")

    @rule(_REFUSE)
    def test_an_unsigned_token_is_refused(self) -> None:
        """``verify`` checks the signature: the claims of a valid token without a signature are refused."""
        token = self.token()
        self._claims(token)
        with self.started() as plugin:
            for algorithm in ("none", "None", "NONE"):
                text = unsigned(token, algorithm)
                self._refusal(plugin, text, f"a token with the algorithm {algorithm} and no signature")

    @rule(_VERIFY)
    def test_the_audience_can_be_named(self) -> None:
        """``verify`` accepts a token that is for the ``audience`` of the call."""
        if self.audience is None:
            self.skip("the tokens name no audience")
        with self.started() as plugin:
            found = plugin.verify(self.token(), audience=self.audience)
            self.expect(found is not None, f"verify(token, audience={self.audience!r}) returned None")

    @rule(_REFUSE)
    def test_the_audience_of_the_call_counts(self) -> None:
        """``verify`` refuses a token that is for another audience than the ``audience`` of the call."""
        if self.audience is None:
            self.skip("the tokens name no audience")
        with self.started() as plugin:
            for audience in ("conformance-other", f"{self.audience}-other", self.audience[:-1] or "other"):
                what = f"a token for {self.audience!r} with audience={audience!r}"
                self._refusal(plugin, self.token(), what, audience)

    @rule(_REFUSE)
    def test_an_error_does_not_contain_the_token(self) -> None:
        """``InvalidTokenError`` does not contain the token."""
        token = self.token()
        secret = token.rpartition(".")[2] or token
        changed = f"{token}conformance"
        with self.started() as plugin:
            for text in (changed, f"conformance {changed}"):
                error: BaseException | None = self._refusal(plugin, text, "a changed token")
                while error is not None:
                    facts = f"{error} {error!r} {error.args!r} {vars(error)!r}"
                    self.expect(secret not in facts, f"{type(error).__name__} contains the token or its signature")
                    error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)

    @rule(_VERIFY)
    def test_several_threads_verify_at_once(self) -> None:
        """Hooks are thread-safe: tokens that several threads verify at once are not mixed up."""
        token = self.token()
        with self.started() as plugin:

            def accepted(text: str) -> Callable[[], bool]:
                def ask() -> bool:
                    try:
                        return plugin.verify(text) is not None
                    except InvalidTokenError:
                        return False

                return ask

            results = self.together([accepted(token), accepted("garbage")] * 4)
            seen = f"a valid and an invalid token in turn were accepted: {results}"
            self.expect(results == [True, False] * 4, seen)

    @rule(_ROLES)
    def test_roles_are_a_frozenset_of_strings(self) -> None:
        """``roles`` returns a frozenset of strings."""
        with self.started() as plugin:
            found = plugin.roles(plugin.verify(self.token()))
            right = isinstance(found, frozenset) and all(isinstance(role, str) for role in found)
            self.expect(right, f"roles returned {shown(found)}")

    @rule(_ROLES)
    def test_the_roles_are_those_of_the_principal(self) -> None:
        """``roles`` returns the roles of the principal on this platform."""
        with self.started() as plugin:
            found = set(plugin.roles(plugin.verify(self.token())))
            wanted = set(self.expected_roles)
            self.expect(found == wanted, f"roles returned {shown(sorted(found))}, expected {shown(sorted(wanted))}")

    @rule(_ROLES)
    def test_a_principal_may_have_no_roles(self) -> None:
        """``roles`` returns an empty set for a principal that has none, such as one of another issuer."""
        with self.started() as plugin:
            found = plugin.roles(self.stranger())
            self.expect(found == frozenset(), f"roles({shown(self.stranger())}) returned {shown(found)}")
