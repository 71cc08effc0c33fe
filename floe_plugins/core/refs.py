"""The vocabulary: the plugin categories and the key of everything, the ref."""

from __future__ import annotations

import importlib
from enum import Enum
from typing import Any, NamedTuple

_NAME = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_")

NAME_RULE = "lower-case letters, digits, '-' and '_', beginning and ending with a letter or digit, without '__'"


def is_name(text: str) -> bool:
    """Whether ``text`` may name a plugin (``NAME_RULE`` says the rule in words)."""
    # Compiling a pattern would take longer than most processes need for all of their names.
    return _NAME.issuperset(text) and text[:1] not in "-_" and text[-1:] not in "-_" and "__" not in text


class PluginType(str, Enum):
    """The categories. A member's value is its entry-point group.

    A new category is one module in ``hookspecs/`` and one row here.
    """

    slug: str
    _spec: str

    COMPUTE = "floe.computes", "compute:ComputePlugin"
    ORCHESTRATOR = "floe.orchestrators", "orchestrator:OrchestratorPlugin"
    CATALOG = "floe.catalogs", "catalog:CatalogPlugin"
    STORAGE = "floe.storage", "storage:StoragePlugin"
    TELEMETRY_BACKEND = "floe.telemetry_backends", "telemetry_backend:TelemetryBackendPlugin"
    LINEAGE_BACKEND = "floe.lineage_backends", "lineage_backend:LineageBackendPlugin"
    DBT = "floe.dbt", "dbt:DBTPlugin"
    SEMANTIC_LAYER = "floe.semantic_layers", "semantic_layer:SemanticLayerPlugin"
    INGESTION = "floe.ingestion", "ingestion:IngestionPlugin"
    SECRETS = "floe.secrets", "secrets:SecretsPlugin"
    IDENTITY = "floe.identity", "identity:IdentityPlugin"

    def __new__(cls, group: str, _spec: str) -> PluginType:  # noqa: D102, PYI034 Self is not in typing on 3.10
        member = str.__new__(cls, group)
        member._value_ = group
        return member

    def __init__(self, _group: str, spec: str) -> None:
        self.slug = self.name.lower()
        self._spec = spec

    # Without it, f"{member}" is the value on Python 3.10 and the member's name from 3.11 on.
    __str__ = str.__str__

    @property
    def group(self) -> str:
        """The entry-point group, such as ``floe.computes``."""
        return str.__str__(self)

    @property
    def spec_name(self) -> tuple[str, str]:
        """Module and name of the category class, known without importing it."""
        module, _, name = self._spec.partition(":")
        return f"floe_plugins.hookspecs.{module}", name

    @property
    def spec(self) -> type[Any]:
        """The category class, which is also the hookspec; imports its module."""
        category = _SPECS.get(self)
        if category is None:
            module, name = self.spec_name
            category = _SPECS[self] = getattr(importlib.import_module(module), name)
        return category

    @classmethod
    def of(cls, plugin_class: type) -> PluginType:
        """The category whose class ``plugin_class`` is or derives from.

        Raises:
            TypeError: there is none.
        """
        for base in plugin_class.__mro__:
            found = _BY_CLASS.get((base.__module__, base.__name__))
            if found is not None:
                return found
        names = ", ".join(member.spec_name[1] for member in cls)
        message = f"{plugin_class.__qualname__} derives from no category class: expected one of {names}"
        raise TypeError(message)

    @classmethod
    def parse(cls, text: str) -> PluginType:
        """The category of a slug (``compute``) or a group (``floe.computes``).

        Raises:
            ValueError: there is no such category; the message lists them.
        """
        found = _BY_TEXT.get(text)
        if found is None:
            slugs = ", ".join(member.slug for member in cls)
            message = f"there is no category {text!r}; the categories are {slugs}"
            raise ValueError(message)
        return found


_SPECS: dict[PluginType, type[Any]] = {}
_BY_CLASS = {member.spec_name: member for member in PluginType}
_BY_TEXT = {text: member for member in PluginType for text in (member.slug, member.group)}


class PluginRef(NamedTuple):
    """Type and name of a plugin together, written ``compute:duckdb``."""

    type: PluginType
    name: str

    def __str__(self) -> str:
        return f"{self.type.slug}:{self.name}"

    @classmethod
    def parse(cls, text: str) -> PluginRef:
        """Read ``category:name``; the category is a slug or a group.

        Raises:
            ValueError: the form, the category or the name is wrong.
        """
        category, colon, name = text.partition(":")
        if not colon:
            message = f"{text!r} is not a ref: expected category:name, such as compute:duckdb"
            raise ValueError(message)
        if not is_name(name):
            message = f"{text!r} is not a ref: a plugin's name is made of {NAME_RULE}"
            raise ValueError(message)
        return cls(PluginType.parse(category), name)
