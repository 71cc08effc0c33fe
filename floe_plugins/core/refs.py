"""The categories of floe, and refs: category and name of a plugin."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple, cast

from floe_plugins.core.categories import NAME_RULE, Categories, Category, is_name


class PluginType(Category, Enum):
    """The plugin categories of floe. The value of a member is the name of its entry-point group.

    >>> from floe_plugins import PluginType
    >>> PluginType.COMPUTE.slug, PluginType.COMPUTE.group
    ('compute', 'floe.computes')
    >>> PluginType.COMPUTE.spec
    <class 'floe_plugins.hookspecs.compute.ComputePlugin'>

    To add a category, add a module to ``hookspecs/`` and a row here.

    Attributes:
        slug: the name of the category in refs and configuration, such as ``compute``.
    """

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
        self.slug, self.origin, self.platform = self.name.lower(), "", "floe"
        self._spec = f"floe_plugins.hookspecs.{spec}"

    # Without it, f"{member}" is the value on Python 3.10 and the member's name from 3.11 on.
    __str__ = str.__str__

    @classmethod
    def of(cls, plugin_class: type) -> PluginType:
        """Return the category of a plugin class.

        >>> from floe_plugins import ComputePlugin
        >>> PluginType.of(ComputePlugin).slug
        'compute'

        Raises:
            TypeError: ``plugin_class`` does not derive from a category class.
        """
        return cast("PluginType", FLOE_CATEGORIES.of(plugin_class))

    @classmethod
    def parse(cls, text: str) -> PluginType:
        """Return the category with a slug (``compute``) or group (``floe.computes``).

        >>> PluginType.parse("compute") is PluginType.parse("floe.computes")
        True

        Raises:
            ValueError: there is no such category; the message lists all categories.
        """
        return cast("PluginType", FLOE_CATEGORIES.parse(text))


FLOE_CATEGORIES = Categories(PluginType)


class PluginRef(NamedTuple):
    """The category and name of a plugin, written ``compute:duckdb``. Identifies a plugin within a registry.

    >>> from floe_plugins import PluginRef, PluginType
    >>> str(PluginRef(PluginType.COMPUTE, "duckdb"))
    'compute:duckdb'

    Attributes:
        type: the category: a ``PluginType``, or a ``Category`` that is none of floe's.
        name: the name of the plugin and of its entry point.
    """

    type: Category
    name: str

    def __str__(self) -> str:
        return f"{self.type.slug}:{self.name}"

    @classmethod
    def parse(cls, text: str, categories: Categories = FLOE_CATEGORIES) -> PluginRef:
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
            raise ValueError(f"{text!r} is not a ref: expected category:name, such as {example_ref(categories)}")
        if not is_name(name):
            raise ValueError(f"{text!r} is not a ref: a plugin name consists of {NAME_RULE}")
        if not category:
            first = example_ref(categories).partition(":")[0]
            raise ValueError(f"{text!r} is not a ref: its category is missing, as in {first}{text}")
        return cls(categories.parse(category), name)


def example_ref(categories: Categories) -> str:
    """Return a ref of these categories that a message can show.

    >>> example_ref(FLOE_CATEGORIES)
    'compute:duckdb'
    """
    first = next(iter(categories), None)
    return "compute:duckdb" if first is PluginType.COMPUTE else f"{first.slug if first else 'category'}:my-plugin"
