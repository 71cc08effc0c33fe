"""Foreign objects become plain values, whatever they do."""

from __future__ import annotations

import enum
import linecache
import sys
import threading
import traceback
from collections.abc import Callable
from itertools import pairwise, repeat
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from floe_plugins import PluginRef, PluginUnavailableError
from floe_plugins.core.safe_text import MAX_TEXT
from floe_plugins.execution import boundary
from floe_plugins.execution.boundary import ForeignError, RedactedError, describe, to_plain
from floe_plugins.execution.frames import MAX_FRAMES

if sys.version_info < (3, 11):
    from exceptiongroup import ExceptionGroup

SECRET = "hunter2-of-the-year"  # noqa: S105 planted


def redact(text: str) -> str:
    return text.replace(SECRET, "***")


def raising(error: BaseException) -> Callable[..., Any]:
    def fail(*_: object) -> Any:
        raise error

    return fail


def odd_error() -> Exception:
    """An error whose every part resists. Its class is made here, since pytest would look at one of this module."""

    class Meta(type):
        def __getattribute__(cls, name: str) -> Any:
            raise SystemExit

    class OddError(Exception, metaclass=Meta):
        __str__ = raising(KeyboardInterrupt())
        __repr__ = __str__
        __class__ = property(raising(SystemExit()))  # type: ignore[assignment]
        __notes__ = property(raising(GeneratorExit()))

    return OddError()


def test_an_error_is_described_by_type_and_text() -> None:
    error = ValueError("no such table")
    found = describe(error)
    assert (found.type_name, found.message, str(found)) == ("ValueError", "no such table", "ValueError: no such table")
    assert found.exception is error
    assert found.chained is error


@pytest.mark.parametrize("kind", ["odd", "interrupt", "exit", "nested"])
def test_no_error_is_too_odd_to_be_described(kind: str) -> None:
    # Made here: pytest itself would look at such objects.
    error: BaseException = {
        "odd": odd_error,
        "interrupt": KeyboardInterrupt,
        "exit": SystemExit,
        "nested": lambda: ValueError(odd_error()),
    }[kind]()
    assert str(describe(error, redact))


def test_an_error_that_cannot_be_read_is_not_chained_itself() -> None:
    found = describe(odd_error())
    assert isinstance(found.chained, RedactedError)
    assert "OddError (its text cannot be read)" in str(found.chained)
    traceback.format_exception(found.chained)


def test_an_error_whose_text_alone_cannot_be_read_is_not_chained_itself() -> None:
    found = describe(type("OddError", (Exception,), {"__str__": raising(SystemExit())})())
    assert isinstance(found.chained, RedactedError)
    traceback.format_exception(found.chained)


@pytest.mark.parametrize("attribute", ["__cause__", "__context__", "__suppress_context__", "__traceback__"])
def test_an_error_that_traceback_cannot_look_at_is_not_chained_itself(attribute: str) -> None:
    error = type("OddError", (Exception,), {attribute: property(raising(SystemExit()), lambda *_: None)})("odd")
    found = describe(error)
    assert found.message == "odd"
    assert isinstance(found.chained, RedactedError)


@pytest.mark.parametrize("attribute", ["__qualname__", "__module__"])
def test_an_error_whose_class_hides_its_name_is_not_chained_itself(attribute: str) -> None:
    class Meta(type):
        def __getattribute__(cls, name: str) -> Any:
            return raising(SystemExit())() if name == attribute else super().__getattribute__(name)

    class NamelessError(Exception, metaclass=Meta):
        pass

    found = describe(NamelessError("odd"))
    assert str(found) == "NamelessError: odd"
    assert isinstance(found.chained, RedactedError)


def chain(text: str) -> list[BaseException]:
    """Errors that lead to one whose text is ``text``, in each way that there is."""
    caused, in_context, noted, group = ValueError("a"), ValueError("b"), ValueError("c"), None
    caused.__cause__ = KeyError(text)
    in_context.__context__ = KeyError(text)
    noted.__notes__ = [text]  # type: ignore[attr-defined]
    group = ExceptionGroup("d", [TypeError("e"), OSError(text)])
    deep = ValueError("f")
    deep.__cause__ = ExceptionGroup("g", [caused])
    return [ValueError(text), caused, in_context, noted, group, deep]


