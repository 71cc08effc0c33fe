"""Candidates: entry points that discovery found, with their distributions."""

from __future__ import annotations

import attrs

from floe_plugins.core.categories import Category
from floe_plugins.core.record import Record
from floe_plugins.core.refs import PluginRef


@attrs.frozen
class Distribution(Record):
    """An installed distribution.

    >>> from floe_plugins import Distribution
    >>> print(Distribution("acme-floe", "1.0", "/site/acme_floe-1.0.dist-info"))
    acme-floe 1.0 in /site/acme_floe-1.0.dist-info

    Attributes:
        name: the name of the distribution, as its metadata directory spells it, with ``-`` for ``_``. pip may show it
            with capitals or dots; names that differ in case, ``-``, ``_`` and ``.`` alone are the same.
        version: its version; empty if its metadata does not state one.
        path: the directory or file that holds its metadata.
    """

    name: str
    version: str
    path: str

    def __str__(self) -> str:
        return f"{self.name} {self.version} in {self.path}" if self.version else f"{self.name} in {self.path}"


@attrs.frozen
class Candidate(Record):
    """An installed entry point in one of the plugin groups. Nothing of it has been imported.

    >>> from floe_plugins import Candidate, Distribution, PluginRef
    >>> distribution = Distribution("acme-floe", "1.0", "/site/acme_floe-1.0.dist-info")
    >>> candidate = Candidate(PluginRef.parse("compute:duckdb"), "acme.duck:DuckDB", distribution)
    >>> candidate.type.group, candidate.name
    ('floe.computes', 'duckdb')

    Attributes:
        ref: category and name of the plugin.
        value: the value of the entry point, such as ``package.module:Class``.
        distribution: the distribution that declares the entry point.
    """

    ref: PluginRef
    value: str
    distribution: Distribution

    @property
    def type(self) -> Category:
        """The category."""
        return self.ref.type

    @property
    def name(self) -> str:
        """The name of the plugin and of its entry point."""
        return self.ref.name
