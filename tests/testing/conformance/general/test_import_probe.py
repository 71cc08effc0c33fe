from __future__ import annotations

import os
from pathlib import Path

import pytest

from floe_plugins.testing.conformance.general.import_probe import Recorder


@pytest.mark.parametrize(
    ("event", "arguments", "kind"),
    [
        ("open", ("/data/x", "w", 0), "files"),
        ("open", ("/data/x", None, os.O_CREAT), "files"),
        ("open", ("/data/x", "r", 0), None),
        ("open", (3, "w", 0), None),
        ("open", ("/data/__pycache__/x.pyc", "wb", 0), None),
        ("os.mkdir", ("/data/x", 0, 0), "files"),
        ("os.mkdir", ("/data/__pycache__", 0, 0), None),
        ("socket.connect", (None, ("127.0.0.1", 1)), "network"),
        ("subprocess.Popen", ("ls", [], None, None), "processes"),
        ("import", ("os",), None),
    ],
)
def test_audit_events_are_told_by_kind(event: str, arguments: tuple[object, ...], kind: str | None) -> None:
    recorder = Recorder()
    recorder.on = True
    recorder(event, arguments)
    assert [*recorder.seen] == ([kind] if kind else [])


def test_nothing_is_recorded_while_it_is_off(tmp_path: Path) -> None:
    recorder = Recorder()
    recorder("open", (str(tmp_path), "w", 0))
    assert recorder.seen == {}
