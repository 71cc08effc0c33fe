"""The rules for what a plugin says of itself."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from packaging.version import Version

from floe_plugins.core.candidate import Candidate, Distribution
from floe_plugins.core.platform import FLOE
from floe_plugins.core.refs import PluginRef
from floe_plugins.core.suggestions import closest
from floe_plugins.dependencies.requirement import Requirement
from floe_plugins.errors import PluginError
from floe_plugins.hookspecs.base import hook_names, spec_options
from floe_plugins.inspection import static_metadata
from floe_plugins.inspection.compatibility import api_mismatch
from floe_plugins.inspection.static_metadata import StaticMetadata
from floe_plugins.testing.conformance.case import Case
from floe_plugins.testing.conformance.rule import rule, shown

_CLASS = """
class AcmeCompute(ComputePlugin):
    name = "acme"
    version = "1.2.0"
    floe_api_version = "1.0"
    description = "SQL by Acme"
    dependencies = ("storage",)
"""
_HOOK = """
def execute(self, sql, parameters=None):  # a plain method, with the parameters of its hookspec
    ...
"""
_DECLARED = ("name", "version", "floe_api_version", "description", "dependencies", "optional_dependencies")


class MetadataRules(Case):
    """The rules for names, versions, dependencies and hooks."""

    @rule(_CLASS)
    def test_a_registry_takes_the_plugin(self) -> None:
        """The class is called without arguments, and what it declares and all its hooks fit its category.

        A plugin that depends on others is registered together with those in ``plugins``.
        """
        try:
            self.register()
        except PluginError as error:
            self.broken(f"the registry refuses it: {error}", error)

    @rule(_CLASS)
    def test_the_version_is_a_version(self) -> None:
        """``version`` is a version as PEP 440 defines it."""
        version = getattr(self.plugin, "version", None)
        if isinstance(version, str):
            try:
                Version(version)
            except ValueError:  # InvalidVersion, and Python's own limit on digits
                self.broken(f"version is {version!r}")

    @rule(_CLASS)
    def test_the_api_version_is_one_of_this_platform(self) -> None:
        """``floe_api_version`` is ``MAJOR.MINOR`` of an API that the platform provides."""
        attribute = self.platform.api_attribute
        declared = getattr(self.plugin, attribute, None)
        text = declared.split(".") if isinstance(declared, str) else []
        right = len(text) == 2 and all(part.isdigit() for part in text)  # noqa: PLR2004 major and minor
        self.expect(right or self._is_refused(), f"{attribute} is {shown(declared)}")
        reason = api_mismatch(declared, self.platform.api_version, self.platform)
        self.expect(reason is None or self._is_refused(), reason or "")

    @rule(_CLASS)
    def test_metadata_are_literals(self) -> None:
        """Name, versions, description and dependencies are literals, so that nothing is imported to read them."""
        source = self._source()
        unknown = [self._attribute(name) for name in _DECLARED if getattr(source, name) is None]
        # `floe_api_version = FLOE_API_VERSION` would state that the plugin fits whatever version runs it.
        self.expect(not unknown, f"the source of the class has no literal for {', '.join(unknown)}")

    @rule(_CLASS)
    def test_metadata_are_those_of_the_source(self) -> None:
        """The loaded plugin says of itself what its source declares."""
        source = self._source()
        plugin = self._made()
        for name in _DECLARED:
            attribute = self._attribute(name)
            written, real = getattr(source, name), getattr(plugin, attribute, None)
            real = tuple(real) if isinstance(real, list) else real
            same = written is None or written == real
            self.expect(same, f"the source declares {attribute} = {shown(written)}, the plugin says {shown(real)}")

    @rule(_CLASS)
    def test_metadata_stay_the_same(self) -> None:
        """Metadata are the same for each instance, and whenever they are read."""
        plugin, other = self._made(), self._made()
        for name in map(self._attribute, (*_DECLARED, "timeouts", "config_version")):
            values = [getattr(each, name, None) for each in (plugin, plugin, other)]
            self.expect(values[0] == values[1] == values[2], f"{name} was {', then '.join(map(shown, values))}")

    @rule(_CLASS)
    def test_the_description_is_one_line(self) -> None:
        """``description`` is one line for operators."""
        description = str(getattr(self.plugin, "description", ""))
        self.expect(description.isprintable(), f"description is {shown(description)}")
        self.expect(description.strip(), "description is empty")

    @rule(_CLASS)
    def test_it_does_not_depend_on_itself(self) -> None:
        """A plugin depends on other plugins, not on itself."""
        own = PluginRef(self.category, str(self.plugin.name))
        for text in self._dependencies():
            try:
                ref = Requirement.parse(text).among([own])
            except ValueError:
                continue
            # A whole category is met by others.
            self.expect(not ref or text == self.category.slug, f"{own} depends on {shown(text)}")

    @rule(_HOOK)
    def test_hooks_are_plain_methods(self) -> None:
        """A hook is a plain method: no property, and neither static nor a class method."""
        for name, _ in self._hooks():
            found = inspect.getattr_static(self.plugin, name)
            self.expect(inspect.isfunction(found), f"{name} is a {type(found).__name__}")

    @rule(_HOOK)
    def test_hooks_take_what_callers_pass(self) -> None:
        """A hook takes the parameters of its hookspec, by position and by name, and has the same defaults."""
        for name, spec in self._hooks():
            function = inspect.getattr_static(self.plugin, name)
            if not inspect.isfunction(function):
                continue  # another rule's
            own, wanted = inspect.signature(function), inspect.signature(spec)
            names = [*wanted.parameters]
            required = [each for each in names if wanted.parameters[each].default is inspect.Parameter.empty]
            calls: list[tuple[list[str], dict[str, str]]] = [
                (names, {}),
                (required, {}),
                (names[:1], dict.fromkeys(names[1:], "")),
            ]
            for positional, by_name in calls:
                try:
                    own.bind(*positional, **by_name)
                except TypeError as error:
                    self.broken(f"{name}{own} cannot be called as {name}{wanted}: {error}", error)

    @rule(_HOOK)
    def test_no_method_is_named_almost_like_a_hook(self) -> None:
        """A method that is named almost like a hook is one that nobody calls."""
        spec = self.category.spec
        known, hooks = set(dir(spec)), hook_names(spec, self.platform.name)
        for name in set(dir(self.plugin)) - known:
            if not name.startswith("_"):
                meant = closest(name, hooks)
                near = [hook for hook in meant if abs(len(hook) - len(name)) <= 1 and _differ(hook, name) <= 2]  # noqa: PLR2004 letters
                self.expect(not near, f"{name} is no hook; did you mean {', '.join(near)}?")

    def _attribute(self, name: str) -> str:
        """Return what the platform calls one of the names of what is declared."""
        return self.platform.api_attribute if name == FLOE.api_attribute else name

    def _is_refused(self) -> bool:
        # What the registry refuses is told by the rule for that.
        try:
            self.register()
        except PluginError:
            return True
        return False

    def _made(self) -> Any:
        try:
            registry, refs = self.register()
        except PluginError:
            self.skip("the registry refuses the plugin")
        return registry.get(refs[0].type, refs[0].name)

    def _dependencies(self) -> Iterator[object]:
        for name in ("dependencies", "optional_dependencies"):
            found = getattr(self.plugin, name, ())
            if isinstance(found, (list, tuple)):
                yield from found

    def _hooks(self) -> Iterator[tuple[str, Any]]:
        spec = self.category.spec
        for name in dir(spec):
            declared = inspect.getattr_static(spec, name)
            is_hook = spec_options(declared, self.platform.name) is not None
            if is_hook and inspect.getattr_static(self.plugin, name) is not declared:
                yield name, declared

    def _source(self) -> StaticMetadata:
        """What the source of the class declares, read as that of an installed plugin."""
        module = sys.modules.get(self.plugin.__module__)
        file = getattr(module, "__file__", None)
        if not file or "." in self.plugin.__qualname__:
            self.skip("the class has no place in a file of its own")
        path = Path(file)
        depth = self.plugin.__module__.count(".") + (path.name == "__init__.py")
        root = path.parents[depth]
        name = f"{self.plugin.__module__}:{self.plugin.__qualname__}"
        origin = Distribution("conformance", "1", str(root / "conformance-1.dist-info"))
        return static_metadata.read(Candidate(PluginRef(self.category, "conformance"), name, origin))


def _differ(first: str, second: str) -> int:
    """How many letters have to be changed, inserted or removed to make one word of the other."""
    row = list(range(len(second) + 1))
    for place, letter in enumerate(first, 1):
        above, row[0] = row[0], place
        for column, other in enumerate(second, 1):
            above, row[column] = row[column], min(row[column] + 1, row[column - 1] + 1, above + (letter != other))
    return row[-1]
