"""Stands in for the identity provider that a company has: it makes a key pair, and tokens signed with it."""

import json
import os
import time
from pathlib import Path

from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

ISSUER, AUDIENCE = "https://login.example.org/", "daylight"
SUBJECT, ROLES = "ada", ["analyst"]
SECONDS = float(os.environ.get("PIPELINE_TOKEN_SECONDS", "600"))


class Issuer:
    """Tokens for one user, from the key that ``begin`` made in the directory; any process may ask for one."""

    def __init__(self, home: Path, seconds: float = SECONDS) -> None:
        self._key = ECKey.import_key(json.loads((home / "issuer.json").read_text(encoding="utf-8")))
        self._seconds, self._token, self._until = seconds, "", 0.0

    @classmethod
    def begin(cls, home: Path) -> None:
        """Make a key: the private part for issuers alone, the public one for those who check tokens."""
        key = ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256", "kid": "example"}, private=True)
        private = home / "issuer.json"
        private.unlink(missing_ok=True)
        with os.fdopen(os.open(private, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            json.dump(key.as_dict(private=True), file)
        (home / "jwks.json").write_text(json.dumps(KeySet([key]).as_dict(private=False)), encoding="utf-8")

    def token(self) -> str:
        """One that is good for at least half of its time: however long a run takes, none expires in it."""
        if self._until - time.time() < self._seconds / 2:
            self._until = time.time() + self._seconds
            claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": SUBJECT, "roles": ROLES, "exp": int(self._until)}
            self._token = jwt.encode({"alg": "ES256", "kid": "example"}, claims, self._key)
        return self._token
