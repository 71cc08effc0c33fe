"""The rules for secret stores."""

from __future__ import annotations

import pydantic

from floe_plugins.testing.conformance.base import PluginConformance
from floe_plugins.testing.conformance.parts.secrets_writing import WritingRules
from floe_plugins.testing.conformance.rule import rule, shown

_GET = """
def get_secret(self, key):
    self._check(key)  # raises ValueError
    value = self._read_store().get(key)
    return None if value is None else pydantic.SecretStr(value)
"""
_NAMES = """
def secret_names(self, prefix=""):
    return tuple(sorted(name for name in self._read_store() if name.startswith(prefix)))
"""
# Names that lead out of a directory, where a name is taken for a path.
_PATHS = ("../outside", "../../outside", "..\\outside", "a/../../outside", "./outside", "~/outside")


class SecretsConformance(WritingRules, PluginConformance):
    """The rules for ``SecretsPlugin``.

    >>> from floe_plugins.testing import SecretsConformance
    >>> class TestAcme(SecretsConformance):
    ...     plugin = ...  # your class
    ...     config = {"url": "http://127.0.0.1:8200"}

    Attributes:
        writable: whether ``put_secret`` stores secrets; False for a read-only store.
        persistent: whether another instance of the plugin with the same settings sees what was stored.
        known: secrets that are in the store, by name. A read-only store has to have at least two.
        keys: names that are valid in the store. Secrets of these names are written and replaced.
        invalid_keys: names that are not valid in the store.
    """

    @rule(_GET)
    def test_a_secret_is_a_secret_str(self) -> None:
        """``get_secret`` returns a ``pydantic.SecretStr``."""
        with self.filled() as (plugin, entries):
            for key in entries:
                secret = plugin.get_secret(key)
                kind = isinstance(secret, pydantic.SecretStr)
                self.expect(kind, f"get_secret({key!r}) returned an object of {type(secret).__name__}")

    @rule(_GET)
    def test_a_secret_has_its_value(self) -> None:
        """``get_secret`` returns the secret of that name, and no other."""
        with self.filled() as (plugin, entries):
            for key, value in entries.items():
                self.expect(self.text(plugin.get_secret(key)) == value, f"get_secret({key!r}) returned another value")

    @rule(_GET)
    def test_an_unknown_secret_is_none(self) -> None:
        """``get_secret`` returns None if the store has no secret of that name."""
        with self.started() as plugin:
            found = plugin.get_secret("conformance-unknown")
            self.expect(found is None, f"get_secret('conformance-unknown') returned {shown(found)}")

    @rule(_GET)
    def test_an_invalid_name_cannot_be_asked_for(self) -> None:
        """``get_secret`` raises ``ValueError`` if ``key`` is not a valid name in this store."""
        with self.started() as plugin:
            for key in self.invalid_keys:
                with self.raises(ValueError, f"get_secret({key!r})"):
                    plugin.get_secret(key)

    @rule(_GET)
    def test_a_name_is_no_path(self) -> None:
        """A name leads nowhere out of the store: ``get_secret`` raises ``ValueError``, or knows no such secret."""
        outside = self.scratch / "outside"
        outside.write_text("not in the store", encoding="utf-8")
        with self.started() as plugin:
            for key in (*_PATHS, str(outside), outside.as_uri()):
                try:
                    found = plugin.get_secret(key)
                except ValueError:
                    continue
                self.expect(found is None, f"get_secret({key!r}) returned {shown(found)}")

    @rule(_GET)
    def test_a_rotated_secret_is_seen(self) -> None:
        """``get_secret`` reads the store at each call, so that a rotated secret is noticed."""
        with self.filled() as (plugin, entries):
            key = next(iter(entries))
            plugin.get_secret(key)
            self.rotate(plugin, key, "rotated")
            seen = f"get_secret({key!r}) still returns the value from before the rotation"
            self.expect(self.text(plugin.get_secret(key)) == "rotated", seen)

    @rule(_GET)
    def test_asking_changes_nothing(self) -> None:
        """Asking for a secret that does not exist does not create it."""
        with self.filled() as (plugin, _):
            before = set(plugin.secret_names())
            plugin.get_secret("conformance-unknown")
            more = set(plugin.secret_names()) - before
            self.expect(not more, f"after get_secret('conformance-unknown'), secret_names() has {shown(sorted(more))}")

    @rule(_NAMES)
    def test_names_are_a_tuple_of_strings(self) -> None:
        """``secret_names`` returns a tuple of strings."""
        with self.filled() as (plugin, _):
            names = plugin.secret_names()
            right = type(names) is tuple and all(isinstance(name, str) for name in names)
            self.expect(right, f"secret_names() returned {shown(names)}")

    @rule(_NAMES)
    def test_names_are_sorted(self) -> None:
        """``secret_names`` returns sorted names."""
        with self.filled() as (plugin, _):
            names = list(plugin.secret_names())
            self.expect(names == sorted(names), f"secret_names() returned {shown(names)}")

    @rule(_NAMES)
    def test_all_names_are_listed(self) -> None:
        """``secret_names`` returns the names of all secrets."""
        with self.filled() as (plugin, entries):
            missing = sorted(entries.keys() - set(plugin.secret_names()))
            self.expect(not missing, f"secret_names() lacks {shown(missing)}, which get_secret knows")

    @rule(_NAMES)
    def test_a_name_is_listed_once(self) -> None:
        """``secret_names`` returns each name once."""
        with self.filled() as (plugin, _):
            names = list(plugin.secret_names())
            twice = sorted({name for name in names if names.count(name) > 1})
            self.expect(not twice, f"secret_names() has {shown(twice)} more than once")

    @rule(_NAMES)
    def test_every_name_that_is_listed_can_be_asked_for(self) -> None:
        """``secret_names`` returns names of secrets: each can be passed to ``get_secret``."""
        with self.filled() as (plugin, _):
            for name in plugin.secret_names():
                self.expect(
                    plugin.get_secret(name) is not None, f"get_secret({name!r}) returned None, and it is listed"
                )

    @rule(_NAMES)
    def test_names_show_no_values(self) -> None:
        """``secret_names`` returns no values."""
        with self.filled() as (plugin, entries):
            values = [value for value in entries.values() if value]
            names = [name for name in plugin.secret_names() if any(value in name for value in values)]
            self.expect(not names, f"secret_names() returned {len(names)} names with the value of a secret in them")

    @rule(_NAMES)
    def test_a_prefix_selects(self) -> None:
        """``secret_names`` returns the secrets that start with ``prefix``, and no others."""
        with self.filled() as (plugin, entries):
            for prefix in {*entries, *(name[:3] for name in entries)}:
                listed = set(plugin.secret_names(prefix))
                wrong = sorted(name for name in listed if not name.startswith(prefix))
                self.expect(not wrong, f"secret_names({prefix!r}) returned {shown(wrong)}")
                lacks = sorted({name for name in plugin.secret_names() if name.startswith(prefix)} - listed)
                self.expect(not lacks, f"secret_names({prefix!r}) lacks {shown(lacks)}")

    @rule(_NAMES)
    def test_a_prefix_is_no_pattern(self) -> None:
        """``prefix`` is text and no pattern."""
        with self.filled() as (plugin, _):
            for prefix in ("*", ".", "?", "%", "_", ".*", "^"):
                wrong = sorted(name for name in plugin.secret_names(prefix) if not name.startswith(prefix))
                self.expect(not wrong, f"secret_names({prefix!r}) returned {shown(wrong)}")
