"""Find out whether an error comes from what an author wrote into a conformance class, and not from the plugin."""

from __future__ import annotations

import inspect
import os
import traceback
import types
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from floe_plugins.testing.conformance.rule import rule_of

_SUITE = "floe_plugins.testing."


class Origin(NamedTuple):
    """The place from which an error comes.

    Attributes:
        method: the method of the conformance class, or the function of its module, that was called.
        place: the file and the line where it went wrong.
    """

    method: str
    place: str

    @property
    def name(self) -> str:
        """The name of the method in its class."""
        return self.method.rpartition(".")[2]


def origin_of(error: BaseException, cls: type, plugin: object) -> Origin | None:
    """Return the method of an author's conformance class from which an error comes; None if it comes from elsewhere.

    What a method of the author calls in the plugin is the plugin's, and so is what the rules of the suite raise. So
    are functions of a module that the conformance class and the plugin share, except methods of the former.
    """
    authors = [base for base in cls.__mro__ if not _is_suite(base)]
    methods = {code: name for base in reversed(authors) for code, name in _codes(base).items()}
    own = {base.__module__ for base in authors if base.__dict__.keys() & set(methods.values())}
    bases = plugin.__mro__ if isinstance(plugin, type) else ()
    hooks = {code for base in bases for code in _codes(base)}
    module = plugin.__module__ if isinstance(plugin, type) else ""
    rules = {code for base in cls.__mro__ if base not in authors for code in _codes(base)}
    found: Origin | None = None
    for frame, line in traceback.walk_tb(error.__traceback__):
        code, where = frame.f_code, str(frame.f_globals.get("__name__", ""))
        if code in methods or (where in own and where != module and code not in hooks | rules):
            name = f"{cls.__name__}.{methods[code]}" if code in methods else code.co_name
            found = Origin(name if found is None else found.method, f"{_short(code.co_filename)}:{line}")
        elif code in hooks or code in rules or where.startswith(_SUITE) or _is_below(where, module):
            found = None
    return found


def _is_suite(base: type) -> bool:
    """Whether a class is of this package, or adds rules of its own, as those that a host gives to its authors."""
    return base is object or base.__module__.startswith(_SUITE) or any(map(rule_of, vars(base).values()))


def _is_below(where: str, module: str) -> bool:
    package = module.partition(".")[0]
    return bool(package) and (where == package or where.startswith(f"{package}."))


def _codes(cls: type) -> Mapping[types.CodeType, str]:
    """The code of the methods of a class, each with the functions in it, and the names of the methods."""
    found: dict[types.CodeType, str] = {}
    for name, member in vars(cls).items():
        function = member.fget if isinstance(member, property) else getattr(member, "__func__", member)
        if inspect.isfunction(function):
            found.update((code, name) for code in _within(inspect.unwrap(function).__code__))
    return found


def _within(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for each in code.co_consts:
        if isinstance(each, types.CodeType):
            yield from _within(each)


def _short(file: str) -> str:
    """A file below the working directory as it is seen from there."""
    here = os.path.join(os.getcwd(), "")  # noqa: PTH109, PTH118 file may be any text, such as <string>
    return file.removeprefix(here)
