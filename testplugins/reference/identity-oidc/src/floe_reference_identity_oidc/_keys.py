"""The public keys of one issuer, and their age."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn

import attrs

from floe_plugins import PluginError, PluginUnavailableError
from floe_plugins.hookspecs.identity import InvalidTokenError, TokenFault
from floe_reference_identity_oidc._fetch import discovered, fetched

_log = logging.getLogger(__name__)

_KINDS = {"RS": "RSA", "PS": "RSA", "ES": "EC"}


@attrs.frozen
class Keys:
    """Public keys to check signatures with; ``renewed`` gives the keys as they are now, if that may be asked again."""

    keys: tuple[Any, ...]
    renewed: Callable[[], Keys] | None = None

    def key_for(self, kid: str | None, algorithm: str) -> Any:
        """The key that a token was signed with, as its header names it.

        Raises:
            InvalidTokenError: there is none, or it is for something else.
        """
        found = self._named(kid, algorithm)
        if not found and self.renewed is not None:
            # The issuer may have begun to use a new one.
            found = self.renewed()._named(kid, algorithm)
        if len(found) != 1:
            raise InvalidTokenError("the token's key is not one of the issuer's", reason=TokenFault.UNKNOWN_KEY)
        if not _fits(found[0], algorithm):
            message = "the token's key is for other signatures than the token has"
            raise InvalidTokenError(message, reason=TokenFault.WRONG_ALGORITHM)
        return found[0]

    def as_dict(self) -> dict[str, Any]:
        """The keys as a JSON Web Key Set, public parts only."""
        return {"keys": [key.as_dict(private=False) for key in self.keys]}

    def _named(self, kid: str | None, algorithm: str) -> list[Any]:
        if kid is None:
            return [key for key in self.keys if _fits(key, algorithm)]
        return [key for key in self.keys if key.kid == kid]


@attrs.frozen
class KeyState:
    """The number and age of the keys, and why the last reading failed, if it did."""

    count: int
    age: float
    error: str


class KeySource:
    """Reads and caches keys from a file or URL. Thread-safe; one thread reads at a time."""

    def __init__(self, issuer: str, place: str | None, timeout: float, cooldown: float) -> None:
        self._issuer = issuer
        self._place = place
        self._timeout = timeout
        self._cooldown = cooldown
        self._keys: tuple[Any, ...] = ()
        self._read_at = self._tried_at = float("-inf")
        self._error = ""
        self._reading = threading.Lock()

    def current(self, max_age: float, max_stale: float) -> Keys:
        """The keys, read again if they are older than ``max_age`` seconds.

        Raises:
            PluginError: they are older than ``max_stale`` seconds, too.
        """
        self._renew(max_age)
        if self._error and self._age > max_stale:
            self._raise(self._error)
        return Keys(self._keys, self._renewed)

    def state(self, max_age: float) -> KeyState:
        """The current state, after reading keys again that are older than ``max_age`` seconds."""
        self._renew(max_age)
        return KeyState(len(self._keys), self._age, self._error)

    def refresh(self) -> None:
        """Read the keys now.

        Raises:
            PluginUnavailableError: the server does not give them; the ones there were stay.
            PluginError: the file does not give them; likewise.
        """
        with self._reading:
            self._read()
            error = self._error
        if error:
            self._raise(error)

    @property
    def _age(self) -> float:
        return time.monotonic() - self._read_at

    def _raise(self, error: str) -> NoReturn:
        message = f"the keys of {self._issuer} cannot be had: {error}"
        # Trying again helps with a server, hardly with a file.
        raise PluginUnavailableError(message) if self._place is None or "://" in self._place else PluginError(message)

    def _renewed(self) -> Keys:
        self._renew(0.0)
        return Keys(self._keys)

    def _renew(self, max_age: float) -> None:
        # Whoever finds another thread reading uses the keys there are, unless there are none to use.
        if self._age < max_age or not self._reading.acquire(blocking=bool(self._error) or not max_age):
            return
        try:
            if self._age >= max_age and time.monotonic() - self._tried_at >= self._cooldown:
                self._read()
        finally:
            self._reading.release()

    def _read(self) -> None:
        keys: tuple[Any, ...] = ()
        try:
            keys = usable(json.loads(self._content()))
            reason = "" if keys else "there is none among them that signatures can be checked with"
        except Exception as error:  # noqa: BLE001 a server may answer anything; said in what is raised
            reason = f"{type(error).__name__}: {error}"
        self._tried_at = time.monotonic()
        self._error = reason
        if reason:
            _log.warning("cannot read the keys of %s: %s", self._issuer, reason)
        else:
            self._keys, self._read_at = keys, self._tried_at

    def _content(self) -> bytes:
        if self._place is None:
            return fetched(str(discovered(self._issuer, self._timeout).get("jwks_uri")), self._timeout)
        if "://" in self._place:
            return fetched(self._place, self._timeout)
        return Path(self._place).expanduser().read_bytes()


def usable(key_set: object) -> tuple[Any, ...]:
    """The keys of a JSON Web Key Set that signatures can be checked with.

    Others are left out, as RFC 7517 says; so are secrets, with which anybody who knows
    them could sign.
    """
    from joserfc import errors
    from joserfc.jwk import JWKRegistry

    found = key_set.get("keys") if isinstance(key_set, Mapping) else None
    if not isinstance(found, list):
        raise ValueError('this is no JSON Web Key Set: expected an object with a list "keys"')  # noqa: TRY004 no argument
    keys = []
    for data in found:
        if not isinstance(data, dict) or data.get("kty") not in _KINDS.values() or data.get("use", "sig") != "sig":
            continue
        try:
            key = JWKRegistry.import_key(data)
            # Some of it is only looked at when it is used.
            _ = key.public_key
        except (errors.JoseError, ValueError, TypeError, KeyError) as error:
            _log.warning("a key of the issuer's is left out, as it cannot be read: %s", type(error).__name__)
            continue
        keys.append(key)
    return tuple(keys)


def _fits(key: Any, algorithm: str) -> bool:
    return key.key_type == _KINDS[algorithm[:2]] and key.get("alg") in {None, algorithm}
