"""A correct secret store keeps every rule, and for each rule a faulty one breaks it and no other."""

from __future__ import annotations

import json
import os
import re
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pydantic
import pytest
from conformance_suite import broken, check, conformance, own_rules

from floe_plugins import SecretsPlugin, UnsupportedOperationError
from floe_plugins.testing import SecretsConformance

LOCK = threading.Lock()


class Settings(pydantic.BaseModel):
    path: Path


class JsonSecrets(SecretsPlugin):
    """Keeps secrets in a JSON file."""

    name = "json"
    version = "1.0"
    floe_api_version = "1.0"
    config_schema = Settings
    config: Settings

    def get_secret(self, key):
        self.check(key)
        value = self.entries().get(key)
        return None if value is None else pydantic.SecretStr(value)

    def secret_names(self, prefix=""):
        return tuple(sorted(name for name in self.entries() if name.startswith(prefix)))

    def put_secret(self, key, value):
        self.check(key)
        with LOCK:
            self.save({**self.entries(), key: value.get_secret_value()})

    def check(self, key):
        if not re.fullmatch(r"[a-z0-9-]+", key):
            message = f"{key!r} cannot name a secret"
            raise ValueError(message)

    def entries(self):
        try:
            return json.loads(self.config.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}

    def save(self, entries):
        descriptor, temporary = tempfile.mkstemp(dir=self.config.path.parent)
        os.write(descriptor, json.dumps(entries).encode())
        os.close(descriptor)
        Path(temporary).replace(self.config.path)


class JsonConformance(SecretsConformance):
    plugin = JsonSecrets

    def settings(self) -> Mapping[str, Any]:
        return {"path": str(self.scratch / "secrets.json")}


class FixedSecrets(SecretsPlugin):
    """Two secrets that nobody can change but the test."""

    name = "fixed"
    version = "1.0"
    floe_api_version = "1.0"

    def startup(self):
        self.entries = {"one": "first value", "two": "second value"}

    def get_secret(self, key):
        if "\0" in key or not key:
            raise ValueError(key)
        return pydantic.SecretStr(self.entries[key]) if key in self.entries else None

    def secret_names(self, prefix=""):
        return tuple(sorted(name for name in self.entries if name.startswith(prefix)))

    def put_secret(self, key, value):
        raise UnsupportedOperationError("the store is read-only")


class FixedConformance(SecretsConformance):
    plugin = FixedSecrets
    writable = False
    known = {"one": "first value", "two": "second value"}  # noqa: RUF012 as an author writes it

    def rotate(self, plugin: Any, key: str, value: str) -> None:
        plugin.entries[key] = value


class ReturnsText(JsonSecrets):
    def get_secret(self, key):
        found = super().get_secret(key)
        return found and found.get_secret_value()


class MixesUp(JsonSecrets):
    def get_secret(self, key):
        # Right for the one that the other rules look at.
        return super().get_secret("other-three" if key == "other-four" else key)


class ReturnsEmpty(JsonSecrets):
    def get_secret(self, key):
        return super().get_secret(key) or pydantic.SecretStr("")


class AsksAnything(JsonSecrets):
    def get_secret(self, key):
        return super().get_secret(key) if key and "\0" not in key else None


class ReadsPaths(JsonSecrets):
    def get_secret(self, key):
        if os.sep in key and Path(key).is_file():
            return pydantic.SecretStr(Path(key).read_text(encoding="utf-8"))
        return super().get_secret(key)


class Remembers(JsonSecrets):
    def startup(self):
        self.remembered = {}

    def get_secret(self, key):
        found = super().get_secret(key)
        return found if found is None else self.remembered.setdefault(key, found)

    def put_secret(self, key, value):
        self.remembered.pop(key, None)
        super().put_secret(key, value)
        self.remembered.pop(key, None)


class CreatesWhenAsked(JsonSecrets):
    def startup(self):
        self.asked = set()

    def get_secret(self, key):
        found = super().get_secret(key)
        if found is None and key == "conformance-unknown":
            if key in self.asked:
                return pydantic.SecretStr("")
            self.asked.add(key)
        return found

    def secret_names(self, prefix=""):
        return tuple(sorted({*super().secret_names(prefix), *(key for key in self.asked if key.startswith(prefix))}))


class ListsAList(JsonSecrets):
    def secret_names(self, prefix=""):
        return list(super().secret_names(prefix))


class ListsUnsorted(JsonSecrets):
    def secret_names(self, prefix=""):
        return super().secret_names(prefix)[::-1]


class ListsSome(JsonSecrets):
    def secret_names(self, prefix=""):
        return tuple(name for name in super().secret_names(prefix) if name != "other-three")


class ListsTwice(JsonSecrets):
    def secret_names(self, prefix=""):
        return tuple(sorted(super().secret_names(prefix) * 2))


class ListsWhatIsNotThere(JsonSecrets):
    def secret_names(self, prefix=""):
        return tuple(sorted((*super().secret_names(prefix), *(["zz"] if "zz".startswith(prefix) else []))))


class ListsValues(JsonSecrets):
    def get_secret(self, key):
        return pydantic.SecretStr(key) if key.startswith("value of") else super().get_secret(key)

    def secret_names(self, prefix=""):
        names = {*super().secret_names(), *self.entries().values()}
        return tuple(sorted(name for name in names if name.startswith(prefix)))


