"""Stands in for the identity provider that a company has: it makes a key pair, and tokens signed with it."""

import json
import time
from collections.abc import Sequence
from pathlib import Path

from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

ISSUER, AUDIENCE = "https://login.example.org/", "daylight"


class Issuer:
    """Tokens for one user, each good for ten minutes; ``jwks`` gets the public key that they can be checked with."""

    def __init__(self, jwks: Path, subject: str, roles: Sequence[str], lifetime: float = 600) -> None:
        self._claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": subject, "roles": [*roles]}
        self._key = ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256", "kid": "example"}, private=True)
        self._lifetime, self._token, self._until = lifetime, "", 0.0
        jwks.write_text(json.dumps(KeySet([self._key]).as_dict(private=False)), encoding="utf-8")

    def token(self) -> str:
        """One that is good for at least half of its time: however long a run takes, none expires in it."""
        if self._until - time.time() < self._lifetime / 2:
            self._until = time.time() + self._lifetime
            claims = {**self._claims, "exp": int(self._until)}
            self._token = jwt.encode({"alg": "ES256", "kid": "example"}, claims, self._key)
        return self._token
