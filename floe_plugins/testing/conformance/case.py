"""What every rule works with: the plugin in a registry of its own, and ways to say what was seen."""

from __future__ import annotations

import contextlib
import contextvars
import inspect
import shutil
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Generator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NoReturn, TypeVar, cast

from floe_plugins.core.categories import Category
from floe_plugins.core.platform import FLOE, Platform
from floe_plugins.core.refs import PluginRef
from floe_plugins.errors import PluginError
from floe_plugins.registry.facade import PluginRegistry
from floe_plugins.testing.conformance.rule import ConformanceClassError, ContractError, Rule, error_text, shown
from floe_plugins.testing.conformance.samples.pauses import Pauses, switching
from floe_plugins.testing.origin import origin_of

R = TypeVar("R")

_NOTHING: Mapping[Any, Any] = MappingProxyType({})


class Case:
    """The plugin under test and its surroundings. Each rule has an instance of its own.

    A rule runs on a thread of its own, so that one that hangs has an end; on pytest's if the plugin asks for the
    ``caller_thread``, and then without a limit.

    Attributes:
        plugin: the plugin's class.
        config: its settings, as they stand in its table of a configuration file. Override ``settings`` if they
            have to be computed.
        plugins: the plugins on which it depends, each with its settings. Set it in ``setup_method`` if they need
            ``scratch``: ``self.plugins = {LocalStorage: {"root": str(self.scratch)}}``.
        seconds: how many seconds a rule may take; one that takes longer is broken, and its message says where it waits.
        platform: whose plugin it is.
    """

    plugin: type[Any]
    config: Mapping[str, Any] = _NOTHING
    plugins: Mapping[type[Any], Mapping[str, Any]] = _NOTHING
    seconds: float = 30.0
    platform: Platform = FLOE

    _rule: Rule = Rule("", "", "")
    _scratch: Path | None = None

    @property
    def category(self) -> Category:
        """The category of the plugin; one that an installed distribution adds to the platform, too.

        Raises:
            TypeError: its class derives from no category class.
        """
        return category_of(self.plugin, self.platform)

    @property
    def scratch(self) -> Path:
        """A directory that is empty at first and removed after the rule."""
        if self._scratch is None:
            self._scratch = Path(tempfile.mkdtemp(prefix="floe-conformance-"))
        return self._scratch

    def settings(self) -> Mapping[str, Any]:
        """Return the settings of the plugin. Override it to use ``self.scratch``: ``{"path": str(self.scratch)}``."""
        return self.config

    def new_registry(self, *, config: Mapping[str, Any] | None = None) -> tuple[PluginRegistry, PluginRef]:
        """Return a registry that has the plugin and those that it depends on, configured, and the plugin's ref.

        Nothing installed and no environment variable is visible in it. The rule is left out if the registry
        refuses the plugin, which one of the rules tells.
        """
        try:
            registry, refs = self.register()
        except PluginError:
            self.skip("the registry refuses the plugin: see test_a_registry_takes_the_plugin")
        given = [self.settings() if config is None else config, *self.plugins.values()]
        for ref, settings in zip(refs, given, strict=True):
            if settings:
                registry.configure(ref.type, ref.name, settings)
        return registry, refs[0]

    def register(self) -> tuple[PluginRegistry, tuple[PluginRef, ...]]:
        """Return a registry that has the plugin and those that it depends on, and their refs in this order.

        Raises:
            PluginError: the registry refuses one of them.
        """
        registry = PluginRegistry(autoload="none", environ={}, platform=self.platform)
        return registry, registry.register(self.plugin, *self.plugins)

    @contextlib.contextmanager
    def started(self, *, config: Mapping[str, Any] | None = None) -> Generator[Any, None, None]:
        """Give the plugin: configured, started with those that it depends on, and stopped at the end.

        ``config`` takes the place of ``settings()``.

        Raises:
            ContractError: it does not start.
        """
        registry, ref = self.new_registry(config=config)
        try:
            outcome = registry.start(ref.type, ref.name)
            if not outcome.ok:
                self.broken(f"the plugin does not start: {outcome.message}", outcome.exception or outcome.cause)
            yield registry.get(ref.type, ref.name)
        finally:
            registry.shutdown()

    def use(self, plugin: Any) -> None:
        """Call hooks that open something, to see whether all is closed. Classes of categories override it."""
        del plugin
        self.skip("there are no hooks of this category that a rule could call")

    def broken(self, seen: str, cause: BaseException | None = None) -> NoReturn:
        """Say that the rule is broken, and what was seen.

        Raises:
            ContractError: always.
        """
        __tracebackhide__ = True
        facts = self._rule
        plugin = getattr(self, "plugin", None)
        name = f"{plugin.__module__}:{plugin.__qualname__}" if isinstance(plugin, type) else ""
        wanted, example = (self._in_words_of_platform(text) for text in (facts.wanted, facts.example))
        raise ContractError(wanted, seen, example, plugin=name, rule=facts.name) from cause

    def _in_words_of_platform(self, text: str) -> str:
        return text.replace(FLOE.api_attribute, self.platform.api_attribute)

    def expect(self, condition: object, seen: str) -> None:
        """Say that the rule is broken if ``condition`` is not met.

        Raises:
            ContractError: it is not.
        """
        __tracebackhide__ = True
        if not condition:
            self.broken(seen)

    @contextlib.contextmanager
    def raises(
        self, expected: type[Exception] | tuple[type[Exception], ...], doing: str
    ) -> Generator[None, None, None]:
        """Expect the block to raise one of these errors; ``doing`` says what the block does.

        Raises:
            ContractError: it raised another, or none.
        """
        __tracebackhide__ = True
        try:
            yield
        except expected:
            return
        except ContractError:
            raise
        except Exception as error:  # noqa: BLE001 the plugin may raise anything
            self._tell_if_own(error)
            self.broken(f"{doing} raised {error_text(error)}", error)
        self.broken(f"{doing} raised nothing")

    def skip(self, reason: str) -> NoReturn:
        """Leave the rule out: it does not apply to this plugin. pytest shows the reason, and does not return here."""
        import pytest

        pytest.skip(reason)

    def needs(self, hook: str) -> None:
        """Leave the rule out if the plugin is of an API that lacks the hook, or leaves it to its default."""
        found = [vars(base)[hook] for base in self.plugin.__mro__ if hook in vars(base)]
        own = next((each for each in found if not _only_calls_next(each, hook)), None)
        if own is None or hasattr(own, "floe_added_in"):
            self.skip(f"{hook} is left to its default")
        self.since(next((str(each.floe_added_in) for each in found if hasattr(each, "floe_added_in")), "1.0"))

    def since(self, version: str) -> None:
        """Leave the rule out if the plugin is of an older API."""
        if _numbers(self.plugin.floe_api_version) < _numbers(version):
            self.skip(f"it is of API {self.plugin.floe_api_version}, and this is of {version}")

    def missing(self, attribute: str, what: str) -> NoReturn:
        """Refuse to judge: the author has to give something in the conformance class.

        Raises:
            ConformanceClassError: always.
        """
        __tracebackhide__ = True
        self.unproved(f"{type(self).__name__} does not say {what}: set or override {attribute!r} in it", attribute)

    def unproved(self, seen: str, method: str = "", cause: BaseException | None = None) -> NoReturn:
        """Refuse to judge: what the conformance class does proves nothing of the plugin. ``method`` is one of its own.

        Raises:
            ConformanceClassError: always.
        """
        __tracebackhide__ = True
        bases = (base for base in type(self).__mro__ if base.__module__.startswith("floe_plugins."))
        wanted = next((inspect.getdoc(vars(base)[method]) for base in bases if callable(vars(base).get(method))), "")
        right = f"{method}: {wanted}" if wanted else ""
        name, facts = type(self).__name__, self._rule
        raise ConformanceClassError(facts.wanted, seen, right, plugin=name, rule=facts.name) from cause

    def block(self, method: str, *arguments: object) -> contextlib.AbstractContextManager[Any] | None:
        """Return the context that a method of the conformance class gives for a ``with`` statement; None if none.

        Raises:
            ConformanceClassError: it gives something else.
        """
        __tracebackhide__ = True
        found: Any = getattr(self, method)(*arguments)
        if found is None or hasattr(type(found), "__enter__"):
            return cast("contextlib.AbstractContextManager[Any] | None", found)
        decorate = ": put @contextlib.contextmanager above it" if inspect.isgenerator(found) else ""
        seen = f"{type(self).__name__}.{method}() returned {shown(found)}, and no context manager{decorate}"
        return self.unproved(seen, method)

    def together(self, functions: Sequence[Callable[[], R]]) -> list[R]:
        """Call functions at the same time, each on a thread of its own, and return their results in order.

        The threads pause at different lines of the plugin's package, so that they come between each other there,
        and Python lets them take turns far more often than it does otherwise.

        Raises:
            Exception: what the first of them that failed raised.
        """
        barrier = threading.Barrier(len(functions))
        package = self.plugin.__module__.partition(".")[0]
        results: list[Any] = [None] * len(functions)
        errors: list[BaseException] = []

        def work(place: int, function: Callable[[], R]) -> None:
            try:
                barrier.wait()
                with Pauses(package, place).taken():
                    results[place] = function()
            except BaseException as error:  # noqa: BLE001 raised again below
                errors.append(error)

        threads = [
            threading.Thread(target=work, args=item, name=f"conformance-{item[0]}", daemon=True)
            for item in enumerate(functions)
        ]
        with switching():
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        if errors:
            raise errors[0]
        return results

    def eventually(self, condition: Callable[[], object], seconds: float = 5.0) -> bool:
        """Return whether ``condition`` is met within some seconds; it is asked every 5 ms, and once at the least."""
        deadline = time.monotonic() + min(seconds, self.seconds)
        while not condition():
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.005)
        return True

    def _perform(self, facts: Rule, check: Callable[[], None]) -> None:
        """Check a rule within the time that it may take."""
        __tracebackhide__ = True
        self._rule = facts
        try:
            if getattr(self.plugin, "caller_thread", False):
                check()
            else:
                self._within(check)
        except ContractError:
            raise
        except Exception as error:  # noqa: BLE001 the plugin may raise anything
            self._tell_if_own(error)
            self.broken(error_text(error), error)
        finally:
            if self._scratch is not None:
                shutil.rmtree(self._scratch, ignore_errors=True)

    def _tell_if_own(self, error: BaseException) -> None:
        """Say that a method of the conformance class has failed, if the error comes from there."""
        __tracebackhide__ = True
        origin = origin_of(error, type(self), getattr(self, "plugin", None))
        if origin is not None:
            self.unproved(f"{origin.method}() raised {error_text(error)}, at {origin.place}", origin.name, error)

    def _within(self, check: Callable[[], None]) -> None:
        __tracebackhide__ = True
        errors: list[BaseException] = []
        context = contextvars.copy_context()

        def work() -> None:
            try:
                context.run(check)
            except BaseException as error:  # noqa: BLE001 raised again below
                errors.append(error)

        thread = threading.Thread(target=work, name=f"conformance {self._rule.name}", daemon=True)
        thread.start()
        thread.join(self.seconds)
        if errors:
            raise errors[0]
        if thread.is_alive():
            self.broken(f"no answer in {self.seconds:g} s; {_where(thread)}")


def category_of(plugin: type[Any], platform: Platform) -> Category:
    """Return the category of a plugin's class on a platform.

    Raises:
        TypeError: it derives from none of the category classes.
    """
    return PluginRegistry(autoload="none", environ={}, platform=platform).platform.categories.of(plugin)


def _numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".") if part.isdecimal()]


def _only_calls_next(function: object, hook: str) -> bool:
    """Whether all that a class's function does is ``return super().hook(...)``, as new projects have it."""
    code = getattr(function, "__code__", None)
    if code is None or set(code.co_names) != {"super", hook} or code.co_freevars != ("__class__",):
        return False
    constants = {each for each in code.co_consts if each is not None} - {getattr(function, "__doc__", None)}
    return not constants and len(code.co_varnames) == code.co_argcount


def _where(thread: threading.Thread) -> str:
    """Where a thread is, without the frames of Python's own modules at its end."""
    # The documented way to see what another thread does.
    frame = sys._current_frames().get(thread.ident or 0)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
    stack = traceback.extract_stack(frame) if frame is not None else []
    known = [place for place in stack if not place.filename.endswith(("threading.py", "queue.py"))]
    return f"it waits in {known[-1].filename}:{known[-1].lineno}, {known[-1].name}" if known else "it has ended since"