@pytest.mark.parametrize("way", range(6))
def test_an_error_that_leads_to_a_secret_is_replaced_by_a_stand_in(way: int) -> None:
    error = chain(SECRET)[way]
    found = describe(error, redact)
    assert isinstance(found.chained, RedactedError)
    shown = "".join(traceback.format_exception(found.chained)) + str(found) + found.message
    assert SECRET not in shown
    assert type(error).__name__ in shown


@pytest.mark.parametrize("way", range(6))
def test_an_error_without_a_secret_stays_the_cause(way: int) -> None:
    error = chain("harmless")[way]
    assert describe(error, redact).chained is error


def test_a_secret_in_a_context_that_no_traceback_shows_is_found() -> None:
    error = ValueError("a")
    error.__context__, error.__suppress_context__ = KeyError(SECRET), True
    assert isinstance(describe(error, redact).chained, RedactedError)


def test_a_stand_in_has_the_frames_of_the_original() -> None:
    def connect() -> None:
        raise ConnectionError(f"refused {SECRET}")

    with pytest.raises(ForeignError) as caught:
        boundary.call(connect, redact)
    shown = "".join(traceback.format_exception(caught.value.chained))
    assert "in connect" in shown
    assert "ConnectionError: refused ***" in shown
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


@pytest.mark.parametrize("place", [0, MAX_TEXT - 5, MAX_TEXT + 50, 2 * MAX_TEXT])
def test_a_secret_is_found_wherever_it_stands_in_a_long_line(place: int) -> None:
    line = "x" * place + SECRET + "x" * MAX_TEXT
    assert isinstance(describe(SyntaxError("bad", ("a.py", 1, 1, line)), redact).chained, RedactedError)
    harmless = SyntaxError("bad", ("a.py", 1, 1, line.replace(SECRET, "")))
    assert describe(harmless, redact).chained is harmless


def test_a_long_text_is_cut() -> None:
    assert len(describe(ValueError("x" * 1_000_000)).message) <= MAX_TEXT


@pytest.mark.parametrize(("given", "kept"), [(2.5, 2.5), (3, 3.0), (0, None), (-1, None), ("2", None), (True, None)])
def test_a_time_to_wait_is_kept_where_it_is_one(given: Any, kept: float | None) -> None:
    found = describe(PluginUnavailableError("down", retry_after=given))
    assert found.is_unavailable
    assert found.retry_after == kept


class Endless(dict[str, Any]):
    def items(self) -> Any:
        while True:
            yield "key", 1


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        ({"a": [1, 2.5, None, True]}, {"a": (1, 2.5, None, True)}),
        ({3: {"x"}}, {"3": ("x",)}),
        (PurePosixPath("/a"), "/a"),
        (PluginRef.parse("compute:duckdb"), "compute:duckdb"),
        (f"token {SECRET}", "token ***"),
        ([{f"key {SECRET}": SECRET}], ({"key ***": "***"},)),
    ],
)
def test_values_are_copied_as_plain_data(value: Any, plain: Any) -> None:
    assert to_plain(value, redact) == plain


def test_a_number_that_no_json_holds_becomes_text() -> None:
    assert isinstance(to_plain(10**400), str)


def test_what_is_deep_or_odd_is_cut() -> None:
    deep: Any = []
    for _ in range(10_000):
        deep = [deep]
    found = to_plain({"deep": deep, "odd": odd_error()})
    assert set(found) == {"deep", "odd"}
    assert found["odd"] == "<OddError that cannot be shown>"


def test_what_is_endless_is_cut_and_says_so() -> None:
    found = to_plain({"endless": Endless(), "after": 1})
    assert found["endless"] == {"key": 1, "...": "..."}
    assert found["..."] == "..."


def test_only_exact_builtins_pass() -> None:
    class Sneaky(str):
        __slots__ = ()

        def __str__(self) -> str:
            return "other"

    class Number(int):
        pass

    found = to_plain({"a": Sneaky("x"), "b": Number(3)})
    assert [type(item) for item in found.values()] == [str, str]


def test_code_is_run_on_the_calling_thread_and_its_result_returned() -> None:
    assert boundary.call(threading.current_thread) is threading.current_thread()


def test_the_name_of_a_class_and_a_number_may_be_secret_too() -> None:
    named = type(SECRET, (Exception,), {})
    described = describe(named("refused"), redact)
    assert described.type_name == "***"
    assert SECRET not in "".join(traceback.format_exception(type(described.chained), described.chained, None))
    hide = {"123456": "***", "1.25": "***"}
    assert to_plain([123456, 1.25, 7, 0.5], lambda text: hide.get(text, text)) == ("***", "***", 7, 0.5)


