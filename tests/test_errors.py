"""The errors: one base, facts as attributes, picklable."""

import copy
import pickle

import pytest

from floe_plugins import errors
from floe_plugins.core.refs import PluginRef
from floe_plugins.errors import PluginError

CLASSES = sorted(
    (cls for cls in vars(errors).values() if isinstance(cls, type) and issubclass(cls, PluginError)),
    key=lambda cls: cls.__name__,
)
BUILTINS = {
    errors.PluginNotFoundError: LookupError,
    errors.DuplicatePluginError: ValueError,
    errors.PluginConfigurationError: ValueError,
    errors.PluginTimeoutError: TimeoutError,
}
REF = PluginRef.parse("compute:duckdb")


@pytest.mark.parametrize("cls", CLASSES)
def test_an_error_keeps_its_facts_through_pickling(cls: type[PluginError]) -> None:
    error = cls("it broke", ref=REF, distribution="acme 1.0 in /site", hint="Mend it")
    same = pickle.loads(pickle.dumps(error))  # noqa: S301 made one line above
    assert type(same) is cls
    assert vars(same) == vars(error)
    assert str(same) == str(error)


@pytest.mark.parametrize("cls", CLASSES)
def test_a_message_says_what_whose_and_what_to_do(cls: type[PluginError]) -> None:
    error = cls("it broke", ref=REF, distribution="acme 1.0 in /site", hint="Mend it")
    assert str(error) == "compute:duckdb (from acme 1.0 in /site): it broke. Mend it"
    assert str(cls("it broke")) == "it broke"


@pytest.mark.parametrize(("cls", "builtin"), BUILTINS.items())
def test_errors_are_also_the_builtin_that_fits(cls: type[PluginError], builtin: type[Exception]) -> None:
    assert issubclass(cls, builtin)


def test_special_facts_are_kept() -> None:
    error = errors.PluginNotFoundError("no", suggestions=["compute:a"])
    assert pickle.loads(pickle.dumps(error)).suggestions == ("compute:a",)  # noqa: S301 made one line above
    circle = errors.CircularDependencyError("no", cycle=[REF, REF])
    assert pickle.loads(pickle.dumps(circle)).cycle == (REF, REF)  # noqa: S301 made one line above


def test_the_plugins_own_exception_is_neither_pickled_nor_shown() -> None:
    error = PluginError("it failed")
    assert error.exception is None
    error.exception = ValueError("token-4711")
    for shown in (str(error), repr(error), repr(pickle.dumps(error)), str(copy.copy(error).__dict__)):
        assert "4711" not in shown
    assert pickle.loads(pickle.dumps(error)).exception is None  # noqa: S301 made above


def test_a_timeout_keeps_its_arguments_when_it_is_pickled() -> None:
    error = errors.PluginTimeoutError("late", seconds=3.0)
    assert pickle.loads(pickle.dumps(error)).args == error.args == ("late",)  # noqa: S301 our own
