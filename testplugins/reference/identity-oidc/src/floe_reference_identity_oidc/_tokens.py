"""Verification of a token."""

from __future__ import annotations

import json
import math
import time
from typing import Any

import attrs

from floe_plugins.hookspecs.identity import InvalidTokenError, Principal, TokenFault
from floe_reference_identity_oidc._keys import Keys

_PARTS = 3


@attrs.frozen
class Rules:
    """Rules for tokens: issuer, signature algorithms, and the allowed clock difference in seconds."""

    issuer: str
    algorithms: frozenset[str]
    leeway: float


def verified(token: str, audience: str, keys: Keys, rules: Rules) -> Principal:
    """Who sent a token.

    Raises:
        InvalidTokenError: it must not be trusted.
    """
    header = _header(token)
    if header["alg"] not in rules.algorithms:
        expected = ", ".join(sorted(rules.algorithms))
        raise InvalidTokenError(f"the token is not signed by {expected}", reason=TokenFault.WRONG_ALGORITHM)
    claims = _signed_claims(token, keys.key_for(header.get("kid"), header["alg"]), rules)
    _check_times(claims, rules.leeway)
    issuer, subject, named = (_needed(claims, name) for name in ("iss", "sub", "aud"))
    if issuer != rules.issuer:
        raise InvalidTokenError(f"the token's issuer is not {rules.issuer}", reason=TokenFault.WRONG_ISSUER)
    if audience not in ([named] if isinstance(named, str) else named if isinstance(named, list) else ()):
        raise InvalidTokenError(f"the token is not for {audience}", reason=TokenFault.WRONG_AUDIENCE)
    if not isinstance(subject, str) or not subject:
        raise _malformed("its subject is no text")
    return Principal(subject, issuer, claims, float(claims["exp"]))


def _header(token: str) -> dict[str, Any]:
    from joserfc import jws

    header: object = None
    if token.count(".") == _PARTS - 1 and token.isascii():
        try:
            header = jws.extract_compact(token.encode()).headers()
        except Exception:  # noqa: BLE001 it comes from anybody, and may break a parser in any way
            header = None
    # Raised here, where no error of the parser's is around that could hold the token.
    if not isinstance(header, dict):
        raise _malformed("it is no signed JWT")
    if not isinstance(header.get("alg"), str) or not isinstance(header.get("kid", ""), str):
        raise _malformed("its header has a value of another type")
    if "b64" in header or "crit" in header:
        raise _malformed("its header asks for what is not supported")
    return header


def _signed_claims(token: str, key: Any, rules: Rules) -> dict[str, Any]:
    from joserfc import errors, jws

    claims: object = None
    fault = None
    # Other names in the header than the usual ones do no harm.
    registry = jws.JWSRegistry(algorithms=list(rules.algorithms), strict_check_header=False)
    try:
        claims = json.loads(jws.deserialize_compact(token.encode(), key, registry=registry).payload)
    except errors.BadSignatureError:
        fault = TokenFault.BAD_SIGNATURE
    except errors.JoseError:
        fault = TokenFault.MALFORMED
    except Exception:  # noqa: BLE001 as above
        fault = TokenFault.MALFORMED
    if fault is TokenFault.BAD_SIGNATURE:
        raise InvalidTokenError("the token is not signed by its issuer, or was changed", reason=fault)
    if not isinstance(claims, dict):
        raise _malformed("its content cannot be read")
    return claims


def _check_times(claims: dict[str, Any], leeway: float) -> None:
    now = time.time()
    _needed(claims, "exp")
    times = {name: claims[name] for name in ("exp", "nbf", "iat") if name in claims}
    if not all(_is_time(value) for value in times.values()):
        raise _malformed("a time in it is no number")
    if now >= times["exp"] + leeway:
        raise InvalidTokenError("the token has expired", reason=TokenFault.EXPIRED)
    if any(now < times.get(name, now) - leeway for name in ("nbf", "iat")):
        raise InvalidTokenError("the token is not valid yet", reason=TokenFault.NOT_YET_VALID)


def _is_time(value: object) -> bool:
    # JSON as Python reads it has NaN, to which nothing compares, and numbers that are too large for a float.
    try:
        return not isinstance(value, bool) and isinstance(value, (int, float)) and math.isfinite(value)
    except OverflowError:
        return False


def _needed(claims: dict[str, Any], name: str) -> Any:
    if claims.get(name) is None:
        raise InvalidTokenError(f"the token has no claim {name}", reason=TokenFault.MISSING_CLAIM)
    return claims[name]


def _malformed(why: str) -> InvalidTokenError:
    return InvalidTokenError(f"the token is not a usable one: {why}", reason=TokenFault.MALFORMED)