def test_notes_are_shown_as_text_whatever_they_are() -> None:
    error = ValueError(SECRET)
    error.__notes__ = [3, "n" * (MAX_TEXT + 10), f"also {SECRET}"]  # type: ignore[attr-defined]
    found = describe(error, redact)
    number, long, secret = found.chained.__notes__  # type: ignore[attr-defined]
    assert (number, secret) == ("3", "also ***")
    assert long.endswith("... (10 more characters)")


def test_errors_that_lead_to_each_other_are_read_once_each() -> None:
    first, second = ValueError(SECRET), KeyError("second")
    first.__cause__, second.__cause__ = second, first
    notes = describe(first, redact).chained.__notes__  # type: ignore[attr-defined]
    assert notes == ["caused or preceded by KeyError: 'second'"]


def test_of_a_long_chain_the_first_twenty_are_read() -> None:
    errors = [ValueError(f"number {number}") for number in range(30)]
    for error, cause in pairwise(errors):
        error.__cause__ = cause
    errors[0].args = (SECRET,)
    notes = describe(errors[0], redact).chained.__notes__  # type: ignore[attr-defined]
    assert notes == [f"caused or preceded by ValueError: number {number}" for number in range(1, 20)]


def with_causes(secret: str) -> Exception:
    error: Exception = ValueError(secret)
    for number in range(150):
        outer = ValueError(f"number {number}")
        outer.__cause__, error = error, outer
    return error


def with_notes(*notes: str) -> Exception:
    error = ValueError("see the notes")
    error.__notes__ = list(notes)  # type: ignore[attr-defined]
    return error


def of_class(**attributes: str) -> Exception:
    made: Exception = type("OfClassError", (Exception,), attributes)("said")
    return made


def with_line(line: str) -> Exception:
    try:
        compile(line, "settings", "exec")
    except SyntaxError as error:
        return error
    raise AssertionError(line)


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(ValueError("x" * 5_000 + SECRET), id="behind a long text"),
        pytest.param(with_causes(SECRET), id="at the root of many causes"),
        pytest.param(with_notes(*["n"] * 30, SECRET), id="behind many notes"),
        pytest.param(with_notes("n" * 5_000 + SECRET), id="behind a long note"),
        pytest.param(ExceptionGroup("g" * 5_000 + SECRET, [ValueError()]), id="behind a long text of a group"),
        pytest.param(ExceptionGroup("g", [*map(ValueError, range(150)), ValueError(SECRET)]), id="behind many members"),
        pytest.param(of_class(__module__=SECRET), id="in the name of a module"),
        pytest.param(of_class(__qualname__=f"Outer.{SECRET}"), id="in the full name of a class"),
        pytest.param(with_line(f"password = '{SECRET}')"), id="in a line that is no valid syntax"),
    ],
)
def test_a_traceback_of_what_is_chained_shows_no_secret_wherever_it_is(error: Exception) -> None:
    assert SECRET not in "".join(traceback.format_exception(describe(error, redact).chained))


def made_by(source: str, filename: str = "<made>", **names: Any) -> Exception:
    """What code raises that was made of a text, when it is called as ``run()``."""
    try:
        exec(compile(source, filename, "exec"), names)  # noqa: S102 as makers of code do
        names["run"]()
    except Exception as error:  # noqa: BLE001 whatever it raises
        return error
    raise AssertionError(source)


RAISING = "def run():\n    raise ValueError('bad')\n"


def of_file_named_as_a_secret() -> Exception:
    return made_by(RAISING, f"https://{SECRET}@host/rules.py")


def of_function_named_as_a_secret() -> Exception:
    def run() -> None:
        raise ValueError("bad")

    run.__code__ = run.__code__.replace(co_name=SECRET)
    return made_by("", run=run)


def of_line_handed_to_linecache(*, of: str = "<made>", time: float | None = None) -> Exception:
    source = RAISING.replace("'bad'", f"'bad', #{SECRET}\n 'worse'")
    linecache.cache[of] = len(source), time, source.splitlines(keepends=True), of
    return made_by(source, of)


