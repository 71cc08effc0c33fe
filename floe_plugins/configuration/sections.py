"""The sections ``registry`` and ``plugins`` of a file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from floe_plugins.configuration.content import Content
from floe_plugins.configuration.issues import KeyPath
from floe_plugins.configuration.settings import PluginSettings
from floe_plugins.configuration.values import describe_type, is_list, is_table, json_value
from floe_plugins.core.refs import NAME_RULE, PluginRef, PluginType, is_name
from floe_plugins.core.state import AUTOLOAD_MODES
from floe_plugins.core.suggestions import closest
from floe_plugins.core.timeouts import MAX_TIMEOUT, MAX_WORKERS, TIMEOUT_NAMES

RESERVED = ("distribution", "config_version")

_DISABLED = "a ref such as compute:duckdb, a category such as compute, or distribution:NAME"
_REGISTRY_KEYS = ("autoload", "disable", "only", "required", "timeouts", "workers")
_SLUGS = {category.slug: category for category in PluginType}
_CATEGORIES = {text: category for category in PluginType for text in (category.slug, category.group)}


def close_to(key: object, known: Iterable[str]) -> str:
    """A question that names the nearest of the known keys; nothing where none is near."""
    close = closest(key, known)
    return f"Did you mean {close[0]!r}?" if close else ""


def read_sections(content: Content) -> tuple[dict[str, Any], dict[PluginRef, PluginSettings]]:
    """The fields of ``registry`` for ``Configuration``, and the settings by plugin; issues go to ``content``."""
    for key in content.tree:
        if key not in {"registry", "plugins", "$schema"}:
            hint = close_to(key, ("registry", "plugins"))
            content.issue((key,), "unknown_key", "there is no such section", "'registry' or 'plugins'", hint)
    registry = _table(content, content.tree.get("registry"), ("registry",))
    plugins = _table(content, content.tree.get("plugins"), ("plugins",))
    return _Registry(content, registry).fields(), _plugins(content, plugins)


def _table(content: Content, value: Any, path: KeyPath) -> Mapping[Any, Any]:
    if is_table(value):
        return value
    if value is not None:  # YAML: a key with nothing below it
        content.issue(path, "table", f"this is {describe_type(value)}", "a table")
    return {}


def _plugins(content: Content, tables: Mapping[Any, Any]) -> dict[PluginRef, PluginSettings]:
    found: dict[PluginRef, PluginSettings] = {}
    for category, named in tables.items():
        path: KeyPath = ("plugins", category)
        if category not in _SLUGS:
            expected = f"one of {', '.join(_SLUGS)}"
            content.issue(path, "unknown_category", "there is no such category", expected, close_to(category, _SLUGS))
            continue
        kind = _SLUGS[category]
        for name, value in _table(content, named, path).items():
            if not isinstance(name, str) or not is_name(name):
                content.issue((*path, name), "name", "this cannot be a plugin's name", NAME_RULE)
                continue
            place = (*path, name)
            table = value if type(value) is dict else _table(content, value, place)
            found[PluginRef(kind, name)] = _plugin(content, table, place)
    return found


def _plugin(content: Content, table: Mapping[Any, Any], path: KeyPath) -> PluginSettings:
    reserved: dict[str, Any] = {}
    if "distribution" in table or "config_version" in table:
        reserved = {key: value for key in RESERVED if (value := _reserved(content, key, table, path)) is not None}
        table = {key: value for key, value in table.items() if key not in RESERVED}
    if not content.textual and not content.secret and not content.paths_with_issues:
        return PluginSettings(table=table, **reserved)
    return PluginSettings(
        table=table,
        textual=_below(content.textual, path),
        secret=_below(content.secret, path),
        paths_with_issues=_below(content.paths_with_issues, path),
        **reserved,
    )


def _reserved(content: Content, key: str, table: Mapping[Any, Any], path: KeyPath) -> Any:
    value = table.get(key)
    if key == "distribution":
        right = isinstance(value, str) and bool(value.strip())
        message, expected = "the pin names no distribution", "a distribution's name"
    else:
        right = type(value) is int and value >= 1
        message, expected = "this is no version of a schema", "a whole number from 1"
    if right or value is None:
        return value
    content.issue((*path, key), "type", message, expected)
    return None


def _below(paths: Iterable[KeyPath], base: KeyPath) -> frozenset[KeyPath]:
    return frozenset(path[len(base) :] for path in paths if path[: len(base)] == base)


class _Registry:
    def __init__(self, content: Content, table: Mapping[Any, Any]) -> None:
        self.content = content
        self.table = table

    def fields(self) -> dict[str, Any]:
        for key in self.table:
            if key not in _REGISTRY_KEYS:
                expected = f"one of {', '.join(_REGISTRY_KEYS)}"
                self._issue((key,), "unknown_key", "there is no such setting", expected, close_to(key, _REGISTRY_KEYS))
        present = [key for key in _REGISTRY_KEYS if self.table.get(key) is not None]
        read = {key: getattr(self, f"_{key}")(self.table[key]) for key in present if key != "timeouts"}
        if "timeouts" in present:
            read["timeouts"], read["plugin_timeouts"] = self._timeouts(self.table["timeouts"])
        return {key: value for key, value in read.items() if value is not None}

    def _issue(self, path: KeyPath, rule: str, message: str, expected: str = "", hint: str = "") -> None:
        self.content.issue(("registry", *path), rule, message, expected, hint)

    def _autoload(self, value: Any) -> str | None:
        if value in AUTOLOAD_MODES:
            return str(value)
        expected = "one of " + ", ".join(AUTOLOAD_MODES)
        self._issue(("autoload",), "choice", "there is no such choice", expected, close_to(value, AUTOLOAD_MODES))
        return None

    def _texts(self, key: str, value: Any) -> list[tuple[int, str]]:
        if not is_list(value):
            self._issue((key,), "type", f"this is {describe_type(value)}", "a list of texts")
            return []
        for index, item in enumerate(value):
            if not isinstance(item, str):
                self._issue((key, index), "type", f"this is {describe_type(item)}", "a text")
        return [(index, item) for index, item in enumerate(value) if isinstance(item, str)]

    def _disable(self, value: Any) -> tuple[str, ...]:
        accepted: list[str] = []
        for index, text in self._texts("disable", value):
            kind, colon, name = text.partition(":")
            if kind == "distribution" and name.strip():
                accepted.append(text)
            elif not colon and text in _CATEGORIES:
                accepted.append(_CATEGORIES[text].slug)
            elif ref := self._ref(text, ("disable", index), _DISABLED):
                accepted.append(str(ref))
        return tuple(accepted)

    def _only(self, value: Any) -> tuple[str, ...]:
        # Accepts both spellings, since `disable` wants the prefix.
        return tuple(text.removeprefix("distribution:").strip() for _, text in self._texts("only", value))

    def _required(self, value: Any) -> tuple[PluginRef, ...]:
        refs = [
            self._ref(text, ("required", index), "a ref such as compute:duckdb")
            for index, text in self._texts("required", value)
        ]
        return tuple(dict.fromkeys(ref for ref in refs if ref))

    def _ref(self, text: str, path: KeyPath, expected: str) -> PluginRef | None:
        try:
            return PluginRef.parse(text)
        except ValueError:  # its text repeats the value
            category, colon, _ = text.partition(":")
            hint = close_to(category, _SLUGS) if (colon or expected is _DISABLED) and category not in _SLUGS else ""
        self._issue(path, "ref", "this is no ref", expected, hint)
        return None

    def _number(self, value: Any, path: KeyPath) -> Any:
        """The number that a reference to the environment stands for; anything else as it is."""
        if isinstance(value, str) and ("registry", *path) in self.content.textual:
            try:
                return json_value(value)
            except ValueError:
                return value
        return value

    def _workers(self, value: Any) -> int | None:
        value = self._number(value, ("workers",))
        if type(value) is int and 1 <= value <= MAX_WORKERS:
            return value
        self._issue(("workers",), "type", "this is no number of workers", f"a whole number from 1 to {MAX_WORKERS}")
        return None

    def _timeouts(self, value: Any) -> tuple[dict[str, float], dict[PluginRef, dict[str, float]]]:
        table = _table(self.content, value, ("registry", "timeouts"))
        common = {key: item for key, item in table.items() if ":" not in str(key)}
        single: dict[PluginRef, dict[str, float]] = {}
        for key in [key for key in table if key not in common]:
            path = ("timeouts", key)
            if ref := self._ref(key, path, "a ref such as compute:duckdb"):
                own = _table(self.content, table[key], ("registry", *path))
                single[ref] = self._deadlines(own, path)
        return self._deadlines(common, ("timeouts",)), single

    def _deadlines(self, table: Mapping[Any, Any], path: KeyPath) -> dict[str, float]:
        accepted: dict[str, float] = {}
        for key, item in table.items():
            if key not in TIMEOUT_NAMES:
                expected = f"one of {', '.join(TIMEOUT_NAMES)}, or a ref such as compute:duckdb"
                hint = close_to(key, TIMEOUT_NAMES)
                self._issue((*path, key), "unknown_key", "there is no such deadline", expected, hint)
                continue
            value = self._number(item, (*path, key))
            if type(value) not in {int, float} or not 0 < value <= MAX_TIMEOUT:
                expected = "seconds, more than 0 and at most a year"
                self._issue(
                    (*path, key), "seconds", f"this is {describe_type(value)} that cannot be a deadline", expected
                )
            else:
                accepted[str(key)] = float(value)
        return accepted
