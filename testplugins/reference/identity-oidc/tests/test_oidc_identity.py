from __future__ import annotations

import base64
import contextlib
import hmac
import json
import logging
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from drilling import neighbour_of, states, stopped
from floe_reference_identity_oidc import OidcIdentity
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from joserfc import jws, jwt
from joserfc.jwk import ECKey, OctKey, RSAKey

from floe_plugins import (
    HealthState,
    HealthStatus,
    IdentityPlugin,
    Outcome,
    PluginConfigurationError,
    PluginError,
    PluginRef,
    PluginRegistry,
    PluginUnavailableError,
    SecretsPlugin,
)
from floe_plugins.hookspecs.identity import InvalidTokenError, Principal, TokenFault

ISSUER = "https://login.example.org"
REF = PluginRef.parse("identity:oidc")

RSA = RSAKey.generate_key(2048, {"kid": "rsa", "use": "sig"})
OTHER_RSA = RSAKey.generate_key(2048, {"kid": "rsa"})
EC = ECKey.generate_key("P-256", {"kid": "ec", "alg": "ES256"})
NEW = ECKey.generate_key("P-256", {"kid": "new"})
SECRET = OctKey.import_key("a shared secret of some length, which is 32 bytes", {"kid": "shared"})


def key_set(*keys: Any, extra: tuple[dict[str, Any], ...] = ()) -> dict[str, Any]:
    return {"keys": [*(key.as_dict(private=False) for key in keys), *extra]}


def claims(**changed: Any) -> dict[str, Any]:
    now = int(time.time())
    made = {"iss": ISSUER, "sub": "ada", "aud": "floe", "exp": now + 600, "iat": now, "nbf": now, **changed}
    return {name: value for name, value in made.items() if value is not ...}


def token(key: Any = RSA, alg: str = "RS256", header: dict[str, Any] | None = None, **changed: Any) -> str:
    header = {"alg": alg, "kid": key.kid, **(header or {})}
    registry = jws.JWSRegistry(algorithms=[alg], strict_check_header=False)
    return jwt.encode(
        {name: value for name, value in header.items() if value is not ...}, claims(**changed), key, registry=registry
    )


