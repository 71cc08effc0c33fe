"""The plugin keeps the contract of identity providers."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from floe_reference_identity_oidc import OidcIdentity
from joserfc import jws, jwt
from joserfc.jwk import ECKey, OctKey

from floe_plugins.hookspecs.identity import TokenFault
from floe_plugins.testing import IdentityConformance

ISSUER = "https://login.example.org"
KEY = ECKey.generate_key("P-256", {"kid": "first"})
OTHER = ECKey.generate_key("P-256", {"kid": "first"})
UNKNOWN = ECKey.generate_key("P-256", {"kid": "unknown"})
SHARED = OctKey.import_key("a shared secret of some length, which is 32 bytes", {"kid": "first"})


def token(key: Any = KEY, alg: str = "ES256", **changed: Any) -> str:
    now = int(time.time())
    made = {"iss": ISSUER, "sub": "ada", "aud": "floe", "exp": now + 600, "roles": ["analyst"], **changed}
    claims = {name: value for name, value in made.items() if value is not ...}
    return jwt.encode({"alg": alg, "kid": key.kid}, claims, key, registry=jws.JWSRegistry(algorithms=[alg]))


class KeyServer:
    """A server on loopback that gives keys."""

    def __init__(self) -> None:
        self.keys = [KEY]
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                content = json.dumps({"keys": [key.as_dict(private=False) for key in issuer.keys]}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: Any) -> None:
                """Nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()

    def stop(self) -> None:
        if self.thread.is_alive():
            self.server.shutdown()
            self.server.server_close()
            self.thread.join()


class TestOidcIdentity(IdentityConformance):
    plugin = OidcIdentity
    subject = "ada"
    issuer = ISSUER
    audience = "floe"
    expected_roles = ("analyst",)

    def setup_method(self) -> None:
        self.issuer_server = KeyServer()

    def teardown_method(self) -> None:
        self.issuer_server.stop()

    def settings(self) -> Mapping[str, Any]:
        keys = f"{self.issuer_server.url}/keys"
        return {"issuer": ISSUER, "audience": "floe", "jwks": keys, "cooldown": 0, "timeout": 1}

    def token(self) -> str:
        return token()

    def bad_token(self, reason: TokenFault) -> str | None:
        now = int(time.time())
        made = {
            TokenFault.EXPIRED: token(exp=now - 600),
            TokenFault.NOT_YET_VALID: token(nbf=now + 300),
            TokenFault.BAD_SIGNATURE: token(OTHER),
            TokenFault.UNKNOWN_KEY: token(UNKNOWN),
            TokenFault.WRONG_ALGORITHM: token(SHARED, "HS256"),
            TokenFault.WRONG_ISSUER: token(iss="https://other.example.org"),
            TokenFault.WRONG_AUDIENCE: token(aud="other"),
            TokenFault.MISSING_CLAIM: token(exp=...),
        }
        return made[reason]

    def signed(self, claims: object, header: Mapping[str, Any]) -> str | None:
        parts = {"alg": "ES256", "kid": KEY.kid, **header}, claims
        text = b".".join(urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in parts)
        signature = jws.JWSRegistry.algorithms["ES256"].sign(text, KEY)
        return b".".join((text, urlsafe_b64encode(signature).rstrip(b"="))).decode()

    def rotate(self) -> bool:
        self.issuer_server.keys = [UNKNOWN]
        return True

    @contextlib.contextmanager
    def outage(self) -> Iterator[None]:
        self.issuer_server.stop()
        yield
