from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any, cast

import pydantic
import pytest
from support import Secrets, named

from floe_plugins import PluginUnavailableError
from floe_plugins.testing import ConformanceClassError, ContractError
from floe_plugins.testing.conformance.case import Case
from floe_plugins.testing.conformance.rule import rule
from floe_plugins.testing.conformance.runner import run


class Settings(pydantic.BaseModel):
    size: int = 1


Other = named("other", config_schema=Settings)
Plain = named("plain", config_schema=Settings, dependencies=("secrets:other",))


class Example(Case):
    plugin = Plain
    config = {"size": 2}  # noqa: RUF012 as an author writes it
    plugins = {Other: {"size": 3}}  # noqa: RUF012
    seconds = 10.0


def seen(cls: type[Any], method: Any, **attributes: Any) -> str:
    """What a rule of that code says was seen."""
    case = type("Made", (cls,), {"test_it": rule("pass")(method), **attributes})()
    with pytest.raises(ContractError) as caught:
        case.test_it()
    return caught.value.seen


def kept(cls: type[Any], method: Any) -> None:
    type("Made", (cls,), {"test_it": rule("pass")(method)})().test_it()


def test_the_plugin_is_started_with_its_settings_and_with_those_that_it_depends_on() -> None:
    def check(case: Case) -> None:
        """It runs."""
        with case.started() as plugin:
            assert plugin.config.size == 2
            assert plugin.registry.get(type(plugin).__base__, "other").config.size == 3

    kept(Example, check)


def test_the_settings_may_be_others_for_one_start() -> None:
    def check(case: Case) -> None:
        """It runs."""
        with case.started(config={}) as plugin:
            assert plugin.config.size == 1

    kept(Example, check)


def test_a_plugin_that_does_not_start_breaks_the_rule() -> None:
    def fail(_plugin: object) -> None:
        raise OSError("no disk")

    def check(case: Case) -> None:
        """It runs."""
        with case.started():
            pass

    text = seen(Example, check, plugin=named("bad", Secrets, startup=fail), config={})
    assert text == "the plugin does not start: startup raised OSError: no disk"


def test_what_a_rule_raises_is_what_was_seen() -> None:
    def check(case: Case) -> None:
        """It raises nothing."""
        assert case.plugin is Plain
        raise PluginUnavailableError("gone")

    assert seen(Example, check) == "PluginUnavailableError: gone"


def test_a_rule_that_hangs_is_broken_and_says_where() -> None:
    forever = threading.Event()

    def check(case: Case) -> None:
        """It returns."""
        assert case.seconds
        forever.wait()

    text = seen(Example, check, seconds=0.05)
    forever.set()
    assert text.startswith("no answer in 0.05 s; it waits in ")
    assert text.endswith(", check")


def test_a_plugin_for_the_main_thread_is_checked_there() -> None:
    threads = []

    def check(case: Case) -> None:
        """It is here."""
        assert case.plugin.caller_thread
        threads.append(threading.current_thread())

    case = type("Made", (Example,), {"test_it": rule("pass")(check), "plugin": named("main", caller_thread=True)})()
    case.test_it()
    assert threads == [threading.current_thread()]


def test_the_scratch_directory_is_gone_after_the_rule() -> None:
    found = []

    def check(case: Case) -> None:
        """It is empty."""
        assert list(case.scratch.iterdir()) == []
        (case.scratch / "file").touch()
        found.append(case.scratch)

    kept(Example, check)
    assert not found[0].exists()


@pytest.mark.parametrize(
    ("raised", "text"), [(None, "doing it raised nothing"), (KeyError("a"), "doing it raised KeyError: 'a'")]
)
def test_another_error_than_the_expected_one_is_what_was_seen(raised: Exception | None, text: str) -> None:
    def check(case: Case) -> None:
        """It raises ValueError."""
        with case.raises(ValueError, "doing it"):
            if raised:
                raise raised

    assert seen(Example, check) == text


def test_the_expected_error_keeps_the_rule() -> None:
    def check(case: Case) -> None:
        """It raises ValueError."""
        with case.raises(ValueError, "doing it"):
            raise UnicodeError

    kept(Example, check)


def test_functions_run_together_and_give_their_results_in_order() -> None:
    barrier = threading.Barrier(2)
    assert Example().together([lambda: (barrier.wait(10), 1)[1], lambda: (barrier.wait(10), 2)[1]]) == [1, 2]


