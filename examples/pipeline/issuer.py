"""Stands in for the identity provider that a company has: it makes a key pair, and a token signed with it."""

import json
import time
from pathlib import Path

from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

ISSUER, AUDIENCE = "https://login.example.org/", "daylight"


def issue(jwks: Path, subject: str, roles: list[str]) -> str:
    """A token that is good for ten minutes; ``jwks`` gets the public key that it can be checked with."""
    key = ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256", "kid": "example"}, private=True)
    jwks.parent.mkdir(parents=True, exist_ok=True)
    jwks.write_text(json.dumps(KeySet([key]).as_dict(private=False)), encoding="utf-8")
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": subject, "roles": roles, "exp": int(time.time()) + 600}
    return jwt.encode({"alg": "ES256", "kid": "example"}, claims, key)
