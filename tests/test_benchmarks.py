from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.once


ROOT = Path(__file__).parent.parent
BELOW_IMPORT = 2.0


def files(site: Path) -> dict[str, bytes]:
    return {str(path.relative_to(site)): path.read_bytes() for path in site.rglob("*") if path.is_file()}


def test_the_synthetic_sites_are_the_same_each_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT))
    from benchmarks.sites import Site

    one, other = (files(Site(30, 11, 4).write(tmp_path / name)) for name in ("one", "other"))
    assert one == other
    assert sum(b"[floe." in data for data in one.values()) == 15


def test_the_benchmarks_run_and_a_discovery_among_3000_distributions_stays_small() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--only", "memory", "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    tables = json.loads(done.stdout)["tables"]
    assert "3000 distributions" in tables[-1]["title"]
    assert all(row["value"] < BELOW_IMPORT for row in tables[-1]["rows"])


def test_the_benchmark_of_the_server_asks_all_contenders() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.serving", "--rounds", "1"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    for name in ("a bare Starlette application", "/livez, while the check of a plugin hangs", "/metrics"):
        assert name in done.stdout
    assert "of a bare Starlette application (at most 1.250)" in done.stdout


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (["benchmarks/lifecycle.py", "--rounds", "1"], "start of 1,000 trivial plugins"),
        (["-m", "benchmarks.redaction", "1"], "1 MB of text with secrets"),
        (["-m", "benchmarks.configuration", "1"], "floe.yaml"),
    ],
)
def test_the_measurements_that_the_documents_name_run(command: list[str], words: str) -> None:
    done = subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, text=True, check=True)
    assert words in done.stdout


def test_the_limit_of_the_configuration_is_that_of_the_guide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT))
    from benchmarks.configuration import LIMIT

    guide = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    assert f"The benchmark allows a ratio of {LIMIT}." in " ".join(guide.split())


def test_there_are_fifteen_breakages_and_the_guide_has_a_row_for_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT))
    from benchmarks.broken_sites import BREAKAGES

    guide = (ROOT / "docs" / "drills.md").read_text(encoding="utf-8")
    rows = [f"| {each.title} | `{' '.join(each.command).format(port='PORT')}` |" for each in BREAKAGES]
    assert len(set(rows)) == 15
    assert [row for row in rows if row not in guide] == []


def test_an_answer_that_lacks_something_fails_the_measurement_of_breakages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(ROOT))
    import attrs

    from benchmarks.breakages import answer_to
    from benchmarks.broken_sites import BREAKAGES

    good = next(each for each in BREAKAGES if each.title == "missing dependency")
    (tmp_path / "good").mkdir()
    (tmp_path / "bad").mkdir()
    assert answer_to(good, tmp_path / "good").lacking == ()
    bad = attrs.evolve(good, cause="never said", owner=("secrets:other",), status=(0,))
    assert answer_to(bad, tmp_path / "bad").lacking == ("cause", "owner", "status 0")
