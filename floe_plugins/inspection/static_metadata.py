"""Read the metadata of a plugin class from its source. Imports and runs nothing.

For each class, the reader finds its base classes, also those in other modules of the same package,
computes the method resolution order, and takes the first assignment of each attribute in that order.

A value is known only if the class or a base class in the same package assigns a literal,
and no other statement can change it. All others are None, which means "known when loaded".
"""

# Annotations are evaluated: of a named tuple, typing would compile each one.
import ast
from typing import Any, NamedTuple

from floe_plugins.core.candidate import Candidate
from floe_plugins.core.categories import Category
from floe_plugins.discovery.entry_points_txt import parse_value
from floe_plugins.inspection.class_source import BASE, UNKNOWN_BASE, ClassReader, Definition, ExternalName, Mro
from floe_plugins.inspection.source_files import SourceModules

# The defaults of PluginMetadata. Importing it would take longer than reading the source of a plugin.
_DEFAULTS: dict[str, Any] = {"description": "", "dependencies": (), "optional_dependencies": ()}


class StaticMetadata(NamedTuple):
    """The metadata of a plugin class that has not been imported. None means "known when loaded".

    Attributes:
        name: the name, which its entry point has, too.
        version: the plugin's own version.
        floe_api_version: the literal, also if it is not a string.
        description: one line for operators.
        dependencies: the dependencies, as they are declared; empty if its source declares none.
        optional_dependencies: the optional ones, the same way.
        category: the category whose class it derives from.
    """

    name: str | None = None
    version: str | None = None
    floe_api_version: Any = None
    description: str | None = None
    dependencies: tuple[str, ...] | None = None
    optional_dependencies: tuple[str, ...] | None = None
    category: Category | None = None


UNKNOWN = StaticMetadata()


def read(candidate: Candidate) -> StaticMetadata:
    """Return what the source of a candidate's class declares. Reads files of its distribution. Never raises.

    Files of more than 1 MiB, and those that cannot be parsed, are not read: then nothing is known. Blocks while it
    reads; what was parsed is kept while the files stay as they are. Safe from several threads.

    >>> from floe_plugins import Candidate, Distribution, PluginRef
    >>> nowhere = Distribution("acme", "1.0", "/nowhere/acme-1.0.dist-info")
    >>> read(Candidate(PluginRef.parse("compute:acme"), "acme:Acme", nowhere)) == UNKNOWN
    True
    """
    try:
        reader, mro = open_class(candidate)
        return UNKNOWN if mro is None else _read(reader, mro, candidate.type.api_attribute)
    except RecursionError:  # an expression that is nested very deeply
        return UNKNOWN


def open_class(candidate: Candidate, *, whole: bool = False) -> tuple[ClassReader, Mro | None]:
    """Return a reader of a candidate's package, and its class with its base classes; None if it cannot be found.

    A module with an error in the body of a function is taken for valid, unless they are read ``whole``.

    Raises:
        RecursionError: an expression is nested very deeply.
    """
    value = parse_value(candidate.value)
    sources = SourceModules(candidate.distribution, whole=whole)
    reader = ClassReader(sources, value.module.partition(".")[0] if value else "", candidate.type)
    if value is None or not value.attribute or "." in value.attribute:
        return reader, None
    return reader, reader.mro(*value)


def takes_api_from_platform(candidate: Candidate) -> bool:
    """Return whether a class takes for its API version a constant of the platform, such as ``FLOE_API_VERSION``.

    Such a class says of each API that it was written for it. Never raises; false if the class cannot be read.
    """
    attribute = candidate.type.api_attribute
    try:
        reader, mro = open_class(candidate)
        for each in mro or ():
            statement = reader.body(each).get(attribute)
            if isinstance(each, Definition) and isinstance(statement, (ast.Assign, ast.AnnAssign)) and statement.value:
                found = reader.resolve_expression(each.module, statement.value)
                return isinstance(found, ExternalName) and found.name == attribute.upper()
    except RecursionError:
        pass
    return False


def is_changed_by_a_base(reader: ClassReader, mro: Mro) -> bool:
    """Return whether a base class runs code for the classes that derive from it, which may change all of them."""
    return any("__init_subclass__" in reader.body(each) for each in mro[1:])


def _read(reader: ClassReader, mro: Mro, api_attribute: str) -> StaticMetadata:
    if is_changed_by_a_base(reader, mro):
        return StaticMetadata(category=reader.category)
    return StaticMetadata(
        name=_string(_lookup(reader, mro, "name")),
        version=_string(_lookup(reader, mro, "version")),
        floe_api_version=_lookup(reader, mro, api_attribute),
        description=_string(_lookup(reader, mro, "description")),
        dependencies=_strings(_lookup(reader, mro, "dependencies")),
        optional_dependencies=_strings(_lookup(reader, mro, "optional_dependencies")),
        category=reader.category,
    )


def _lookup(reader: ClassReader, mro: Mro, field: str) -> Any:
    """Return the value of a class attribute, or None if it is not known."""
    for each in mro:
        if isinstance(each, Definition):
            body = reader.body(each)
            if reader.sets_on_instance(each, field):
                return None
            if field in body:
                return reader.literal(each.module, body[field], body)
        elif each in {BASE, UNKNOWN_BASE}:
            return _DEFAULTS.get(field) if each == BASE else None
    return None


def _string(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _strings(value: Any) -> tuple[str, ...] | None:
    is_known = isinstance(value, (list, tuple)) and all(isinstance(each, str) for each in value)
    return tuple(value) if is_known else None