def test_what_one_of_them_raises_is_raised() -> None:
    def fail() -> None:
        raise KeyError

    with pytest.raises(KeyError):
        Example().together([fail, lambda: None])


def test_a_condition_is_waited_for() -> None:
    answers = iter([False, False, True])
    assert Case().eventually(lambda: next(answers))
    assert not Case().eventually(lambda: False, 0.01)


def test_what_an_author_has_to_give_is_named() -> None:
    def check(case: Case) -> None:
        """It is known."""
        case.missing("known", "what there is")

    assert seen(Example, check) == "Made does not say what there is: set or override 'known' in it"


class Offline(Case):
    """As the suite has it."""

    def outage(self) -> Any:
        """Return a context in which nothing is there."""

    @rule("pass")
    def test_it(self) -> None:
        """It says that nothing is there."""
        block = self.block("outage")
        if block is not None:
            with block, self.raises(KeyError, "asking"):
                raise KeyError


class Failing(Offline):
    plugin = Plain

    def outage(self) -> Any:
        raise OSError("no port")


class Undecorated(Offline):
    plugin = Plain

    def outage(self) -> Generator[None, None, None]:
        yield


class NoContext(Offline):
    plugin = Plain

    def outage(self) -> Any:
        return 7


@pytest.mark.parametrize(
    ("cls", "text"),
    [
        (Failing, "Failing.outage() raised OSError: no port, at tests/testing/conformance/test_case.py:"),
        (Undecorated, ", and no context manager: put @contextlib.contextmanager above it"),
        (NoContext, "NoContext.outage() returned 7 (int), and no context manager"),
    ],
)
def test_a_method_of_the_conformance_class_that_fails_is_not_the_plugins_fault(cls: type[Offline], text: str) -> None:
    with pytest.raises(ConformanceClassError) as caught:
        cls().test_it()
    lines = str(caught.value).splitlines()
    assert lines[0] == f"{cls.__name__} cannot check test_it: the conformance class is at fault, not the plugin."
    assert lines[1] == "  Rule:   It says that nothing is there."
    assert text in lines[2]
    assert caught.value.plugin == cls.__name__


def test_what_the_plugin_does_in_a_context_of_the_conformance_class_is_its_own_fault() -> None:
    class Online(Offline):
        plugin = Plain

        def outage(self) -> Any:
            return nullcontext()

    Online().test_it()
    assert Offline().block("outage") is None


def test_a_plugin_that_it_depends_on_can_have_a_directory_of_the_rule() -> None:
    class Prepared(Example):
        def setup_method(self) -> None:
            self.plugins = {Other: {"size": len(str(self.scratch))}}

    def check(case: Case) -> None:
        """It runs."""
        with case.started() as plugin:
            assert plugin.registry.get("secrets", "other").config.size == len(str(case.scratch))
            assert case.scratch.is_dir()

    made = type("Made", (Prepared,), {"test_it": rule("pass")(check)})
    assert run(made, ["test_it"]).passed == ("test_it",)


def test_a_rule_that_does_not_apply_is_skipped() -> None:
    def check(case: Case) -> None:
        """It applies."""
        case.skip("it does not")

    with pytest.raises(pytest.skip.Exception, match="it does not"):
        kept(Example, check)


@pytest.mark.parametrize(
    ("body", "is_left_out"),
    [
        ("return super().scan(name)", True),
        ("return list(super().scan(name))", False),
        ("found = super().scan(name)\n        return found", False),
        ("return super().scan('other')", False),
        ("return iter(())", False),
    ],
)
def test_a_hook_that_only_calls_its_default_is_left_to_it(body: str, is_left_out: bool) -> None:
    names: dict[str, Any] = {}
    exec(  # noqa: S102 the text is above
        "class Base:\n    def scan(self, name): ...\n    scan.floe_added_in = '1.1'\n"
        "class Plugin(Base):\n    floe_api_version = '1.1'\n"
        f'    def scan(self, name):\n        """Return rows."""\n        {body}\n',
        names,
    )
    case = SimpleNamespace(plugin=names["Plugin"], skip=pytest.skip, since=lambda _: None)
    with pytest.raises(pytest.skip.Exception) if is_left_out else nullcontext():
        Case.needs(cast("Case", case), "scan")
