"""The plugin categories, and refs: category and name of a plugin."""

from __future__ import annotations

import importlib
from enum import Enum
from typing import Any, NamedTuple

_NAME = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_")

NAME_RULE = "lower-case letters, digits, '-' and '_', beginning and ending with a letter or digit, without '__'"


def is_name(text: str) -> bool:
    """Return whether ``text`` is a valid plugin name; ``NAME_RULE`` describes the rule.

    >>> is_name("duck-db"), is_name("Duck__DB")
    (True, False)
    """
    # Compiling a regular expression would take longer than checking all names of most installations.
    return _NAME.issuperset(text) and text[:1] not in "-_" and text[-1:] not in "-_" and "__" not in text


class PluginType(str, Enum):
    """The plugin categories. The value of a member is the name of its entry-point group.

    >>> from floe_plugins import PluginType
    >>> PluginType.COMPUTE.slug, PluginType.COMPUTE.group
    ('compute', 'floe.computes')
    >>> PluginType.COMPUTE.spec
    <class 'floe_plugins.hookspecs.compute.ComputePlugin'>

    To add a category, add a module to ``hookspecs/`` and a row here.

    Attributes:
        slug: the name of the category in refs and configuration, such as ``compute``.
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
        """The module and the name of the category class. Imports nothing."""
        module, _, name = self._spec.partition(":")
        return f"floe_plugins.hookspecs.{module}", name

    @property
    def spec(self) -> type[Any]:
        """The category class, whose hooks plugins implement. Imports its module."""
        module, name = self.spec_name
        category: type[Any] = getattr(importlib.import_module(module), name)
        return category

    @classmethod
    def of(cls, plugin_class: type) -> PluginType:
        """Return the category of a plugin class.

        >>> from floe_plugins import ComputePlugin
        >>> PluginType.of(ComputePlugin).slug
        'compute'

        Raises:
            TypeError: ``plugin_class`` does not derive from a category class.
        """
        for base in plugin_class.__mro__:
            found = _BY_CLASS.get((base.__module__, base.__name__))
            if found is not None:
                return found
        names = ", ".join(member.spec_name[1] for member in cls)
        raise TypeError(f"{plugin_class.__qualname__} does not derive from a category class: expected one of {names}")

    @classmethod
    def parse(cls, text: str) -> PluginType:
        """Return the category with a slug (``compute``) or group (``floe.computes``).

        >>> PluginType.parse("compute") is PluginType.parse("floe.computes")
        True

        Raises:
            ValueError: there is no such category; the message lists all categories.
        """
        found = _BY_TEXT.get(text)
        if found is None:
            slugs = ", ".join(member.slug for member in cls)
            raise ValueError(f"there is no category {text!r}; the categories are {slugs}")
        return found


_BY_CLASS = {member.spec_name: member for member in PluginType}
_BY_TEXT = {text: member for member in PluginType for text in (member.slug, member.group)}


class PluginRef(NamedTuple):
    """The category and name of a plugin, written ``compute:duckdb``. Identifies a plugin within a registry.

    >>> from floe_plugins import PluginRef, PluginType
    >>> str(PluginRef(PluginType.COMPUTE, "duckdb"))
    'compute:duckdb'

    Attributes:
        type: the category.
        name: the name of the plugin and of its entry point.
    """

    type: PluginType
    name: str

    def __str__(self) -> str:
        return f"{self.type.slug}:{self.name}"

    @classmethod
    def parse(cls, text: str) -> PluginRef:
        """Return the ref that ``category:name`` stands for; the category is a slug or a group.

        >>> PluginRef.parse("compute:duckdb") == PluginRef.parse("floe.computes:duckdb")
        True
        >>> PluginRef.parse("duckdb")
        Traceback (most recent call last):
        ...
        ValueError: 'duckdb' is not a ref: expected category:name, such as compute:duckdb

        Raises:
            ValueError: ``text`` has no colon, the category does not exist, or the name is invalid.
        """
        category, colon, name = text.partition(":")
        if not colon:
            raise ValueError(f"{text!r} is not a ref: expected category:name, such as compute:duckdb")
        if not is_name(name):
            raise ValueError(f"{text!r} is not a ref: a plugin name consists of {NAME_RULE}")
        if not category:
            raise ValueError(f"{text!r} is not a ref: its category is missing, as in compute{text}")
        return cls(PluginType.parse(category), name)
