"""A correct identity provider keeps every rule, and for each rule a faulty one breaks it and no other."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Mapping
from typing import Any

import pytest
from conformance_suite import broken, check, conformance, own_rules

from floe_plugins import IdentityPlugin, PluginUnavailableError
from floe_plugins.hookspecs.identity import InvalidTokenError, Principal, TokenFault
from floe_plugins.testing import ConformanceClassError, IdentityConformance

ISSUER = "https://issuer.example"
BARRIER_SECONDS = 0.2


class Issuer:
    """Makes tokens. What signs them stands in for a private key; ``published`` are the public ones."""

    def __init__(self) -> None:
        self.secrets = {"first": b"first", "second": b"second"}
        self.up = True

    def published(self):
        if not self.up:
            raise PluginUnavailableError("the issuer does not answer")
        return {"keys": [{"kty": "demo", "kid": name} for name in self.secrets]}


def encoded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decoded(text):
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def signature(text, secret):
    return encoded(hmac.digest(secret, text.encode(), "sha256"))


def signed(claims, *, kid="first", secret=b"first", alg="demo", **header):
    parts = [encoded(json.dumps(part).encode()) for part in ({"alg": alg, "kid": kid, **header}, claims)]
    return ".".join((*parts, signature(".".join(parts), secret)))


class DemoIdentity(IdentityPlugin):
    name = "demo"
    version = "1.0"
    floe_api_version = "1.0"
    issuer: Issuer
    leeway = 0
    algorithms = ("demo",)
    needed = ("sub", "iss", "aud", "exp")

    def startup(self):
        self.cached = self.issuer.published()

    def verify(self, token, audience=None):
        header, claims = self.parts(token)
        self.check_types(header, claims)
        if header.get("alg") not in self.algorithms:
            self.refuse(TokenFault.WRONG_ALGORITHM)
        secret = self.secret(header)
        if secret is None:
            self.refuse(TokenFault.UNKNOWN_KEY)
        if not self.same(token, secret):
            self.refuse(TokenFault.BAD_SIGNATURE)
        self.check(claims, "floe" if audience is None else audience)
        return self.principal(claims)

    def principal(self, claims):
        return Principal(claims["sub"], claims["iss"], claims, claims["exp"])

    def secret(self, header):
        return self.issuer.secrets.get(header.get("kid"))

    def same(self, token, secret):
        text, _, last = token.rpartition(".")
        return hmac.compare_digest(signature(text, secret), last)

    def parts(self, token):
        try:
            header, claims, _ = token.split(".")
            return json.loads(decoded(header)), json.loads(decoded(claims))
        except ValueError:
            pass
        return self.refuse(TokenFault.MALFORMED)

    def refuse(self, reason):
        raise InvalidTokenError(f"the token is refused: {reason.value}", reason=reason)

    def check(self, claims, audience):
        if [name for name in self.needed if name not in claims]:
            self.refuse(TokenFault.MISSING_CLAIM)
        if claims["iss"] != ISSUER:
            self.refuse(TokenFault.WRONG_ISSUER)
        if not self.is_for(claims["aud"], audience):
            self.refuse(TokenFault.WRONG_AUDIENCE)
        if claims["exp"] + self.leeway <= time.time():
            self.refuse(TokenFault.EXPIRED)
        if claims.get("nbf", 0) > time.time():
            self.refuse(TokenFault.NOT_YET_VALID)

    def check_types(self, header, claims):
        self.check_header(header)
        if not isinstance(claims, dict) or not all(self.fits(*each) for each in claims.items()):
            self.refuse(TokenFault.MALFORMED)

    def check_header(self, header):
        if not isinstance(header.get("kid", ""), str) or not isinstance(header.get("alg"), str) or "crit" in header:
            self.refuse(TokenFault.MALFORMED)

    def fits(self, name, value):
        if name in {"exp", "nbf"}:
            return type(value) in {int, float} and value < 1e15
        return value and isinstance(value, str) if name == "sub" else True

    def is_for(self, named, audience):
        return named == audience

    def roles(self, principal):
        return frozenset(principal.claims.get("roles", ())) if principal.issuer == ISSUER else frozenset()

    def keys(self, refresh=False):
        if refresh:
            self.cached = self.issuer.published()
        return self.cached


class DemoConformance(IdentityConformance):
    plugin = DemoIdentity
    subject = "ada"
    issuer = ISSUER
    audience = "floe"
    expected_roles = ("analyst", "author")

    def setup_method(self) -> None:
        self.demo = Issuer()
        self.plugin = type(self.plugin.__name__, (self.plugin,), {"issuer": self.demo})

    def claims(self, **changed: Any) -> dict[str, Any]:
        exp = int(time.time()) + 600
        made = {"sub": "ada", "iss": ISSUER, "aud": "floe", "exp": exp, "roles": ["analyst", "author"], **changed}
        return {name: value for name, value in made.items() if value is not ...}

    def token(self) -> str:
        return signed(self.claims())

    def bad_token(self, reason: TokenFault) -> str | None:
        now = int(time.time())
        tokens = {
            TokenFault.EXPIRED: signed(self.claims(exp=now - 60)),
            TokenFault.NOT_YET_VALID: signed(self.claims(nbf=now + 60)),
            TokenFault.BAD_SIGNATURE: signed(self.claims(), secret=b"other"),
            TokenFault.UNKNOWN_KEY: signed(self.claims(), kid="third", secret=b"third"),
            TokenFault.WRONG_ALGORITHM: signed(self.claims(), alg="weak"),
            TokenFault.WRONG_ISSUER: signed(self.claims(iss="https://other.example")),
            TokenFault.WRONG_AUDIENCE: signed(self.claims(aud="other")),
            TokenFault.MISSING_CLAIM: signed(self.claims(exp=...)),
        }
        return tokens[reason]

    def signed(self, claims: object, header: Mapping[str, Any]) -> str | None:
        return signed(claims, **header)

    def rotate(self) -> bool:
        self.demo.secrets["third"] = b"third"
        return True

    @contextlib.contextmanager
    def outage(self) -> Any:
        self.demo.up = False
        yield


class OpaqueIdentity(IdentityPlugin):
    """Its tokens are random texts, its issuer is itself."""

    name = "opaque"
    version = "1.0"
    floe_api_version = "1.0"

    def verify(self, token, audience=None):
        if hashlib.sha256(token.encode()).hexdigest() != hashlib.sha256(b"opaque-token").hexdigest():
            raise InvalidTokenError("no such token", reason=TokenFault.MALFORMED)
        return Principal("ada", "here")

    def roles(self, principal):
        return frozenset()

    def keys(self, refresh=False):
        return {"keys": []}


class OpaqueConformance(IdentityConformance):
    plugin = OpaqueIdentity
    subject, issuer = "ada", "here"

    def token(self) -> str:
        return "opaque-token"

    def bad_token(self, reason: TokenFault) -> str | None:
        return None

    def rotate(self) -> bool:
        return False

    def outage(self) -> Any:
        return None


class ReturnsClaims(DemoIdentity):
    class Sender(dict):  # type: ignore[type-arg]
        __getattr__ = dict.get

    def principal(self, claims):
        return self.Sender(subject=claims["sub"], issuer=claims["iss"], claims=claims, expires=claims["exp"])


class SwapsSubject(DemoIdentity):
    def principal(self, claims):
        return Principal(claims["aud"], claims["iss"], claims, claims["exp"])


class SwapsIssuer(DemoIdentity):
    def principal(self, claims):
        return Principal(claims["sub"], claims["aud"], claims, claims["exp"])

    def roles(self, principal):
        return frozenset(principal.claims.get("roles", ()))


class DropsClaims(DemoIdentity):
    def principal(self, claims):
        kept = {name: value for name, value in claims.items() if name != "aud"}
        return Principal(claims["sub"], claims["iss"], kept, claims["exp"])


class NeverExpires(DemoIdentity):
    def principal(self, claims):
        return Principal(claims["sub"], claims["iss"], claims)


class FailsOnGarbage(DemoIdentity):
    def parts(self, token):
        if "." not in token and len(token) > 1000:
            raise IndexError(token[0])
        return super().parts(token)


class RefusesInWords(DemoIdentity):
    def refuse(self, reason):
        code: Any = "malformed" if reason is TokenFault.MALFORMED else reason
        raise InvalidTokenError("the token is refused", reason=code)


class TooLenient(DemoIdentity):
    leeway = 3600


class IgnoresTheStart(DemoIdentity):
    def check(self, claims, audience):
        super().check({**claims, "nbf": 0}, audience)


class TrustsAnotherKey(DemoIdentity):
    def same(self, token, secret):
        return super().same(token, secret) or super().same(token, b"other")


class TrustsUnknownKeys(DemoIdentity):
    def secret(self, header):
        return str(header.get("kid")).encode()


class TrustsWeakAlgorithms(DemoIdentity):
    algorithms = ("demo", "weak")


class TrustsAnyIssuer(DemoIdentity):
    def check(self, claims, audience):
        super().check({**claims, "iss": ISSUER}, audience)


class IsForOthersToo(DemoIdentity):
    def is_for(self, named, audience):
        return named in {audience, "other"}


class NeedsNoTimes(DemoIdentity):
    def check(self, claims, audience):
        super().check({"exp": time.time() + 60, **claims}, audience)

    def principal(self, claims):
        return Principal(claims["sub"], claims["iss"], claims, claims.get("exp"))


class TakesAnySubject(DemoIdentity):
    def fits(self, name, value):
        return name == "sub" or super().fits(name, value)


class IgnoresHeaders(DemoIdentity):
    def check_header(self, header):
        super().check_header({name: value for name, value in header.items() if name != "crit"})


class ComparesTheBeginning(DemoIdentity):
    def same(self, token, secret):
        text, _, last = token.rpartition(".")
        whole = signature(text, secret)
        return len(whole) == len(last) and whole[:10] == last[:10]


class TakesUnsigned(DemoIdentity):
    def verify(self, token, audience=None):
        header, claims = self.parts(token)
        if str(header.get("alg")).lower() == "none":
            return self.principal(claims)
        return super().verify(token, audience)


class KnowsNoAudience(DemoIdentity):
    def verify(self, token, audience=None):
        if audience == "floe":
            self.refuse(TokenFault.WRONG_AUDIENCE)
        return super().verify(token, audience)


class MatchesTheBeginning(DemoIdentity):
    def is_for(self, named, audience):
        return named.startswith(audience)


class ShowsTheToken(DemoIdentity):
    def same(self, token, secret):
        if not super().same(token, secret):
            raise InvalidTokenError(f"bad signature: {token}", reason=TokenFault.BAD_SIGNATURE)
        return True


class SharesTheToken(DemoIdentity):
    def startup(self):
        super().startup()
        self.barrier = threading.Barrier(8)

    def verify(self, token, audience=None):
        if threading.current_thread().name.startswith("conformance-"):
            self.token = token
            with contextlib.suppress(threading.BrokenBarrierError):
                self.barrier.wait(BARRIER_SECONDS)
            token = self.token
        return super().verify(token, audience)


class ListsRoles(DemoIdentity):
    def roles(self, principal):
        return frozenset() if principal.issuer != ISSUER else set(principal.claims["roles"])


class DropsARole(DemoIdentity):
    def roles(self, principal):
        return super().roles(principal) - {"author"}


class MakesUpARole(DemoIdentity):
    def roles(self, principal):
        return super().roles(principal) or frozenset({"guest"})


class ReturnsAList(DemoIdentity):
    class Keys(list):  # type: ignore[type-arg]
        def __getitem__(self, name):
            return super().__getitem__(0)[name] if name == "keys" else super().__getitem__(name)

    def keys(self, refresh=False):
        return self.Keys([super().keys(refresh)])


class ReturnsBytes(DemoIdentity):
    def keys(self, refresh=False):
        found = super().keys(refresh)
        return {"keys": [{**key, "n": b"\0"} for key in found["keys"]]}


class PublishesSecrets(DemoIdentity):
    def keys(self, refresh=False):
        return {"keys": [{**key, "d": "private"} for key in super().keys(refresh)["keys"]]}


class HidesAKey(DemoIdentity):
    def keys(self, refresh=False):
        return {"keys": [key for key in super().keys(refresh)["keys"] if key["kid"] != "first"]}


class KeepsTheCache(DemoIdentity):
    def keys(self, refresh=False):
        if refresh:
            self.issuer.published()
        return self.cached


class AnswersFromTheCache(DemoIdentity):
    def keys(self, refresh=False):
        with contextlib.suppress(PluginUnavailableError):
            return super().keys(refresh)
        return self.cached


class BlamesTheToken(DemoIdentity):
    def secret(self, header):
        return super().secret(header) if self.issuer.up else None


FAULTY: dict[str, type[Any]] = {
    "test_a_valid_token_gives_a_principal": ReturnsClaims,
    "test_the_principal_is_the_sender": SwapsSubject,
    "test_the_principal_names_the_issuer": SwapsIssuer,
    "test_the_principal_has_all_claims": DropsClaims,
    "test_the_principal_says_when_the_token_expires": NeverExpires,
    "test_a_malformed_token_is_refused": FailsOnGarbage,
    "test_a_refusal_has_a_code": RefusesInWords,
    "test_an_expired_token_is_refused": TooLenient,
    "test_a_token_of_the_future_is_refused": IgnoresTheStart,
    "test_a_bad_signature_is_refused": TrustsAnotherKey,
    "test_an_unknown_key_is_refused": TrustsUnknownKeys,
    "test_another_algorithm_is_refused": TrustsWeakAlgorithms,
    "test_another_issuer_is_refused": TrustsAnyIssuer,
    "test_another_audience_is_refused": IsForOthersToo,
    "test_a_missing_claim_is_refused": NeedsNoTimes,
    "test_claims_of_other_types_are_refused": TakesAnySubject,
    "test_headers_that_ask_for_more_are_refused": IgnoresHeaders,
    "test_a_changed_token_is_refused": ComparesTheBeginning,
    "test_an_unsigned_token_is_refused": TakesUnsigned,
    "test_the_audience_can_be_named": KnowsNoAudience,
    "test_the_audience_of_the_call_counts": MatchesTheBeginning,
    "test_an_error_does_not_contain_the_token": ShowsTheToken,
    "test_several_threads_verify_at_once": SharesTheToken,
    "test_roles_are_a_frozenset_of_strings": ListsRoles,
    "test_the_roles_are_those_of_the_principal": DropsARole,
    "test_a_principal_may_have_no_roles": MakesUpARole,
    "test_keys_are_a_json_web_key_set": ReturnsAList,
    "test_keys_are_json": ReturnsBytes,
    "test_keys_are_public": PublishesSecrets,
    "test_keys_in_use_are_there": HidesAKey,
    "test_a_refresh_bypasses_the_cache": KeepsTheCache,
    "test_keys_that_cannot_be_read_are_unavailable": AnswersFromTheCache,
    "test_a_token_that_cannot_be_checked_is_not_invalid": BlamesTheToken,
}


@pytest.mark.parametrize("cls", [DemoConformance, OpaqueConformance])
def test_a_correct_plugin_keeps_every_rule(cls: type[Any]) -> None:
    assert broken(cls) == {}


@pytest.mark.parametrize("rule", own_rules(IdentityConformance))
def test_a_faulty_plugin_breaks_exactly_its_own_rule(rule: str) -> None:
    assert list(broken(conformance(DemoConformance, FAULTY[rule]))) == [rule]


def test_an_author_is_told_what_to_give() -> None:
    seen = broken(conformance(IdentityConformance, OpaqueIdentity))
    assert "does not say what a valid token is" in seen["test_a_valid_token_gives_a_principal"]
    assert "invalid for the reason expired" in seen["test_an_expired_token_is_refused"]


def test_tokens_that_are_invalid_whatever_they_claim_prove_nothing() -> None:
    names = ["test_claims_of_other_types_are_refused", "test_headers_that_ask_for_more_are_refused"]
    base = DemoConformance
    found = check(conformance(base, base.plugin, signed=lambda *_: "no.token.x"), names).failed
    assert [type(error) for error in found.values()] == [ConformanceClassError] * 2
    assert "verify refuses what signed() returned for the claims of a valid token" in found[names[0]].seen