def b64(data: bytes | dict[str, Any]) -> str:
    data = data if isinstance(data, bytes) else json.dumps(data).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Issuer:
    """A server on loopback that gives keys, and can be told to give something else."""

    def __init__(self) -> None:
        self.answer: Any = key_set(RSA, EC)
        self.status = 200
        self.discovered = ""
        self.drips = False
        self.asked: list[str] = []
        self.held = threading.Event()
        self.held.set()
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                begins = True
                issuer.asked.append(self.path)
                while not issuer.held.wait(0.05):
                    if issuer.drips:
                        self.wfile.write(b"HTTP/1.1 200 OK\r\n" if begins else b"X: y\r\n")
                        begins = False
                if self.path == "/.well-known/openid-configuration":
                    found = {"issuer": issuer.url, "jwks_uri": issuer.discovered or f"{issuer.url}/keys"}
                    content = json.dumps(found).encode()
                else:
                    content = issuer.answer if isinstance(issuer.answer, bytes) else json.dumps(issuer.answer).encode()
                self.send_response(issuer.status)
                if issuer.status != 200:
                    self.send_header("Location", f"{issuer.url}/elsewhere")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def handle(self) -> None:
                with contextlib.suppress(ConnectionError):
                    super().handle()

            def log_message(self, *_: Any) -> None:
                """Nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def stop(self) -> None:
        self.held.set()
        if self.thread.is_alive():
            self.server.shutdown()
            self.server.server_close()
            self.thread.join()


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    server = Issuer()
    yield server
    server.stop()


def platform(**config: Any) -> PluginRegistry:
    return PluginRegistry({"plugins": {"identity": {"oidc": {"issuer": ISSUER, "audience": "floe", **config}}}})


def failed_start(**config: Any) -> Outcome:
    settings = {"issuer": ISSUER, "audience": "floe", **config}
    registry = PluginRegistry({"plugins": {"identity": {"oidc": settings}}}, timeouts={"startup": 1})
    [outcome] = registry.startup().outcomes
    registry.shutdown()
    return outcome


def of(registry: PluginRegistry) -> IdentityPlugin:
    return registry.get(IdentityPlugin, "oidc")


def health(registry: PluginRegistry) -> HealthStatus:
    return registry.health().statuses[REF]


@pytest.fixture(scope="module")
def keys_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("keys") / "jwks.json"
    file.write_text(json.dumps(key_set(RSA, EC)), encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def identity(keys_file: Path) -> Iterator[IdentityPlugin]:
    with platform(jwks=str(keys_file), leeway=0) as registry:
        yield of(registry)


def refused(identity: IdentityPlugin, token: str, audience: str | None = None) -> TokenFault:
    with pytest.raises(InvalidTokenError) as caught:
        identity.verify(token, audience)
    error: BaseException | None = caught.value
    while error is not None:
        assert not token or token not in f"{error!r}{vars(error)}"
        error = error.__cause__ or error.__context__
    return caught.value.reason


def test_a_good_token_tells_who_sent_it(identity: IdentityPlugin) -> None:
    expires = int(time.time()) + 60

    principal = identity.verify(token(exp=expires, roles=["reader"]))

    assert (principal.subject, principal.issuer, principal.expires) == ("ada", ISSUER, expires)
    assert principal.claims["roles"] == ["reader"]


@pytest.mark.parametrize(
    "made",
    [
        token(EC, "ES256"),
        token(header={"kid": ...}),
        token(aud=["other", "floe"]),
        token(header={"typ": "at+jwt", "x-odd": "1"}),
        token(nbf=..., iat=...),
    ],
    ids=["by another algorithm", "one key fits", "several audiences", "other headers", "no other times"],
)
def test_what_is_in_order_is_accepted(identity: IdentityPlugin, made: str) -> None:
    assert identity.verify(made).subject == "ada"


def test_the_caller_can_ask_for_another_audience(identity: IdentityPlugin) -> None:
    assert identity.verify(token(aud="reports"), "reports").subject == "ada"
    assert refused(identity, token(), "reports") is TokenFault.WRONG_AUDIENCE
    assert refused(identity, token(), "") is TokenFault.WRONG_AUDIENCE


def tampered(made: str) -> str:
    header, payload, signature = made.split(".")
    content = json.loads(base64.urlsafe_b64decode(payload + "=="))
    return f"{header}.{b64({**content, 'sub': 'eve'})}.{signature}"


def by_a_shared_secret(secret: bytes, kid: str) -> str:
    """A token of HS256; made by hand, because joserfc refuses a public key as a secret."""
    signed = f"{b64({'alg': 'HS256', 'kid': kid})}.{b64(claims())}"
    return f"{signed}.{b64(hmac.digest(secret, signed.encode(), 'sha256'))}"


LIST = b'["alg"]'
UNSIGNED = f"{b64({'alg': 'none', 'kid': 'rsa'})}.{b64(claims())}."
PAST = int(time.time()) - 1
FUTURE = int(time.time()) + 3600

BAD = {
    "expired": (token(exp=PAST), TokenFault.EXPIRED),
    "expired long ago": (token(exp=0), TokenFault.EXPIRED),
    "no exp": (token(exp=...), TokenFault.MISSING_CLAIM),
    "exp is null": (token(exp=None), TokenFault.MISSING_CLAIM),
    "exp is text": (token(exp=str(FUTURE)), TokenFault.MALFORMED),
    "exp is no number": (token(exp=float("nan")), TokenFault.MALFORMED),
    "exp is infinite": (token(exp=float("inf")), TokenFault.MALFORMED),
    "exp is huge": (token(exp=10**400), TokenFault.MALFORMED),
    "exp is true": (token(exp=True), TokenFault.MALFORMED),
    "later": (token(nbf=FUTURE), TokenFault.NOT_YET_VALID),
    "made in the future": (token(iat=FUTURE), TokenFault.NOT_YET_VALID),
    "wrong audience": (token(aud="other"), TokenFault.WRONG_AUDIENCE),
    "audience is a part": (token(aud="floe-admin"), TokenFault.WRONG_AUDIENCE),
    "audience is an object": (token(aud={"floe": 1}), TokenFault.WRONG_AUDIENCE),
    "no audience": (token(aud=...), TokenFault.MISSING_CLAIM),
    "wrong issuer": (token(iss="https://evil.example.org"), TokenFault.WRONG_ISSUER),
    "no issuer": (token(iss=...), TokenFault.MISSING_CLAIM),
    "no subject": (token(sub=...), TokenFault.MISSING_CLAIM),
    "subject is a number": (token(sub=7), TokenFault.MALFORMED),
    "subject is empty": (token(sub=""), TokenFault.MALFORMED),
    "unknown kid": (token(NEW, "ES256"), TokenFault.UNKNOWN_KEY),
    "tampered": (tampered(token()), TokenFault.BAD_SIGNATURE),
    "another key": (token(OTHER_RSA), TokenFault.BAD_SIGNATURE),
    "no signature": (token().rpartition(".")[0] + ".", TokenFault.BAD_SIGNATURE),
    "alg none": (UNSIGNED, TokenFault.WRONG_ALGORITHM),
    "HS256 with the public key": (by_a_shared_secret(RSA.as_pem(private=False), "rsa"), TokenFault.WRONG_ALGORITHM),
    "not an accepted algorithm": (token(alg="PS256"), TokenFault.WRONG_ALGORITHM),
    "a key for another": (token(RSA, header={"kid": "ec"}), TokenFault.WRONG_ALGORITHM),
    "garbage": ("garbage", TokenFault.MALFORMED),
    "three parts of garbage": ("a.b.c", TokenFault.MALFORMED),
    "a nested header": (f"{b64(b'[' * 300)}.e30.AA", TokenFault.MALFORMED),
    "a header that is a list": (f"{b64(LIST)}.e30.AA", TokenFault.MALFORMED),
    "a kid that is a list": (f"{b64({'alg': 'RS256', 'kid': ['rsa']})}.e30.AA", TokenFault.MALFORMED),
    "an alg that is a list": (f"{b64({'alg': ['RS256'], 'kid': 'rsa'})}.e30.AA", TokenFault.MALFORMED),
    "encrypted": ("e30.e30.e30.e30.e30", TokenFault.MALFORMED),
    "critical": (f"{b64({'alg': 'RS256', 'kid': 'rsa', 'crit': ['b64'], 'b64': False})}.x.AA", TokenFault.MALFORMED),
    "huge": (f"{b64({'alg': 'RS256', 'kid': 'rsa'})}.{'A' * 1_000_000}.AA", TokenFault.MALFORMED),
    "empty": ("", TokenFault.MALFORMED),
    "not ASCII": ("ä.ö.ü", TokenFault.MALFORMED),
}


@pytest.mark.parametrize(("made", "reason"), BAD.values(), ids=BAD)
def test_a_bad_token_is_refused_for_its_reason(identity: IdentityPlugin, made: str, reason: TokenFault) -> None:
    assert refused(identity, made) is reason


def test_content_that_is_no_object_is_refused(identity: IdentityPlugin) -> None:
    for content in (b"[]", b"{", b"\xff", b"[" * 100_000):
        made = jws.serialize_compact({"alg": "ES256", "kid": "ec"}, content, EC, algorithms=["ES256"])

        assert refused(identity, made) is TokenFault.MALFORMED


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.one_of(st.text(), st.lists(st.binary().map(b64), min_size=3, max_size=3).map(".".join)))
def test_nothing_made_up_is_accepted(identity: IdentityPlugin, made: str) -> None:
    with pytest.raises(InvalidTokenError):
        identity.verify(made)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_a_token_with_any_byte_changed_is_refused(identity: IdentityPlugin, data: st.DataObject) -> None:
    parts = [base64.urlsafe_b64decode(part + "==") for part in token(EC, "ES256").split(".")]
    which = data.draw(st.integers(0, 2))
    at = data.draw(st.integers(0, len(parts[which]) - 1))
    changed = bytes([parts[which][at] ^ data.draw(st.integers(1, 255))])
    parts[which] = parts[which][:at] + changed + parts[which][at + 1 :]

    with pytest.raises(InvalidTokenError):
        identity.verify(".".join(map(b64, parts)))


def test_clocks_may_differ_by_the_leeway(keys_file: Path) -> None:
    now = int(time.time())
    with platform(jwks=str(keys_file), leeway=300) as registry:
        assert of(registry).verify(token(exp=now - 100, nbf=now + 100, iat=now + 100)).subject == "ada"
        assert refused(of(registry), token(exp=now - 400)) is TokenFault.EXPIRED


def test_roles_are_those_that_the_issuer_names(keys_file: Path) -> None:
    nested = {"realm_access": {"roles": ["reader", "writer", 7]}}
    with platform(jwks=str(keys_file), roles_claim="realm_access.roles") as registry:
        identity = of(registry)
        assert identity.roles(identity.verify(token(**nested))) == {"reader", "writer"}
        assert identity.roles(identity.verify(token())) == frozenset()
        assert identity.roles(identity.verify(token(realm_access="reader"))) == frozenset()


def test_roles_are_translated_and_unknown_ones_are_none(keys_file: Path) -> None:
    with platform(jwks=str(keys_file), roles_claim="scope", roles={"floe:all": ["writer", "reader"]}) as registry:
        identity = of(registry)
        assert identity.roles(identity.verify(token(scope="floe:all openid"))) == {"reader", "writer"}
        assert identity.roles(identity.verify(token(scope="openid"))) == frozenset()


def test_a_principal_of_another_issuer_has_no_roles(identity: IdentityPlugin) -> None:
    assert identity.roles(Principal("ada", "https://evil.example.org", {"roles": ["admin"]})) == frozenset()


def test_a_claim_whose_name_has_dots_is_found(keys_file: Path) -> None:
    name = "https://floe.example.org/roles"
    with platform(jwks=str(keys_file), roles_claim=name) as registry:
        identity = of(registry)
        assert identity.roles(identity.verify(token(**{name: ["reader"]}))) == {"reader"}


def test_keys_are_public_and_for_signatures(issuer: Issuer) -> None:
    private = EC.as_dict(private=True)
    encryption = {**RSA.as_dict(private=False), "kid": "enc", "use": "enc"}
    broken = {"kty": "RSA", "kid": "broken", "n": "AA", "e": "AQAB"}
    odd = {"kty": "AKP", "kid": "post-quantum"}
    issuer.answer = key_set(RSA, extra=(private, encryption, broken, odd, SECRET.as_dict(private=True)))
    with platform(jwks=f"{issuer.url}/keys") as registry:
        found = of(registry).keys()

        assert [key["kid"] for key in found["keys"]] == ["rsa", "ec"]
        assert not any("d" in key or "k" in key for key in found["keys"])
        forged = by_a_shared_secret(SECRET.raw_value, "shared")
        assert refused(of(registry), forged) is TokenFault.WRONG_ALGORITHM


def test_another_algorithm_can_be_chosen(issuer: Issuer) -> None:
    longer = ECKey.generate_key("P-384", {"kid": "longer"})
    issuer.answer = key_set(longer, RSA)
    with platform(jwks=f"{issuer.url}/keys", algorithms=["ES384", "PS256"]) as registry:
        assert of(registry).verify(token(longer, "ES384")).subject == "ada"
        assert of(registry).verify(token(RSA, "PS256")).subject == "ada"
        assert refused(of(registry), token()) is TokenFault.WRONG_ALGORITHM


def test_a_new_key_is_fetched_when_a_token_names_it_but_not_for_every_such_token(issuer: Issuer) -> None:
    with platform(jwks=f"{issuer.url}/keys", cooldown=0) as registry:
        issuer.answer = key_set(NEW)
        assert of(registry).verify(token(NEW, "ES256")).subject == "ada"
        assert refused(of(registry), token()) is TokenFault.UNKNOWN_KEY
    with platform(jwks=f"{issuer.url}/keys", cooldown=3600) as registry:
        issuer.asked.clear()
        for _ in range(5):
            assert refused(of(registry), token()) is TokenFault.UNKNOWN_KEY
        assert issuer.asked == []


def test_keys_are_read_anew_when_asked_for(issuer: Issuer) -> None:
    with platform(jwks=f"{issuer.url}/keys") as registry:
        issuer.answer = key_set(NEW)

        assert [key["kid"] for key in of(registry).keys()["keys"]] == ["rsa", "ec"]
        assert [key["kid"] for key in of(registry).keys(refresh=True)["keys"]] == ["new"]
        issuer.stop()
        with pytest.raises(PluginUnavailableError):
            of(registry).keys(refresh=True)
        assert [key["kid"] for key in of(registry).keys()["keys"]] == ["new"]


def test_old_keys_are_read_anew(issuer: Issuer) -> None:
    with platform(jwks=f"{issuer.url}/keys", max_age=0, cooldown=0) as registry:
        issuer.answer = key_set(NEW)
        assert refused(of(registry), token()) is TokenFault.UNKNOWN_KEY
        assert of(registry).verify(token(NEW, "ES256")).subject == "ada"


def test_keys_are_found_by_discovery(issuer: Issuer) -> None:
    with platform(issuer=issuer.url) as registry:
        assert of(registry).verify(token(iss=issuer.url)).subject == "ada"
    assert issuer.asked == ["/.well-known/openid-configuration", "/keys"]


def test_a_silent_issuer_is_survived_with_the_keys_there_are(issuer: Issuer) -> None:
    with platform(jwks=f"{issuer.url}/keys", max_age=0, cooldown=0) as registry:
        assert health(registry).state is HealthState.HEALTHY
        issuer.stop()

        assert of(registry).verify(token()).subject == "ada"
        status = health(registry)
        assert status.state is HealthState.DEGRADED
        assert "refused" in status.message


@pytest.mark.drill("expired key set")
def test_an_expired_key_set_is_trusted_no_more_until_it_can_be_read_again(
    request: pytest.FixtureRequest, issuer: Issuer
) -> None:
    # Each use reads the keys anew, and none is trusted any longer when that cannot be done.
    settings = {"issuer": ISSUER, "audience": "floe", "jwks": f"{issuer.url}/keys"}
    plugins = {"identity": {"oidc": {**settings, "max_age": 0, "max_stale": 0, "cooldown": 0}}}
    registry = PluginRegistry({"plugins": {**plugins, "secrets": {"neighbour": {}}}}, required=["identity:oidc"])
    request.addfinalizer(registry.shutdown)
    registry.register(neighbour_of("identity:oidc"))
    registry.startup().raise_for_failures()
    good = token()
    assert of(registry).verify(good).subject == "ada"
    issuer.status = 503

    for call in (lambda: of(registry).verify(good), of(registry).keys):
        with pytest.raises(PluginUnavailableError, match=r"the keys of .* cannot be had: .*status 503"):
            call()
    report = registry.health()
    assert registry.get(SecretsPlugin, "neighbour").get_secret("a")
    issuer.status = 200

    assert report.state is HealthState.UNHEALTHY
    assert states(report) == {"identity:oidc": "unhealthy", "secrets:neighbour": "healthy"}
    assert "the keys are too old" in report.statuses[REF].message
    assert good not in str(report)
    assert states(registry.health()) == {"identity:oidc": "healthy", "secrets:neighbour": "healthy"}
    assert of(registry).verify(good).subject == "ada"
    issuer.status = 503
    assert health(registry).state is HealthState.UNHEALTHY
    assert stopped(registry) == ["secrets:neighbour", "identity:oidc"]


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"no JSON",
        b"[]",
        b"{}",
        b'{"keys": 1}',
        b'{"keys": []}',
        b'{"keys": [1, {}]}',
        b"[" * 100_000,
        b" " * 2_000_000,
    ],
    ids=["empty", "no JSON", "a list", "no keys", "a number", "none", "odd ones", "nested", "long"],
)
def test_nonsense_instead_of_keys_changes_nothing_but_health(issuer: Issuer, answer: bytes) -> None:
    with platform(jwks=f"{issuer.url}/keys", max_age=0, cooldown=0) as registry:
        issuer.answer = answer

        assert of(registry).verify(token()).subject == "ada"
        assert health(registry).state is HealthState.DEGRADED


@pytest.mark.parametrize("status", [302, 307, 404, 500])
def test_an_answer_that_is_not_ok_is_none_and_nothing_is_followed(issuer: Issuer, status: int) -> None:
    with platform(jwks=f"{issuer.url}/keys", max_age=0, cooldown=0) as registry:
        issuer.status = status

        assert of(registry).verify(token()).subject == "ada"
        assert f"status {status}" in health(registry).message
    assert set(issuer.asked) == {"/keys"}


@pytest.mark.parametrize("drips", [False, True], ids=["sends nothing", "sends a byte now and then"])
def test_an_issuer_that_does_not_come_to_an_end_holds_nobody_up(issuer: Issuer, drips: bool) -> None:  # noqa: FBT001
    with platform(jwks=f"{issuer.url}/keys", max_age=0, cooldown=0, timeout=0.2) as registry:
        issuer.drips = drips
        issuer.held.clear()
        began = time.monotonic()
        assert of(registry).verify(token()).subject == "ada"
        status = health(registry)
        assert time.monotonic() - began < 2

    assert status.state is HealthState.DEGRADED
    assert "timed out" in status.message or "within 0.2 s" in status.message


def test_an_issuer_that_is_down_at_the_start_is_unavailable(issuer: Issuer) -> None:
    issuer.stop()
    outcome = failed_start(jwks=f"{issuer.url}/keys")

    assert outcome.attempts > 1
    assert "refused" in outcome.message


def test_an_issuer_that_comes_up_while_starting_is_used(issuer: Issuer) -> None:
    issuer.status = 503

    def come_up() -> None:
        while not issuer.asked:
            time.sleep(0.01)
        issuer.status = 200

    thread = threading.Thread(target=come_up)
    thread.start()
    with platform(jwks=f"{issuer.url}/keys") as registry:
        assert of(registry).verify(token()).subject == "ada"
    thread.join()


def test_a_missing_key_file_fails_at_once(tmp_path: Path) -> None:
    outcome = failed_start(jwks=str(tmp_path / "missing.json"))

    assert outcome.attempts == 1
    assert isinstance(outcome.cause, PluginError)


@pytest.mark.parametrize(
    "config",
    [
        {"jwks": "http://login.example.org/keys"},
        {"jwks": "ftp://login.example.org/keys"},
        {"algorithms": ["HS256"]},
        {"algorithms": ["none"]},
        {"algorithms": []},
        {"audience": ""},
        {"leeway": 3600},
    ],
    ids=str,
)
def test_an_unsafe_configuration_is_refused(config: dict[str, Any]) -> None:
    with pytest.raises(PluginConfigurationError, match=f"plugins.identity.oidc.{next(iter(config))}"):
        platform(**{"jwks": "keys.json", **config}).startup()


def test_discovery_does_not_lead_to_an_unsafe_place(issuer: Issuer) -> None:
    issuer.discovered = "http://login.example.org/keys"

    assert "expected https" in failed_start(issuer=issuer.url).message


def test_many_threads_verify_at_once(issuer: Issuer) -> None:
    together = threading.Barrier(8)
    failures: list[BaseException] = []
    good, bad = token(), tampered(token())
    with platform(jwks=f"{issuer.url}/keys", max_age=0) as registry:
        identity = of(registry)

        def work() -> None:
            try:
                together.wait()
                for _ in range(20):
                    assert identity.verify(good).subject == "ada"
                    assert refused(identity, bad) is TokenFault.BAD_SIGNATURE
            except BaseException as error:  # noqa: BLE001
                failures.append(error)

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert failures == []


def test_tokens_are_not_logged(identity: IdentityPlugin, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        for made, _ in BAD.values():
            refused(identity, made)

    assert caplog.text == ""


def test_importing_the_plugin_imports_no_engine() -> None:
    code = (
        "import sys, floe_reference_identity_oidc;"
        "print([m for m in ('joserfc', 'cryptography', 'http') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, encoding="utf-8", check=True)

    assert done.stdout.strip() == "[]"


def test_the_class_is_what_its_entry_point_names(identity: IdentityPlugin) -> None:
    assert isinstance(identity, OidcIdentity)
