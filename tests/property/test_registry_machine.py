"""A registry driven at random: whatever is asked of it in whatever order, its promises hold."""

from __future__ import annotations

import threading

import hypothesis.strategies as st
import pytest
import support
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from support import SOON

from floe_plugins import (
    HealthState,
    LifecycleReport,
    MissingDependencyError,
    OutcomeState,
    PluginConfigurationError,
    PluginNotFoundError,
    PluginState,
    PluginTimeoutError,
    PluginType,
    PluginUnavailableError,
)

SECRETS = PluginType.SECRETS
NAMES = [f"p{number}" for number in range(7)]
BROKEN = {PluginState.FAILED, PluginState.SKIPPED}


class Scripted(support.Secrets):
    """Does in ``startup`` what the machine tells it to."""

    def __init__(self) -> None:
        self.mode = "works"
        self.runs = False
        self.waits = False
        self.hangs = threading.Event()
        self.stopped = threading.Event()
        self.overlapped = False
        self.needs: list[str] = []
        self.all: dict[str, Scripted] = {}

    def startup(self) -> None:
        if self.mode == "fails":
            raise ConnectionError("refused")
        if self.mode == "comes later":
            self.mode = "works"
            raise PluginUnavailableError("not yet", retry_after=0.0)
        self.overlapped |= self.runs or not self.is_served()
        if self.mode == "hangs":
            self.stopped.clear()
            self.waits = True
            self.hangs.wait()
            self.waits = False
        self.runs = True

    def is_served(self) -> bool:
        return all(need in self.all and self.all[need].runs for need in self.needs)

    def shutdown(self) -> None:
        self.runs = False
        self.stopped.set()
        if self.mode == "stops badly":
            raise OSError("dirty")