class IgnoresThePrefix(JsonSecrets):
    def secret_names(self, prefix=""):
        return super().secret_names() if prefix[:1].isalpha() else super().secret_names(prefix)


class MatchesPatterns(JsonSecrets):
    def secret_names(self, prefix=""):
        return tuple(name for name in super().secret_names() if name.startswith(prefix) or prefix == ".*")


class ReturnsTheValue(JsonSecrets):
    def put_secret(self, key, value):
        super().put_secret(key, value)
        return value


class Strips(JsonSecrets):
    def put_secret(self, key, value):
        super().put_secret(key, pydantic.SecretStr(value.get_secret_value().strip()))


class DropsEmpty(JsonSecrets):
    def get_secret(self, key):
        found = super().get_secret(key)
        return found if found is not None and found.get_secret_value() else None


class KeepsTheFirst(JsonSecrets):
    def put_secret(self, key, value):
        if value.get_secret_value() != "second":
            super().put_secret(key, value)


class ChangesOthers(JsonSecrets):
    def put_secret(self, key, value):
        super().put_secret(key, value)
        if value.get_secret_value() == "changed":
            super().put_secret("other-three", value)


class StoresAnything(JsonSecrets):
    def put_secret(self, key, value):
        if key and "\0" not in key:
            super().put_secret(key, value)


class StoresBeforeChecking(JsonSecrets):
    def put_secret(self, key, value):
        with LOCK:
            self.save({**self.entries(), key: value.get_secret_value()})
        self.check(key)


class ShowsTheValue(JsonSecrets):
    def put_secret(self, key, value):
        try:
            super().put_secret(key, value)
        except ValueError:
            raise ValueError(key, value.get_secret_value()) from None


class LosesUpdates(JsonSecrets):
    def put_secret(self, key, value):
        self.check(key)
        entries = self.entries()
        time.sleep(0.01)
        self.save({**entries, key: value.get_secret_value()})


class DeletesFirst(JsonSecrets):
    def put_secret(self, key, value):
        self.check(key)
        with LOCK:
            entries = self.entries()
            if entries.pop(key, None) is not None:
                self.save(entries)
                time.sleep(0.005)
            self.save({**entries, key: value.get_secret_value()})


class Forgets(JsonSecrets):
    def shutdown(self):
        entries = self.entries()
        if list(entries) == ["conformance-one"]:
            self.save({})


class PretendsToStore(FixedSecrets):
    def put_secret(self, key, value):
        pass


# For each rule the faulty plugin, and the conformance class that it is tested with.
FAULTY: dict[str, type[Any]] = {
    "test_a_secret_is_a_secret_str": ReturnsText,
    "test_a_secret_has_its_value": MixesUp,
    "test_an_unknown_secret_is_none": ReturnsEmpty,
    "test_an_invalid_name_cannot_be_asked_for": AsksAnything,
    "test_a_name_is_no_path": ReadsPaths,
    "test_a_rotated_secret_is_seen": Remembers,
    "test_asking_changes_nothing": CreatesWhenAsked,
    "test_names_are_a_tuple_of_strings": ListsAList,
    "test_names_are_sorted": ListsUnsorted,
    "test_all_names_are_listed": ListsSome,
    "test_a_name_is_listed_once": ListsTwice,
    "test_every_name_that_is_listed_can_be_asked_for": ListsWhatIsNotThere,
    "test_names_show_no_values": ListsValues,
    "test_a_prefix_selects": IgnoresThePrefix,
    "test_a_prefix_is_no_pattern": MatchesPatterns,
    "test_storing_returns_nothing": ReturnsTheValue,
    "test_a_value_is_kept_to_the_character": Strips,
    "test_an_empty_secret_is_one": DropsEmpty,
    "test_storing_replaces": KeepsTheFirst,
    "test_storing_leaves_the_others": ChangesOthers,
    "test_an_invalid_name_cannot_be_stored": StoresAnything,
    "test_what_was_refused_is_not_stored": StoresBeforeChecking,
    "test_errors_do_not_show_the_value": ShowsTheValue,
    "test_several_threads_store_at_once": LosesUpdates,
    "test_readers_see_the_old_or_the_new_value": DeletesFirst,
    "test_what_was_stored_survives_a_restart": Forgets,
    "test_a_read_only_store_says_so": PretendsToStore,
}


@pytest.mark.parametrize("cls", [JsonConformance, FixedConformance])
def test_a_correct_plugin_keeps_every_rule(cls: type[Any]) -> None:
    assert broken(cls) == {}


def test_each_rule_applies_to_a_store_that_is_written_or_to_one_that_is_not() -> None:
    skipped = [set(check(cls).skipped) for cls in (JsonConformance, FixedConformance)]
    assert not set.intersection(*skipped)


@pytest.mark.parametrize("rule", own_rules(SecretsConformance))
def test_a_faulty_plugin_breaks_exactly_its_own_rule(rule: str) -> None:
    plugin = FAULTY[rule]
    base = FixedConformance if issubclass(plugin, FixedSecrets) else JsonConformance
    assert list(broken(conformance(base, plugin))) == [rule]


def test_a_store_without_known_secrets_is_told_what_to_give() -> None:
    cls = conformance(FixedConformance, FixedSecrets, known={})
    assert "does not say at least two secrets" in broken(cls)["test_a_secret_is_a_secret_str"]
