"""Blame, critical chain and drawing of a start."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest
from support import start_outcome

from floe_plugins import LifecycleReport, OutcomeState
from floe_plugins.reporting.startup_profile import blame, critical_chain, describe, ended, svg

REPORT = LifecycleReport(
    outcomes=(
        start_outcome("log", 0.5, 0.1, load_seconds=0.3),
        start_outcome("db", 0.6, 1.0, "log", configure_seconds=0.1),
        start_outcome("cache", 0.6, 0.2, "log"),
        start_outcome("app", 1.6, 0.4, "db", "cache"),
        start_outcome("side-show", 0.5, 0.9),
        start_outcome("skipped", None, 0.0, "app", state=OutcomeState.SKIPPED),
    ),
    seconds=2.0,
    load_seconds=0.4,
    configure_seconds=0.1,
)


def test_blame_puts_the_slowest_first_and_counts_every_stage() -> None:
    rows = blame(REPORT)
    assert [row.ref.name for row in rows] == ["db", "side-show", "app", "log", "cache", "skipped"]
    assert rows[0].total == 1.1


def test_the_critical_chain_leads_from_the_first_to_what_ended_last() -> None:
    assert [each.ref.name for each in critical_chain(REPORT)] == ["log", "db", "app"]
    assert critical_chain(LifecycleReport()) == ()


def test_the_text_names_the_phases_each_plugin_and_the_chain() -> None:
    text = describe(REPORT)
    assert text.startswith("2.000 s in all: 0.400 s loading, 0.100 s configuring")
    assert "   0.000     0.100     1.000  compute:db\n" in text
    chain = [
        "compute:log  @0.500 s  +0.100 s",
        "  compute:db  @0.600 s  +1.000 s",
        "    compute:app  @1.600 s  +0.400 s",
    ]
    assert text.splitlines()[-3:] == chain


def test_of_plugins_that_ended_together_the_chain_and_the_blame_take_them_by_ref() -> None:
    report = LifecycleReport(
        outcomes=(
            start_outcome("b", 0.0, 1.0),
            start_outcome("a", 0.0, 1.0),
            start_outcome("never", None, 0.0, state=OutcomeState.SKIPPED),
            start_outcome("app", 1.0, 1.0, "b", "a", "never"),
            start_outcome("also", 1.0, 1.0, "a", "b"),
        ),
        seconds=2.0,
    )
    assert [row.ref.name for row in blame(report)] == ["a", "also", "app", "b", "never"]
    assert [each.ref.name for each in critical_chain(report)] == ["b", "app"]
    assert "compute:b  @0.000 s  +1.000 s" in describe(report)


def test_a_plugin_that_never_began_is_in_no_chain() -> None:
    never = start_outcome("never", None, 5.0, state=OutcomeState.SKIPPED)
    report = LifecycleReport(outcomes=(never, start_outcome("a", 0.5, 0.25, "never")))
    assert [each.ref.name for each in critical_chain(report)] == ["a"]
    assert ended(never) == 5.0


NAMESPACE = "{http://www.w3.org/2000/svg}"
DRAWN = LifecycleReport(
    outcomes=(
        start_outcome("log", 0.5, 0.1, load_seconds=0.3),
        start_outcome("db", 0.6, 1.0, "log"),
        start_outcome("cache", 0.6, 0.2, "log"),
        start_outcome("app", 1.6, 0.4, "db", "cache"),
        start_outcome("broken", 0.5, 0.2, state=OutcomeState.FAILED, message="startup raised OSError"),
        start_outcome("skipped", None, 0.0, "broken", state=OutcomeState.SKIPPED, message='needs <that> & "more"'),
    ),
    seconds=2.0,
    load_seconds=0.4,
    configure_seconds=0.1,
)


class Drawing:
    """An SVG document as a reader sees it: every bar has its label before it, and tells its story in a title."""

    def __init__(self, report: LifecycleReport) -> None:
        self.text = svg(report)
        self.root = ET.fromstring(self.text)  # noqa: S314 our own
        self.labels = [each.text for each in self.root.iter(f"{NAMESPACE}text") if ":" in (each.text or "")]
        self.rects = {self.described(each).split()[0]: each for each in self.root.iter(f"{NAMESPACE}rect")}

    @staticmethod
    def described(rect: ET.Element) -> str:
        return rect.findtext(f"{NAMESPACE}title") or ""

    def number(self, name: str, attribute: str) -> float:
        return float(self.rects[name].attrib[attribute])


@pytest.fixture
def drawing() -> Drawing:
    return Drawing(DRAWN)


def test_every_plugin_has_a_bar_in_the_order_in_which_they_began_and_what_never_began_last(drawing: Drawing) -> None:
    names = [f"compute:{name}" for name in ("broken", "log", "cache", "db", "app", "skipped")]
    assert drawing.labels == names
    heights = [drawing.number(name, "y") for name in names]
    assert heights == sorted(heights)
    assert len(set(heights)) == len(names)


def test_bars_are_as_long_as_starts_took_and_begin_where_they_did(drawing: Drawing) -> None:
    second = drawing.number("compute:db", "width")
    assert drawing.number("compute:app", "width") == pytest.approx(0.4 * second)
    assert drawing.number("compute:cache", "x") == drawing.number("compute:db", "x")
    assert drawing.number("compute:app", "x") == pytest.approx(drawing.number("compute:db", "x") + second)
    right = drawing.number("compute:app", "x") + drawing.number("compute:app", "width")
    assert right <= float(drawing.root.attrib["width"])
    bottom = max(float(rect.attrib["y"]) + float(rect.attrib["height"]) for rect in drawing.rects.values())
    assert bottom <= float(drawing.root.attrib["height"])


def test_what_took_no_time_can_still_be_seen(drawing: Drawing) -> None:
    assert drawing.number("compute:skipped", "width") == 1


def test_loading_and_configuring_come_first_and_one_after_the_other(drawing: Drawing) -> None:
    loading, configuring = drawing.number("loading:", "width"), drawing.number("configuring:", "width")
    assert loading == pytest.approx(4 * configuring)
    assert drawing.number("configuring:", "x") == pytest.approx(drawing.number("loading:", "x") + loading)
    assert drawing.described(drawing.rects["loading:"]) == "loading: 0.400 s"


def test_the_chain_that_decided_the_length_is_marked_and_nothing_else(drawing: Drawing) -> None:
    marked = {name for name, rect in drawing.rects.items() if rect.get("class") == "chain"}
    assert marked == {"compute:log", "compute:db", "compute:app"}


def test_what_became_of_a_plugin_can_be_seen_and_read(drawing: Drawing) -> None:
    colours = {name: drawing.rects[f"compute:{name}"].attrib["fill"] for name in ("db", "broken", "skipped")}
    assert len(set(colours.values())) == 3
    assert drawing.described(drawing.rects["compute:log"]) == "compute:log succeeded, load 0.300 s, start 0.100 s"
    assert drawing.described(drawing.rects["compute:broken"]).endswith(": startup raised OSError")


def test_what_a_plugin_says_is_text_and_never_markup(drawing: Drawing) -> None:
    assert drawing.described(drawing.rects["compute:skipped"]).endswith('needs <that> & "more"')
    hostile = start_outcome("x", 0.0, 1.0, message="</title></rect><script>alert(1)</script>")
    assert not [*Drawing(LifecycleReport(outcomes=(hostile,))).root.iter(f"{NAMESPACE}script")]


def test_the_document_stands_alone(drawing: Drawing) -> None:
    for loading in ("script", "href", "url(", "@import"):
        assert loading not in drawing.text


def test_a_start_of_nothing_is_a_drawing_too() -> None:
    assert Drawing(LifecycleReport()).labels == []


def test_a_start_that_took_no_measurable_time_is_a_drawing_too() -> None:
    assert Drawing(LifecycleReport(outcomes=(start_outcome("a", 0.0, 0.0),))).labels == ["compute:a"]


def test_control_characters_of_a_message_are_shown_escaped() -> None:
    hostile = start_outcome("x", 0.0, 1.0, message="\x1b[31mred")
    assert r": \x1b[31mred" in Drawing(LifecycleReport(outcomes=(hostile,))).text


def test_the_axis_has_ten_parts_of_the_whole_and_what_never_began_stands_at_its_left(drawing: Drawing) -> None:
    texts = [each.text or "" for each in drawing.root.iter(f"{NAMESPACE}text")]
    axis = [text for text in texts if text.endswith(" s")]
    assert axis == ["0 s", "0.2 s", "0.4 s", "0.6 s", "0.8 s", "1 s", "1.2 s", "1.4 s", "1.6 s", "1.8 s", "2 s"]
    assert drawing.number("compute:skipped", "x") == drawing.number("loading:", "x")
