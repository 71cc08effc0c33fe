"""What a run of pytest with ``--floe-report`` writes, for ``validate --run``."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

TESTS = """
from floe_plugins.testing.conformance.case import Case
from floe_plugins.testing.conformance.rule import rule

class TestTwo(Case):
    plugin = None

    @rule("right()")
    def test_kept(self):
        '''It is kept.'''

    @rule("right()")
    def test_broken(self):
        '''It is broken.'''
        raise ValueError("a\\x1bb")

def test_other():
    assert False
"""


def test_each_rule_has_a_line_and_what_is_none_does_not_run(tmp_path: Path) -> None:
    (tmp_path / "test_two.py").write_text(TESTS, encoding="utf-8")
    (tmp_path / "test_bad.py").write_text("import nowhere_to_be_found", encoding="utf-8")
    report = tmp_path / "report"
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--continue-on-collection-errors"]
    subprocess.run([*command, "--floe-report", str(report)], cwd=tmp_path, capture_output=True, check=False)
    events = [json.loads(line) for line in report.read_text(encoding="ascii").splitlines()]
    assert [each["event"] for each in events] == ["collect", "begin", "rule", "begin", "rule", "end"]
    assert events[0]["file"] == "test_bad.py"
    assert events[0]["message"] == "ModuleNotFoundError: No module named 'nowhere_to_be_found'"
    kept, broken = events[2], events[4]
    assert (kept["rule"], kept["outcome"], kept["seen"], kept["ref"]) == ("test_kept", "passed", "", "")
    assert (broken["outcome"], broken["wanted"], broken["example"]) == ("failed", "It is broken.", "right()")
    assert broken["seen"] == "ValueError: a\\x1bb"