def of_line_that_a_loader_gives() -> Exception:
    source = RAISING.replace("\n", f" # {SECRET}\n")
    loader = type("Loader", (), {"get_source": lambda *_: source})()
    return made_by(source, "/no/such/rules.py", __name__="rules", __loader__=loader)


def of_line_forged_for_a_file() -> Exception:
    return of_line_handed_to_linecache(of=__file__)


@pytest.mark.parametrize(
    "make",
    [
        of_file_named_as_a_secret,
        of_function_named_as_a_secret,
        of_line_handed_to_linecache,
        of_line_that_a_loader_gives,
        of_line_forged_for_a_file,
    ],
)
@pytest.mark.parametrize("place", ["error", "cause", "member"])
def test_a_traceback_of_what_is_chained_shows_no_secret_in_its_frames(
    make: Callable[[], Exception], place: str
) -> None:
    try:
        error = make()
        shown = {"error": error, "cause": ValueError("outer"), "member": ExceptionGroup("outer", [error])}[place]
        if place == "cause":
            shown.__cause__ = error
        assert SECRET in "".join(traceback.format_exception(shown))
        chained = describe(shown, redact).chained
        assert isinstance(chained, RedactedError)
        assert SECRET not in "".join(traceback.format_exception(chained))
    finally:
        linecache.clearcache()


def test_a_stand_in_without_the_frames_of_the_original_says_where_it_was_raised() -> None:
    chained = describe(of_file_named_as_a_secret(), redact).chained
    assert chained.__traceback__ is None
    assert chained.__notes__ == ['raised in File "https://***@host/rules.py", line 2, in run']  # type: ignore[attr-defined]


def test_lines_of_a_file_that_is_no_python_are_searched(tmp_path: Path) -> None:
    file = tmp_path / "rules.tmpl"
    file.write_text(f"rule\n{SECRET}\n", "utf-8")
    assert isinstance(describe(made_by(RAISING, str(file)), redact).chained, RedactedError)
    assert not isinstance(describe(made_by("\n\n" + RAISING, str(file)), redact).chained, RedactedError)


class HostileName(str):
    __slots__ = ()

    def __format__(self, _spec: str) -> str:
        raise SystemExit

    __str__ = __repr__ = __len__ = __format__  # type: ignore[assignment]


@pytest.mark.parametrize("name", [HostileName("rules.py"), "x" * 10**6 + ".py"], ids=["hostile", "long"])
def test_names_of_files_that_cannot_be_shown_have_a_stand_in_of_bounded_length(name: str) -> None:
    def run() -> None:
        raise ValueError("bad")

    run.__code__ = run.__code__.replace(co_filename=name)
    measuring = sys.gettrace()
    sys.settrace(None)  # it would ask for the name itself
    try:
        chained = describe(made_by("", run=run), redact).chained
    finally:
        sys.settrace(measuring)
    assert isinstance(chained, RedactedError)
    assert len("".join(traceback.format_exception(chained))) < 2 * MAX_TEXT


def test_code_of_more_places_than_the_limit_has_a_stand_in() -> None:
    calls = "\n".join(f"def f{n}(): f{n + 1}()" for n in range(MAX_FRAMES))
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(MAX_FRAMES * 2 + limit)
    try:
        error = made_by(f"{calls}\ndef f{MAX_FRAMES}(): raise ValueError('bad')\nrun = f0")
    finally:
        sys.setrecursionlimit(limit)
    chained = describe(error, redact).chained
    assert isinstance(chained, RedactedError)
    assert chained.__traceback__ is None


def test_a_recursion_of_few_places_stays_the_cause() -> None:
    error = made_by("def run(): run()")
    assert isinstance(error, RecursionError)
    assert describe(error, redact).chained is error


def test_groups_that_share_their_members_are_read_in_part() -> None:
    error: Exception = ValueError("shared")
    for _ in range(60):
        error = ExceptionGroup("g", [error, error])
    chained = describe(error, redact).chained
    assert str(chained) == "ExceptionGroup: g (2 sub-exceptions)"
    assert len(traceback.format_exception(chained)) < 100


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(ValueError("x" * 5_000), id="a long text"),
        pytest.param(with_notes(*["n"] * 30), id="many notes"),
        pytest.param(ExceptionGroup("g", [*map(ValueError, range(50))]), id="many members"),
        pytest.param(with_line("a b"), id="a line that is no valid syntax"),
    ],
)
def test_an_error_that_says_much_and_no_secret_stays_the_cause(error: Exception) -> None:
    assert describe(error, redact).chained is error


