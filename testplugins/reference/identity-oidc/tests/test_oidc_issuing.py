"""Tokens that an issuer gives for credentials."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey
from pydantic import SecretStr

from floe_plugins import IdentityPlugin, PluginRegistry, PluginUnavailableError, UnsupportedOperationError
from floe_plugins.hookspecs.identity import Credentials, CredentialsRefusedError

KEY = ECKey.generate_key("P-256", {"kid": "ec", "alg": "ES256"})
SECRET = "hunter2-Zq8xW0vK"  # noqa: S105 of no one


class Issuer:
    """A provider on loopback that knows one client and one user."""

    def __init__(self) -> None:
        self.forms: list[dict[str, str]] = []
        self.lasts = 600
        self.status = 200
        self.discovery: tuple[int, dict[str, Any]] = (200, {})
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if not self.path.startswith("/.well-known"):
                    self.answer(200, {"keys": [KEY.as_dict(private=False)]})
                    return
                places = {"jwks_uri": f"{issuer.url}/keys", "token_endpoint": f"{issuer.url}/token"}
                status, about = issuer.discovery
                self.answer(status, {"issuer": issuer.url, **places, **about})

            def do_POST(self) -> None:
                sent = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
                form = {name: value[0] for name, value in sent.items()}
                client = base64.b64decode(self.headers.get("Authorization", "").removeprefix("Basic ")).decode()
                issuer.forms.append({**form, "client": client})
                good = client == f"floe:{SECRET}" and form.get("password", SECRET) == SECRET
                status = issuer.status if issuer.status != 200 else 200 if good else 401
                self.answer(status, issuer.token(form) if status == 200 else {"error": f"{client} {form}"})

            def answer(self, status: int, found: dict[str, Any]) -> None:
                content = json.dumps(found).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def token(self, form: dict[str, str]) -> dict[str, Any]:
        claims = {"iss": self.url, "aud": form.get("audience", "floe"), "exp": int(time.time()) + self.lasts}
        claims |= {"sub": form.get("username", "service"), "n": len(self.forms)}
        made = jwt.encode({"alg": "ES256", "kid": "ec"}, claims, KEY)
        return {"access_token": made, "expires_in": self.lasts, "refresh_token": "again"}

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    made = Issuer()
    yield made
    made.close()


@pytest.fixture
def started(issuer: Issuer) -> Iterator[Callable[..., IdentityPlugin]]:
    registries = []

    def start(**settings: Any) -> IdentityPlugin:
        config = {"issuer": issuer.url, "audience": "floe", **settings}
        registry = PluginRegistry({"plugins": {"identity": {"oidc": config}}})
        registries.append(registry)
        registry.startup().raise_for_failures()
        return registry.one(IdentityPlugin)

    yield start
    for registry in registries:
        registry.shutdown()


@pytest.fixture
def identity(started: Callable[..., IdentityPlugin]) -> IdentityPlugin:
    return started(client_id="floe", client_secret=SECRET)


def test_credentials_become_a_token_that_is_accepted(identity: IdentityPlugin, issuer: Issuer) -> None:
    credentials = Credentials("floe", SecretStr(SECRET), audience="lake", scope="read")

    issued = identity.authenticate(credentials)

    assert identity.verify(issued.token.get_secret_value(), "lake").subject == "service"
    assert issued.expires is not None
    assert issued.expires > time.time() + 500
    assert issuer.forms[0] == {
        "grant_type": "client_credentials",
        "audience": "lake",
        "scope": "read",
        "client": f"floe:{SECRET}",
    }
    assert SECRET not in repr(credentials)
    assert issued.token.get_secret_value() not in repr(issued)


def test_a_users_password_is_sent_by_the_platform_if_it_may(
    started: Callable[..., IdentityPlugin], issuer: Issuer
) -> None:
    identity = started(client_id="floe", client_secret=SECRET, password_grant=True)

    issued = identity.authenticate(Credentials("ada", SecretStr(SECRET)))

    assert identity.verify(issued.token.get_secret_value()).subject == "ada"
    assert issuer.forms[0]["grant_type"] == "password"


def test_a_refresh_token_gets_another_token(identity: IdentityPlugin, issuer: Issuer) -> None:
    first = identity.authenticate(Credentials("floe", SecretStr(SECRET)))
    second = identity.authenticate(Credentials(refresh_token=first.refresh_token))

    assert second.token != first.token
    assert issuer.forms[1] == {"grant_type": "refresh_token", "refresh_token": "again", "client": f"floe:{SECRET}"}


def test_wrong_credentials_are_refused_without_being_repeated(identity: IdentityPlugin) -> None:
    for wrong in (Credentials("floe", SecretStr("wrong-" + SECRET)), Credentials("floe"), Credentials()):
        with pytest.raises(CredentialsRefusedError) as caught:
            identity.authenticate(wrong)
        assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("status", [503, 429])
def test_an_issuer_that_gives_no_token_now_refuses_nobody(
    identity: IdentityPlugin, issuer: Issuer, status: int
) -> None:
    issuer.status = status
    with pytest.raises(PluginUnavailableError, match=str(status)):
        identity.authenticate(Credentials("floe", SecretStr(SECRET)))


@pytest.mark.parametrize(
    ("status", "about", "told"),
    [(404, {}, "404"), (200, {"issuer": "https://other"}, "another issuer"), (200, {"token_endpoint": None}, "where")],
)
def test_an_issuer_that_does_not_say_where_it_gives_tokens_refuses_nobody(
    identity: IdentityPlugin, issuer: Issuer, status: int, about: dict[str, Any], told: str
) -> None:
    issuer.discovery = (status, about)
    with pytest.raises(PluginUnavailableError, match=told):
        identity.authenticate(Credentials("floe", SecretStr(SECRET)))


def test_the_platforms_own_token_is_kept_for_each_audience_until_it_has_to_be_renewed(
    identity: IdentityPlugin, issuer: Issuer
) -> None:
    first = identity.service_token()
    assert identity.service_token(valid_for=500) == first
    assert identity.service_token("lake") != first
    assert identity.service_token() == first
    issuer.lasts = 3600

    second = identity.service_token(valid_for=601)

    assert second != first
    assert identity.service_token() == second
    assert identity.verify(second.token.get_secret_value()).subject == "service"
    with pytest.raises(CredentialsRefusedError, match="less than 7200 seconds"):
        identity.service_token(valid_for=7200)


def test_many_who_need_a_token_at_once_make_one_request(identity: IdentityPlugin, issuer: Issuer) -> None:
    found: list[Any] = []
    threads = [threading.Thread(target=lambda: found.append(identity.service_token())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(found) == 8
    assert len({each.token.get_secret_value() for each in found}) == len(issuer.forms) == 1


def test_a_token_that_is_kept_outlives_an_issuer_that_is_down(identity: IdentityPlugin, issuer: Issuer) -> None:
    kept = identity.service_token()
    issuer.status = 503

    assert identity.service_token() == kept
    with pytest.raises(PluginUnavailableError):
        identity.service_token(valid_for=5000)
    assert identity.service_token() == kept


def test_a_platform_without_credentials_has_no_token(started: Callable[..., IdentityPlugin]) -> None:
    with pytest.raises(UnsupportedOperationError, match="no credentials") as caught:
        started().service_token()
    assert "client_id" in caught.value.hint