class RegistryMachine(RuleBasedStateMachine):
    """The model is the plugins' own: each knows whether it runs."""

    @initialize(workers=st.sampled_from([1, 3]), data=st.data())
    def begin(self, workers: int, data: st.DataObject) -> None:
        self.registry = support.new_registry(workers=workers, timeouts={"startup": 0.05})
        self.plugins: dict[str, Scripted] = {}
        self.hung: dict[str, Scripted] = {}
        for name in NAMES[:4]:
            self._register(name, data)

    @rule(name=st.sampled_from(NAMES), data=st.data())
    def register(self, name: str, data: st.DataObject) -> None:
        if name not in self.plugins:
            self._register(name, data)

    def _register(self, name: str, data: st.DataObject) -> None:
        lower = sorted(each for each in self.plugins if each < name)
        needs = data.draw(st.lists(st.sampled_from(lower), unique=True, max_size=3)) if lower else []
        cls = type(name, (Scripted,), {"name": name, "dependencies": [f"secrets:{need}" for need in needs]})
        self.registry.register(cls)
        plugin = self.registry.get(SECRETS, name)
        plugin.needs, plugin.all = needs, self.plugins
        self.plugins[name] = plugin

    @rule(name=st.sampled_from(NAMES))
    def register_without_what_it_needs(self, name: str) -> None:
        cls = type(name, (Scripted,), {"name": "lost", "dependencies": ["secrets:nowhere"]})
        with pytest.raises(MissingDependencyError):
            self.registry.register(cls)
        with pytest.raises(PluginNotFoundError):
            self.registry.get(SECRETS, "lost")

    @precondition(lambda self: self.plugins)
    @rule(data=st.data())
    def unregister(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.plugins)))
        if name not in self.hung:
            plugin = self.plugins.pop(name)
            assert self.registry.unregister(SECRETS, name) is plugin
            assert not plugin.runs

    @precondition(lambda self: self.plugins)
    @rule(data=st.data(), mode=st.sampled_from(["works", "works", "fails", "comes later", "hangs", "stops badly"]))
    def tell(self, data: st.DataObject, mode: str) -> None:
        name = data.draw(st.sampled_from(sorted(self.plugins)))
        if name not in self.hung:
            self.plugins[name].mode = mode

    @rule()
    def startup(self) -> None:
        report = self.registry.startup()
        assert {outcome.ref.name for outcome in report.outcomes} == set(self.plugins)
        self.check(report)

    @precondition(lambda self: self.plugins)
    @rule(data=st.data())
    def start(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.plugins)))
        outcome = self.registry.start(SECRETS, name)
        self.note_hung()
        assert outcome.ok == (self.registry.state(SECRETS, name) is PluginState.STARTED)
        assert outcome.ok or outcome.message

    @precondition(lambda self: self.plugins)
    @rule(data=st.data())
    def stop(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.plugins)))
        self.registry.stop(SECRETS, name)
        assert self.registry.state(SECRETS, name) is not PluginState.STARTED
        assert name in self.hung or not self.plugins[name].runs

    @rule()
    def shutdown(self) -> None:
        self.registry.shutdown()
        assert not any(plugin.runs for name, plugin in self.plugins.items() if name not in self.hung)
        assert PluginState.STARTED not in {self.registry.state(SECRETS, name) for name in self.plugins}

    @precondition(lambda self: self.plugins)
    @rule(data=st.data())
    def configure(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.plugins)))
        # What it takes is asked on its thread, which may be busy.
        with pytest.raises(
            (PluginConfigurationError, PluginTimeoutError) if name in self.hung else PluginConfigurationError
        ):
            self.registry.configure(SECRETS, name, {"unknown": 1})

    @rule()
    def discover(self) -> None:
        assert self.registry.discover(refresh=True).candidates == ()

    @rule()
    def health(self) -> None:
        report = self.registry.health()
        for ref, status in report.statuses.items():
            started = self.registry.state(*ref) is PluginState.STARTED
            assert (status.state is HealthState.HEALTHY) == started

    @precondition(lambda self: self.hung)
    @rule()
    def release(self) -> None:
        """What hung goes on, comes too late, and is shut down by itself."""
        for name, plugin in self.hung.items():
            plugin.mode = "works"
            plugin.hangs.set()
            assert plugin.stopped.wait(SOON)
            plugin.hangs.clear()
            assert self.registry.state(SECRETS, name) in BROKEN
        self.hung.clear()

    def check(self, report: LifecycleReport) -> None:
        self.note_hung()
        assert len(report.failed) + len(report.skipped) + sum(o.ok for o in report.outcomes) == len(report.outcomes)
        by_name = {outcome.ref.name: outcome for outcome in report.outcomes}
        for outcome in report.outcomes:
            needs = self.plugins[outcome.ref.name].needs
            served = all(need in by_name and by_name[need].ok for need in needs)
            assert (outcome.state is OutcomeState.SKIPPED) == (not served)
            assert outcome.ok or outcome.cause is not None

    def note_hung(self) -> None:
        self.hung.update({name: plugin for name, plugin in self.plugins.items() if plugin.waits})

    @invariant()
    def nothing_ran_before_what_it_needs_and_what_runs_is_said_to(self) -> None:
        for name, plugin in getattr(self, "plugins", {}).items():
            state = self.registry.state(SECRETS, name)
            assert not plugin.overlapped
            assert name in self.hung or plugin.runs == (state is PluginState.STARTED)
            if state is PluginState.STARTED:
                assert plugin.is_served()

    @invariant()
    def every_failure_is_among_the_problems(self) -> None:
        for name in getattr(self, "plugins", {}):
            told = any(str(problem.ref) == f"secrets:{name}" for problem in self.registry.problems)
            assert told == (self.registry.state(SECRETS, name) in BROKEN)

    def teardown(self) -> None:
        for plugin in getattr(self, "plugins", {}).values():
            plugin.hangs.set()
        if hasattr(self, "registry"):
            self.registry.shutdown()


RegistryMachine.TestCase.settings = settings(
    max_examples=60,
    stateful_step_count=40,
    deadline=None,
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)
test_a_registry_keeps_its_promises_whatever_is_asked_of_it = RegistryMachine.TestCase
