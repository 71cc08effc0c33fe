"""The page of the server, in a real browser: what it shows, how it is used, and what it never does."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any
from urllib.parse import urlsplit

import pytest
from server import snapshots
from server.page_stub import FixedView, serve

try:
    from axe_playwright_python.sync_playwright import Axe
    from playwright.sync_api import expect, sync_playwright
except ImportError:
    why = "playwright and axe are not installed: the dependency group 'page' has them"
    pytest.skip(why, allow_module_level=True)

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
if not CHROMIUM:
    pytest.skip("no Chromium is here: install it, or set CHROMIUM to its path", allow_module_level=True)

Page = Any
Open = Callable[..., Page]

ALL = ["healthy", "broken", "starting", "restarting", "empty", "many", "long_messages", "hostile"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def requests() -> list[str]:
    """The address of each request that a page of this test made."""
    return []


@pytest.fixture
def complaints() -> list[str]:
    """What the browser complained about: errors of scripts, and what the content security policy refused."""
    return []


@pytest.fixture
def show(browser: Any, requests: list[str], complaints: list[str]) -> Iterator[Open]:
    """Open the page of a view and wait until it shows the platform."""
    with ExitStack() as stack:

        def show(view: FixedView, address: str = "", *, width: int = 1280, **settings: Any) -> Page:
            url = stack.enter_context(serve(view))
            context = browser.new_context(viewport={"width": width, "height": 900}, **settings)
            stack.callback(context.close)
            page = context.new_page()
            page.on("request", lambda request: requests.append(request.url))
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.on("console", lambda said: complaints.append(said.text) if said.type != "info" else None)
            page.goto(f"{url}/{address}")
            expect(page.locator("#verdict")).to_be_visible()
            return page

        yield show


def view(name: str) -> FixedView:
    return FixedView(getattr(snapshots, name)())


def row(page: Page, ref: str) -> Any:
    return page.locator(f'tr.plugin[data-key="{ref}"]')


def findings(page: Page) -> list[str]:
    violations = Axe().run(page).response["violations"]
    return [f"{each['id']}: {node['target']} {node['failureSummary']}" for each in violations for node in each["nodes"]]


def test_the_top_says_the_state_and_why_the_platform_is_not_ready(show: Open) -> None:
    page = show(view("broken"))
    top = page.locator("#platform")

    expect(page.get_by_role("heading", level=1)).to_have_text("Platform: Running, not ready, unhealthy")
    expect(top.locator(".reasons li").first).to_contain_text("catalog:iceberg failed to start: the catalog at")
    expect(top.locator(".tallies")).to_contain_text("5 of 13 plugins need attention")
    expect(top.locator(".facts")).to_contain_text("/etc/floe/floe.yaml")
    expect(page).to_have_title("(3) not ready - floe-plugins")


def test_another_platform_has_its_own_title_and_command(show: Open) -> None:
    given = view("broken")
    given.data["platform"].update(name="site", title="Site", command="site")
    page = show(given)

    expect(page).to_have_title("(3) not ready - Site")
    assert page.locator(".problems > li").nth(1).locator("code").first.inner_text() == "site show identity:oidc"


def test_a_problem_has_its_owner_its_hint_and_the_command_to_type(show: Open) -> None:
    page = show(view("broken"))
    problem = page.locator(".problems > li").nth(1)

    expect(problem).to_contain_text("identity:oidc")
    expect(problem).to_contain_text("from floe-identity-oidc 0.9.0 in /opt/floe/site-packages")
    expect(problem).to_contain_text("It needs the module 'authlib', which is not installed")
    expect(problem).to_contain_text("What to do: Install it: pip install authlib")
    assert problem.locator("code").all_inner_texts() == [
        "floe-plugins show identity:oidc",
        "floe-plugins doctor identity:oidc",
    ]


def test_each_plugin_has_its_state_health_version_distribution_role_and_next_step(show: Open) -> None:
    page = show(view("broken"))

    assert row(page, "storage:s3").locator("th, td").all_inner_texts()[:6] == [
        "s3", "started", "degraded", "1.4.2", "floe-storage-s3 1.4.2", "required",
    ]  # fmt: skip
    expect(row(page, "storage:s3")).to_contain_text("1 of 3 endpoints does not answer")
    expect(row(page, "storage:s3").locator("code")).to_have_text("floe-plugins doctor storage:s3")
    # What is skipped is repaired where the failure is, not at the neighbour that was skipped too.
    expect(row(page, "orchestrator:dagster")).to_contain_text("Repair first: catalog:iceberg")
    expect(row(page, "compute:datafusion")).to_contain_text("not selected")
    assert page.locator("h3").all_inner_texts()[:2] == ["catalog 1", "compute 2"]


def test_what_runs_now_is_shown_with_its_timeout_and_goes_on(show: Open) -> None:
    given = view("starting")
    page = show(given)

    expect(page.get_by_role("heading", level=1)).to_have_text("Platform: Starting")
    expect(page.locator("#platform")).to_contain_text("7 of 11 selected plugins started")
    expect(page.locator(".calls li").first).to_contain_text("of 30 s")
    given.publish(event="retry", ref="catalog:iceberg", reason="the port is closed", seconds=1.0)
    expect(page.locator(".calls li").first).to_contain_text("Tried again: the port is closed")
    expect(page.locator(".calls li").first).to_contain_text(re.compile(r"(1[3-9]|2\d) s of 30 s"))


def test_a_host_that_was_restarted_or_is_silent_is_told(show: Open) -> None:
    page = show(view("restarting"))

    expect(page.get_by_role("heading", level=1)).to_have_text("Platform: Starting again")
    expect(page.locator("#platform")).to_contain_text("was restarted 2 times. Last end: compute:duckdb killed the host")
    expect(page.locator("#platform")).to_contain_text(re.compile(r"has not answered for (1[4-9]|2\d) s"))


def test_a_heartbeat_is_not_late_because_the_page_is_old(show: Open) -> None:
    given = view("healthy")
    given.data["platform"]["heartbeat_age"] = 9.5
    page = show(given)

    expect(page.locator("#connection")).to_contain_text(re.compile(r"Data is [2-9] s old"))
    expect(page.locator("#platform .notice")).to_have_count(0)


def test_without_plugins_the_page_says_what_to_do(show: Open) -> None:
    page = show(view("empty"))

    expect(page.locator("#plugins")).to_contain_text("No plugin is installed. Install a distribution that offers one")
    expect(page.locator("#plugins code")).to_have_text("floe-plugins list")
    expect(page.locator("#platform")).to_contain_text("none: defaults and environment")


def test_a_hidden_setting_says_why_and_the_schema_can_be_read(show: Open) -> None:
    page = show(view("healthy"))
    setting = page.locator('tr[data-key="plugins.storage.s3.secret_key"]')

    expect(setting).to_contain_text("*** hidden: the field is declared as a secret")
    expect(setting).to_contain_text("/etc/floe/floe.yaml:17")
    page.locator("#schema > summary").click()
    expect(page.locator(".schema").first).to_contain_text("Plugins without which the platform is not ready.")
    page.locator(".schema summary", has_text="timeouts").click()
    expect(page.locator(".schema")).to_contain_text(["start number default 30 Seconds for each start."])


def test_the_graph_has_a_line_for_each_dependency_and_a_list_that_tells_the_same(show: Open) -> None:
    page = show(view("broken"))

    assert page.locator(".edge").count() == 13
    assert page.locator(".edge.optional").count() == 2
    expect(page.locator("#dependencies .notice")).to_contain_text("secrets:vault, which identity:oidc depends on")
    expect(page.locator('[data-node="catalog:iceberg"]')).to_have_attribute(
        "aria-label",
        "catalog:iceberg, failed; depends on storage:s3, secrets:env; 1 dependent: dbt:core",
    )
    page.get_by_role("radio", name="list").check()
    item = page.locator('.edges li[data-key="catalog:iceberg"]')
    expect(item).to_contain_text("depends on storage:s3, secrets:env; dependents: dbt:core")
    expect(page.locator(".edges li")).to_have_count(13)


def test_plugins_that_depend_on_each_other_are_drawn_and_named(show: Open) -> None:
    given = view("healthy")
    given.data["plugins"][0].update(needs=["storage:s3"], dependencies=["storage:s3"])
    page = show(given)

    expect(page.locator(".edge.cycle")).to_have_count(1)
    expect(page.locator("#dependencies .notice")).to_contain_text("depend on each other")


def test_nodes_of_the_graph_do_not_overlap(show: Open) -> None:
    for name in ("broken", "many"):
        boxes = show(view(name)).evaluate(
            "[...document.querySelectorAll('.node > rect')].map((e) => e.getBoundingClientRect().toJSON())"
        )
        assert len(boxes) > 10
        for index, one in enumerate(boxes):
            for other in boxes[:index]:
                apart = (
                    one["right"] <= other["left"]
                    or other["right"] <= one["left"]
                    or one["bottom"] <= other["top"]
                    or other["bottom"] <= one["top"]
                )
                assert apart, (name, one, other)


def test_the_timeline_marks_the_critical_chain_and_the_table_tells_the_same(show: Open) -> None:
    page = show(view("healthy"))

    expect(page.locator(".chain")).to_contain_text(
        "secrets:env → storage:s3 → catalog:iceberg → dbt:core → orchestrator:dagster, 4.8 s"
    )
    assert page.locator(".bar.critical .name").all_inner_texts() == snapshots.CHAIN
    left = [box["x"] for box in (bar.bounding_box() for bar in page.locator(".bar rect:not(.mark)").all())]
    assert left == sorted(left)
    page.get_by_text("The start as a table").click()
    cells = page.locator('#start tr[data-key="catalog:iceberg"]').locator("th, td").all_inner_texts()
    assert cells == [
        "catalog:iceberg", "960 ms", "2.0 s", "succeeded", "3", "yes", "storage:s3, secrets:env",
    ]  # fmt: skip


def test_two_hundred_plugins_are_all_there_and_the_longest_starts_first(show: Open) -> None:
    page = show(view("many"))

    expect(page.locator("tr.plugin")).to_have_count(200)
    assert page.locator(".bar").count() < 50
    page.get_by_role("button", name="Show all 200 plugins").click()
    expect(page.locator(".bar")).to_have_count(200)


def test_text_state_and_category_filter_the_plugins_and_stay_in_the_address(show: Open) -> None:
    page = show(view("broken"))

    page.get_by_label("State", exact=True).select_option("attention")
    expect(page.locator("tr.plugin")).to_have_count(5)
    expect(page.locator("#found")).to_have_text("5 of 13 plugins.")
    page.get_by_label("Text", exact=True).fill("not started")
    expect(page.locator("tr.plugin")).to_have_count(2)
    page.get_by_label("Category", exact=True).select_option("dbt")
    expect(page.locator("tr.plugin")).to_have_count(1)
    assert page.url.endswith("#text=not%20started&state=attention&category=dbt")
    page.reload()
    expect(page.locator("tr.plugin")).to_have_count(1)
    expect(page.get_by_label("Text", exact=True)).to_have_value("not started")
    page.get_by_role("button", name="Clear").click()
    expect(page.locator("tr.plugin")).to_have_count(13)
    assert "#" not in page.url


def test_an_address_opens_a_plugin(show: Open) -> None:
    page = show(view("broken"), "#plugin=storage:s3")

    expect(page.get_by_role("group", name="Details of storage:s3")).to_be_visible()
    expect(page.get_by_role("button", name="s3", exact=True)).to_be_focused()
    page.locator(".problems a", has_text="identity:oidc").click()
    expect(page.get_by_role("group", name="Details of identity:oidc")).to_be_visible()
    assert page.url.endswith("#plugin=identity:oidc")


def test_back_closes_what_an_address_opened(show: Open) -> None:
    page = show(view("broken"))
    page.locator(".problems a", has_text="identity:oidc").click()
    expect(page.get_by_role("group", name="Details of identity:oidc")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("group", name="Details of identity:oidc")).to_have_count(0)


def test_an_address_of_what_is_not_there_is_told(show: Open) -> None:
    page = show(view("broken"), "#plugin=compute:gone&state=nonsense&category=nothing")

    expect(page.locator("#plugins .notice")).to_contain_text("compute:gone is not installed here.")
    expect(page.get_by_label("State", exact=True)).to_have_value("")
    expect(page.get_by_label("Category", exact=True)).to_have_value("nothing")
    expect(page.locator("#found")).to_have_text("0 of 13 plugins.")


def test_the_graph_around_the_open_plugin_has_what_it_is_connected_with(show: Open) -> None:
    page = show(view("healthy"), "#plugin=semantic_layer:bsl")

    page.get_by_role("radio", name="graph around semantic_layer:bsl").check()
    assert sorted(page.locator("[data-node]").evaluate_all("nodes => nodes.map((e) => e.dataset.node)")) == [
        "compute:duckdb", "secrets:env", "semantic_layer:bsl", "storage:s3",
    ]  # fmt: skip


def test_everything_can_be_done_by_keyboard(show: Open) -> None:
    page = show(view("broken"))
    keys = page.keyboard

    keys.press("Tab")
    expect(page.get_by_role("link", name="Skip to the plugins")).to_be_focused()
    keys.press("/")
    expect(page.get_by_label("Text", exact=True)).to_be_focused()
    keys.type("iceberg")
    keys.press("ArrowDown")
    expect(page.get_by_role("button", name="iceberg", exact=True)).to_be_focused()
    keys.press("Enter")
    expect(page.get_by_role("group", name="Details of catalog:iceberg")).to_be_visible()
    keys.press("Escape")
    expect(page.get_by_role("group", name="Details of catalog:iceberg")).to_have_count(0)
    expect(page.get_by_role("button", name="iceberg", exact=True)).to_be_focused()
    keys.press("Escape")
    expect(page.locator("tr.plugin")).to_have_count(13)


def test_arrow_keys_walk_the_graph_along_its_lines(show: Open) -> None:
    page = show(view("healthy"))
    node = page.locator(":focus")

    page.locator('[data-node][tabindex="0"]').focus()
    page.keyboard.press("Home")
    for key, ref in (
        ("ArrowDown", "secrets:env"),
        ("ArrowRight", "storage:s3"),
        ("ArrowRight", "compute:duckdb"),
        ("ArrowUp", "catalog:iceberg"),
        ("ArrowLeft", "storage:s3"),
    ):
        page.keyboard.press(key)
        expect(node).to_have_attribute("data-node", ref)
    expect(page.locator('[data-node][tabindex="0"]')).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page.get_by_role("group", name="Details of storage:s3")).to_be_visible()


def test_the_tab_key_reaches_everything_with_a_visible_focus_and_gets_out_again(show: Open) -> None:
    page = show(view("broken"))
    seen: list[str] = []
    for _ in range(400):
        page.keyboard.press("Tab")
        where = page.evaluate(
            """() => {
              const e = document.activeElement, s = getComputedStyle(e), r = e.querySelector?.("rect");
              const outlined = s.outlineStyle !== "none" || (r && getComputedStyle(r).strokeWidth === "3px");
              return [e.tagName + "#" + e.id + "." + e.className, outlined || e === document.body];
            }"""
        )
        assert where[1], f"no focus to be seen at {where[0]}"
        seen.append(where[0])
        if where[0].startswith("BODY"):
            break
    else:
        pytest.fail("the focus never left the page")
    for place in ("filter-text", "filter-state", "opener", "copy", "graph-as-graph", "filter-settings", "SUMMARY"):
        assert place in " ".join(seen), place


def test_the_slash_can_be_switched_off(show: Open) -> None:
    page = show(view("healthy"))
    page.get_by_text("Keys", exact=True).click()
    page.get_by_label("the key / is on").uncheck()

    page.locator("#keys summary").focus()
    page.keyboard.press("/")
    expect(page.locator("#keys summary")).to_be_focused()
    page.reload()
    expect(page.locator("#shortcuts")).not_to_be_checked()


def test_changes_are_shown_as_they_come_and_keep_the_focus(show: Open) -> None:
    given = view("healthy")
    page = show(given, "#plugin=storage:s3")
    button = page.get_by_role("button", name="s3", exact=True)
    button.evaluate("(e) => { e.kept = true }")
    given.data = snapshots.broken()
    given.publish(event="health", ref="storage:s3", before="healthy", state="degraded", reason="1 of 3")

    expect(page.get_by_role("heading", level=1)).to_have_text("Platform: Running, not ready, unhealthy")
    expect(page.get_by_role("status")).to_have_text("storage:s3: healthy, now degraded.")
    expect(button).to_be_focused()
    assert button.evaluate("(e) => e.kept"), "the element was replaced"


def test_a_storm_of_events_leads_to_at_most_two_snapshots_a_second(show: Open) -> None:
    given = view("healthy")
    page = show(given)
    before, began = given.asked, page.evaluate("performance.now()")
    last = 0
    while page.evaluate("performance.now()") - began < 2_000:
        last += 1
        given.publish(event="state", ref="storage:s3", state="started", time=0)
    given.data["platform"]["version"] = "after the storm"
    given.publish(event="platform", state="running", reason="")
    expect(page.locator("#platform")).to_contain_text("after the storm")
    seconds = (page.evaluate("performance.now()") - began) / 1000

    assert last > 20
    assert 1 <= given.asked - before <= 2 * seconds + 2


def test_a_lost_connection_is_told_with_the_age_of_the_data_and_made_again(browser: Any) -> None:
    given = view("healthy")
    page = browser.new_page()
    with serve(given) as url:
        page.goto(url)
        expect(page.locator("#connection")).to_contain_text("Live. Data is")
    expect(page.locator("#connection")).to_contain_text("Connection lost")
    expect(page.locator("#connection")).to_contain_text(
        re.compile(r"the server does not answer\. Data is ([2-9]|\d\d+) s old")
    )
    expect(page.locator("#connection")).to_contain_text("Next attempt in")
    expect(page.get_by_role("status")).to_have_text("The connection to the server is lost.")
    expect(page.locator("tr.plugin")).to_have_count(13)

    given.data = snapshots.broken()
    with serve(given, urlsplit(url).port):
        page.get_by_role("button", name="Connect now").click()
        expect(page.locator("#connection")).to_contain_text("Live. Data is", timeout=20_000)
        expect(page.get_by_role("heading", level=1)).to_contain_text("not ready")
        given.data = snapshots.healthy()
        given.publish(event="platform", state="running", reason="")
        expect(page.get_by_role("heading", level=1)).to_contain_text("Running and healthy")
        page.close()


def test_the_page_connects_again_by_itself(browser: Any) -> None:
    given = view("healthy")
    page = browser.new_page()
    with serve(given) as url:
        page.goto(url)
        expect(page.locator("#connection")).to_contain_text("Live")
    expect(page.locator("#connection")).to_contain_text("Connection lost")
    with serve(given, urlsplit(url).port):
        expect(page.locator("#connection")).to_contain_text("Live", timeout=20_000)
        page.close()


def test_a_snapshot_that_cannot_be_drawn_is_told_and_the_next_one_is_drawn(show: Open) -> None:
    given = view("healthy")
    page = show(given)
    given.data = {**snapshots.healthy(), "plugins": 7}
    given.publish(event="platform", state="running", reason="")
    expect(page.locator("#connection")).to_contain_text("Not everything is shown")
    given.data = snapshots.broken()
    given.publish(event="platform", state="running", reason="")

    expect(page.get_by_role("heading", level=1)).to_contain_text("not ready")
    expect(page.locator("#connection")).to_contain_text("Live")


@pytest.mark.parametrize("name", ALL)
def test_nothing_is_wider_than_a_small_screen(show: Open, name: str) -> None:
    page = show(view(name), "#plugin=storage:s3", width=360)
    for box in page.locator("details").all():
        box.evaluate("(e) => { e.open = true }")

    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_a_page_at_twice_its_size_has_no_horizontal_scrolling(show: Open) -> None:
    page = show(view("broken"), width=640, device_scale_factor=2)

    assert page.evaluate("document.documentElement.scrollWidth") <= 640


@pytest.mark.parametrize("name", ALL)
def test_no_request_leaves_for_another_host_and_the_browser_has_no_complaint(
    show: Open, requests: list[str], complaints: list[str], name: str
) -> None:
    page = show(view(name), "#plugin=catalog:iceberg")
    page.locator("details").evaluate_all("all => all.forEach((e) => { e.open = true })")
    expect(page.locator("#connection")).to_contain_text("Live")

    assert len(requests) > 10
    assert {urlsplit(url).netloc for url in requests} == {urlsplit(page.url).netloc}
    assert complaints == []


def test_hostile_texts_are_shown_and_do_nothing(show: Open, complaints: list[str]) -> None:
    page = show(view("hostile"), "#plugin=catalog:iceberg")
    page.locator("details").evaluate_all("all => all.forEach((e) => { e.open = true })")
    page.get_by_role("radio", name="list").check()
    text = page.locator("body").inner_text()

    assert snapshots.HOSTILE in text
    assert r"safe\u202e\u2066 gpj.exe\u200b\x1b[2J\x07 \ud800 end" in text
    assert page.evaluate("document.querySelectorAll('main img, main script').length") == 0
    assert page.evaluate("window.hacked") is None
    everything = page.evaluate("document.documentElement.outerHTML")
    assert [each for each in everything if not each.isprintable() and each != "\n"] == []
    assert page.locator(".problems code").last.inner_text().startswith("floe-plugins doctor 'compute:<img")
    assert complaints == []


def test_a_message_of_thousands_of_characters_is_folded_and_can_be_read_whole(show: Open) -> None:
    page = show(view("long_messages"))
    problem = page.locator(".problems > li").first

    assert problem.bounding_box()["height"] < 500
    problem.get_by_text("Show all 3,728 characters").click()
    expect(problem).to_contain_text("failed: " + "/very/long/path/without/a/space" * 120)


@pytest.mark.parametrize("look", ["light", "dark", "360 px", "forced colours"])
@pytest.mark.parametrize("name", ["healthy", "broken", "starting", "restarting", "empty"])
def test_axe_finds_nothing(show: Open, name: str, look: str) -> None:
    page = show(
        view(name),
        "" if name == "empty" else "#plugin=catalog:iceberg",
        width=360 if look == "360 px" else 1280,
        color_scheme="dark" if look == "dark" else "light",
        forced_colors="active" if look == "forced colours" else "none",
    )
    page.locator("details").evaluate_all("all => all.forEach((e) => { e.open = true })")
    expect(page.locator("#connection")).to_contain_text("Live")

    assert findings(page) == []


def test_axe_finds_nothing_when_the_connection_is_lost_and_in_the_list(browser: Any) -> None:
    page = browser.new_page(reduced_motion="reduce")
    with serve(view("broken")) as url:
        page.goto(url)
        page.get_by_role("radio", name="list").check()
    expect(page.locator("#connection")).to_contain_text("Connection lost")

    assert findings(page) == []
    page.close()


def test_without_motion_nothing_moves(show: Open) -> None:
    page = show(view("healthy"), reduced_motion="reduce")

    durations = page.evaluate("[...document.querySelectorAll('*')].map((e) => getComputedStyle(e).transitionDuration)")
    assert set(durations) == {"0s"}


def test_copying_a_command_is_said(show: Open) -> None:
    page = show(view("broken"), permissions=["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy: floe-plugins doctor identity:oidc").first.click()

    expect(page.get_by_role("status")).to_have_text("Copied: floe-plugins doctor identity:oidc.")
    assert page.evaluate("navigator.clipboard.readText()") == "floe-plugins doctor identity:oidc"