@pytest.mark.parametrize("attribute", ["__notes__", "exceptions"])
def test_what_is_endless_in_an_error_is_read_in_part(attribute: str) -> None:
    cls = type("Endless", (ExceptionGroup,), {attribute: property(lambda _: repeat(ValueError("again")))})
    assert isinstance(describe(cls("several", [ValueError("x")]), redact).chained, Exception)


def test_of_many_notes_the_first_twenty_are_read() -> None:
    error = ValueError(SECRET)
    error.__notes__ = [str(number) for number in range(30)]  # type: ignore[attr-defined]
    notes = describe(error, redact).chained.__notes__  # type: ignore[attr-defined]
    assert notes == [str(number) for number in range(20)]


def test_an_error_without_notes_has_a_stand_in_without_notes() -> None:
    assert not hasattr(describe(ValueError(SECRET), redact).chained, "__notes__")


def test_a_group_whose_members_cannot_be_read_is_described_alone() -> None:
    odd = type("OddGroup", (ExceptionGroup,), {"exceptions": property(raising(SystemExit()))})
    assert str(describe(odd("several", [ValueError("x")]), redact)).startswith("OddGroup")


@pytest.mark.parametrize("given", [float("inf"), float("nan"), float("-inf")])
def test_a_time_to_wait_that_never_ends_is_none(given: float) -> None:
    assert describe(PluginUnavailableError("down", retry_after=given)).retry_after is None


def test_a_time_to_wait_that_cannot_be_read_is_none_and_others_have_none() -> None:
    odd = type("Odd", (PluginUnavailableError,), {"retry_after": property(raising(SystemExit()), lambda *_: None)})
    assert describe(odd("down")).retry_after is None
    other = ValueError("down")
    other.retry_after = 3  # type: ignore[attr-defined]
    assert (describe(other).is_unavailable, describe(other).retry_after) == (False, None)


def test_what_is_as_deep_or_large_as_allowed_is_kept_whole() -> None:
    def nested(depth: int) -> Any:
        return [nested(depth - 1)] if depth else 1

    def depth_of(value: Any) -> Any:
        depth = 0
        while isinstance(value, tuple):
            value, depth = value[0], depth + 1
        return value, depth

    assert depth_of(to_plain(nested(64))) == (1, 64)
    assert depth_of(to_plain(nested(65))) == ("...", 64)
    assert to_plain([0] * 10_000) == (0,) * 10_000
    assert to_plain([0] * 10_001) == (*(0,) * 10_000, "...")
    assert to_plain([*range(9_000), [0] * 999, "more"])[-3:] == (8_999, (0,) * 999, "...")


def test_a_container_that_cannot_be_read_is_named() -> None:
    odd = type("OddList", (list,), {"__iter__": raising(SystemExit())})
    assert to_plain([odd(), 1]) == ("<OddList that cannot be read>", 1)


@pytest.mark.parametrize("number", [10**18 - 1, 1 - 10**18])
def test_integers_of_18_digits_are_numbers_and_longer_ones_are_texts(number: int) -> None:
    assert to_plain(number) == number
    assert to_plain(number + (1 if number > 0 else -1)) == str(number + (1 if number > 0 else -1))


def test_a_member_of_an_enumeration_is_its_name() -> None:
    assert to_plain(enum.Enum("Colour", "RED").RED) == "red"


def test_an_error_that_was_raised_again_and_again_from_the_one_before_is_chained_itself() -> None:
    """Each is the cause of the next one and its context, and is read once all the same."""

    def fail(times: int) -> None:
        if not times:
            raise ValueError("the first")
        try:
            fail(times - 1)
        except ValueError as error:
            raise ValueError(f"number {times}") from error

    with pytest.raises(ValueError, match="number 12") as caught:
        fail(12)
    assert describe(caught.value, redact).chained is caught.value


@pytest.mark.parametrize("kind", [dict.fromkeys, tuple])
def test_as_many_items_as_may_be_are_kept_and_only_more_are_cut(kind: Callable[[range], Any]) -> None:
    assert "..." not in boundary.to_plain(kind(range(boundary.MAX_ITEMS)))
    assert "..." in boundary.to_plain(kind(range(boundary.MAX_ITEMS + 1)))
