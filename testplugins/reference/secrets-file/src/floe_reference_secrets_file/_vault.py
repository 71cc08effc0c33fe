"""All secrets of one file: JSON in a Fernet token, beside the salt of its key."""

from __future__ import annotations

import base64
import binascii
import contextlib
import json
import os
import secrets
import threading
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

from floe_plugins import PluginError

_FORMAT = "floe-reference-secrets-file 1"
# The work that makes a short passphrase hard to guess: about 0.1 s and 32 MiB.
_COST = 2**15
_BLOCK = 8
# A file that somebody changed must not take the machine's memory.
_HIGHEST_COST = 2**20


class Vault:
    """The secrets of one file, read and decrypted at each call. Safe for several threads and processes."""

    def __init__(self, file: Path, passphrase: Callable[[], bytes], *, create: bool, lock_timeout: float) -> None:
        self._file = file
        self._create = create
        self._passphrase = passphrase
        self._lock_timeout = lock_timeout
        self._derived: tuple[tuple[bytes, bytes, int], bytes] | None = None
        self._deriving = threading.Lock()

    def read(self) -> dict[str, str]:
        """All names and values.

        Raises:
            PluginError: the file is missing, no such file, was changed, or has another key.
        """
        try:
            content = self._file.read_bytes()
        except FileNotFoundError as error:
            if self._create:
                return {}
            hint = "Set plugins.secrets.file.create to begin with no secrets"
            raise PluginError(f"{self._file} is missing", hint=hint) from error
        salt, cost, token = self._parsed(content)
        return self._opened(token, self._key(salt, cost))

    def put(self, name: str, value: str) -> None:
        """Store one value; if this fails, the file is not changed.

        Raises:
            PluginError: as for ``read``, or another process keeps the file for itself.
        """
        with self._alone():
            self._write({**self.read(), name: value})

    @contextlib.contextmanager
    def _alone(self) -> Generator[None]:
        from filelock import FileLock, Timeout

        try:
            # Of the file itself, also for who knows it by a link.
            with FileLock(f"{self._file.resolve()}.lock", timeout=self._lock_timeout):
                yield
        except Timeout as error:
            message = f"{self._file} is being written by another process for more than {self._lock_timeout:g} s"
            raise PluginError(message) from error

    def _parsed(self, content: bytes) -> tuple[bytes, int, bytes]:
        try:
            outer: dict[str, Any] = json.loads(content)
            cost = outer["cost"]
            if outer["format"] == _FORMAT and 1 < cost <= _HIGHEST_COST and cost.bit_count() == 1:
                return base64.b64decode(outer["salt"], validate=True), cost, outer["secrets"].encode()
        except (ValueError, KeyError, TypeError, AttributeError, binascii.Error) as error:
            raise self._unreadable() from error
        raise self._unreadable()

    def _unreadable(self) -> PluginError:
        return PluginError(f"{self._file} is damaged, or no file of secrets", hint="Restore it from a backup")

    def _opened(self, token: bytes, key: bytes) -> dict[str, str]:
        from cryptography.fernet import Fernet, InvalidToken

        try:
            content: dict[str, str] = json.loads(Fernet(key).decrypt(token))
        except InvalidToken:
            message = f"{self._file} cannot be decrypted: the key is not the one it was written with, or it is damaged"
            raise PluginError(message, hint="Check key or key_file in plugins.secrets.file") from None
        return content

    def _key(self, salt: bytes, cost: int) -> bytes:
        made_from = (self._passphrase(), salt, cost)
        # Kept, because it is slow by intention; a key that was changed is seen all the same.
        with self._deriving:
            if self._derived is None or self._derived[0] != made_from:
                self._derived = made_from, _derived(*made_from)
            return self._derived[1]

    def _write(self, content: dict[str, str]) -> None:
        from cryptography.fernet import Fernet

        salt = secrets.token_bytes(16)
        token = Fernet(self._key(salt, _COST)).encrypt(json.dumps(content, sort_keys=True).encode())
        outer = {
            "format": _FORMAT,
            "salt": base64.b64encode(salt).decode(),
            "cost": _COST,
            "secrets": token.decode(),
        }
        # A link to the file stays one.
        _replace(self._file.resolve(), json.dumps(outer, indent=1).encode())


def _derived(passphrase: bytes, salt: bytes, cost: int) -> bytes:
    from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

    return base64.urlsafe_b64encode(Scrypt(salt=salt, length=32, n=cost, r=_BLOCK, p=1).derive(passphrase))


def _replace(file: Path, content: bytes) -> None:
    """Replace a file atomically by ``content``, readable only by its owner."""
    unfinished = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
    try:
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as new:
            new.write(content)
            new.flush()
            # Without it, a crash of the machine could leave the name with nothing behind it.
            os.fsync(new.fileno())
        unfinished.replace(file)
    finally:
        unfinished.unlink(missing_ok=True)
