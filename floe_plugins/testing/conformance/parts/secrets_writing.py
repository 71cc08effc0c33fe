"""What the rules for secret stores share, and the rules for storing secrets."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any

import pydantic

from floe_plugins.errors import UnsupportedOperationError
from floe_plugins.testing.conformance.case import Case
from floe_plugins.testing.conformance.rule import error_text, rule, shown

_PUT = """
def put_secret(self, key, value):
    self._check(key)  # raises ValueError before anything is changed, and without the value in its text
    with self._lock:
        entries = {**self._read_store(), key: value.get_secret_value()}
        self._write_to_a_new_file_and_replace_the_old_one(entries)
"""
_READ_ONLY = """
def put_secret(self, key, value):
    raise UnsupportedOperationError("the store is read-only")
"""


class SecretsCase(Case):
    """What all rules for secret stores work with."""

    writable: bool = True
    persistent: bool = True
    known: Mapping[str, str] = {}
    keys: Sequence[str] = ("conformance-one", "conformance-two", "other-three", "other-four")
    invalid_keys: Sequence[str] = ("", "nul\0byte")

    def rotate(self, plugin: Any, key: str, value: str) -> None:
        """Change a secret in the store behind the plugin's back. Override it for a read-only store.

        By default another instance of the plugin stores it; ``plugin`` itself, if it is not persistent.
        """
        if not self.writable:
            self.missing("rotate", "how a secret is changed in the store")
        if self.persistent:
            with self.started() as other:
                self.put(other, key, value)
        else:
            self.put(plugin, key, value)

    @staticmethod
    def put(plugin: Any, key: str, value: str) -> Any:
        """Store a secret."""
        return plugin.put_secret(key, pydantic.SecretStr(value))

    @staticmethod
    def text(secret: Any) -> Any:
        """Return the text of a secret; what is no ``SecretStr`` as it is."""
        return secret.get_secret_value() if isinstance(secret, pydantic.SecretStr) else secret

    def use(self, plugin: Any) -> None:
        """Store and read a secret, or read one that is there."""
        if self.writable:
            self.put(plugin, self.keys[0], "value")
        for key in (*self.known, *self.keys)[:1]:
            plugin.get_secret(key)
        plugin.secret_names()

    @contextlib.contextmanager
    def filled(self) -> Generator[tuple[Any, dict[str, str]], None, None]:
        """Give the plugin with some secrets in its store, and these."""
        with self.started() as plugin:
            entries = dict(self.known)
            if self.writable:
                entries |= {key: f"value of {key}" for key in self.keys}
                for key in self.keys:
                    self.put(plugin, key, entries[key])
            if len(entries) < 2:  # noqa: PLR2004 one that is asked for, and one that is not
                self.missing("known", "at least two secrets that are in the store")
            yield plugin, entries

    @contextlib.contextmanager
    def writing(self) -> Generator[Any, None, None]:
        """Give the plugin if it stores secrets; else the rule is left out."""
        if not self.writable:
            self.skip("the store is read-only")
        with self.started() as plugin:
            yield plugin


class WritingRules(SecretsCase):
    """The rules for ``put_secret``."""

    @rule(_PUT)
    def test_storing_returns_nothing(self) -> None:
        """``put_secret`` returns None."""
        with self.writing() as plugin:
            found = self.put(plugin, self.keys[0], "value")
            self.expect(
                found is None, f"put_secret({self.keys[0]!r}, ...) returned an object of {type(found).__name__}"
            )

    @rule(_PUT)
    def test_a_value_is_kept_to_the_character(self) -> None:
        """What ``put_secret`` stored is what ``get_secret`` returns: spaces, lines, any text, of any length."""
        values = (" spaces ", "two\nlines\n", "tab\tand\rreturn", "ключ 鍵 🔑", "=\"quoted'$%{}\\", "x" * 10_000)
        with self.writing() as plugin:
            for value in values:
                self.put(plugin, self.keys[0], value)
                same = self.text(plugin.get_secret(self.keys[0])) == value
                self.expect(same, f"after put_secret with the value {value[:20]!r}, get_secret returned another")

    @rule(_PUT)
    def test_an_empty_secret_is_one(self) -> None:
        """A secret with an empty value is there: ``get_secret`` returns it, and not None."""
        with self.writing() as plugin:
            self.put(plugin, self.keys[0], "")
            found = plugin.get_secret(self.keys[0])
            self.expect(found is not None, "after put_secret with an empty value, get_secret returned None")

    @rule(_PUT)
    def test_storing_replaces(self) -> None:
        """``put_secret`` replaces a secret of that name."""
        with self.writing() as plugin:
            for value in ("first", "second"):
                self.put(plugin, self.keys[0], value)
            kept = self.text(plugin.get_secret(self.keys[0])) == "second"
            self.expect(kept, "after a second put_secret, get_secret does not return the second value")

    @rule(_PUT)
    def test_storing_leaves_the_others(self) -> None:
        """``put_secret`` changes no other secret."""
        with self.writing() as plugin:
            for key in self.keys:
                self.put(plugin, key, f"value of {key}")
            before = {key: self.text(plugin.get_secret(key)) for key in self.keys[1:]}
            self.put(plugin, self.keys[0], "changed")
            for key, value in before.items():
                same = self.text(plugin.get_secret(key)) == value
                self.expect(same, f"put_secret({self.keys[0]!r}, ...) changed {key!r}")

    @rule(_PUT)
    def test_an_invalid_name_cannot_be_stored(self) -> None:
        """``put_secret`` raises ``ValueError`` if ``key`` is not a valid name in this store."""
        with self.writing() as plugin:
            for key in self.invalid_keys:
                with self.raises(ValueError, f"put_secret({key!r}, ...)"):
                    self.put(plugin, key, "value")

    @rule(_PUT)
    def test_what_was_refused_is_not_stored(self) -> None:
        """If ``put_secret`` raises ``ValueError``, the store is as it was before."""
        with self.writing() as plugin:
            self.put(plugin, self.keys[0], "value")
            before = set(plugin.secret_names())
            for key in self.invalid_keys:
                with contextlib.suppress(ValueError):
                    self.put(plugin, key, "value")
            more = set(plugin.secret_names()) ^ before
            self.expect(not more, f"put_secret raised ValueError, and secret_names() differs in {shown(sorted(more))}")

    @rule(_PUT)
    def test_errors_do_not_show_the_value(self) -> None:
        """No error of ``put_secret`` has the value of the secret in its text."""
        with self.started() as plugin:
            for key in (*self.invalid_keys, *(() if self.writable else self.keys)):
                try:
                    self.put(plugin, key, "conformance-hidden")
                except Exception as error:  # noqa: BLE001 the rule is about what it says
                    text = f"{error_text(error)} {error.args!r}"
                    self.expect("conformance-hidden" not in text, f"put_secret({key!r}, ...) raised an error with it")

    @rule(_PUT)
    def test_several_threads_store_at_once(self) -> None:
        """Hooks are thread-safe: what several threads store at once is all stored."""
        with self.writing() as plugin:

            def store(key: str) -> Callable[[], Any]:
                return lambda: self.put(plugin, key, f"value of {key}")

            self.together([store(key) for key in self.keys])
            lost = [key for key in self.keys if plugin.get_secret(key) is None]
            self.expect(not lost, f"{len(self.keys)} threads stored a secret each, and {shown(lost)} are lost")

    @rule(_PUT)
    def test_readers_see_the_old_or_the_new_value(self) -> None:
        """Hooks are thread-safe: while a secret is replaced, ``get_secret`` returns the old value or the new one."""
        values = [character * 500 for character in "abcdefgh"]
        with self.writing() as plugin:
            self.put(plugin, self.keys[0], values[0])
            done = threading.Event()
            seen: set[Any] = set()

            def write() -> None:
                try:
                    for value in values:
                        self.put(plugin, self.keys[0], value)
                finally:
                    done.set()

            def read() -> None:
                while not done.is_set():
                    seen.add(self.text(plugin.get_secret(self.keys[0])))

            self.together([write, read])
            others = seen - set(values)
            self.expect(None not in others, "get_secret returned None while put_secret replaced the secret")
            self.expect(not others, "get_secret returned a value that was never stored, while it was replaced")

    @rule(_PUT)
    def test_what_was_stored_survives_a_restart(self) -> None:
        """What was stored is still there when the plugin was stopped and is started again."""
        if not self.persistent:
            self.skip("persistent is False: set it to True if secrets outlive a restart")
        with self.writing() as plugin:
            self.put(plugin, self.keys[0], "value")
        with self.started() as plugin:
            kept = self.text(plugin.get_secret(self.keys[0])) == "value"
            seen = f"after a restart, get_secret({self.keys[0]!r}) does not return what was stored"
            self.expect(kept, f"{seen}; persistent = False if that is meant")

    @rule(_READ_ONLY)
    def test_a_read_only_store_says_so(self) -> None:
        """``put_secret`` raises ``UnsupportedOperationError`` if the store is read-only."""
        if self.writable:
            self.skip("the store is not read-only")
        with self.started() as plugin, self.raises(UnsupportedOperationError, f"put_secret({self.keys[0]!r}, ...)"):
            self.put(plugin, self.keys[0], "value")
