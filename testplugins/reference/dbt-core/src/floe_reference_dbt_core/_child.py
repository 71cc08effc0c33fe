"""One dbt command in a process of its own: reads from standard input what to do, and tells what happens in lines."""

from __future__ import annotations

import json
import os
import sys
import time
from typing import TYPE_CHECKING, Any, TextIO

import attrs

from floe_plugins import PluginError

if TYPE_CHECKING:
    from dbt_common.events.base_types import EventMsg


def main() -> None:
    """Run the command; the last line is its report or its error."""
    # Nothing but these lines goes to who started this: what the project prints has another way.
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as lines:
        os.dup2(2, 1)
        request = json.loads(sys.stdin.readline())
        _tell(lines, _done(request, lines))


def _done(request: dict[str, Any], lines: TextIO) -> dict[str, Any]:
    from floe_reference_dbt_core import _running
    from floe_reference_dbt_core._reading import report_of

    def heard(event: EventMsg) -> None:
        _running.refuse_empty_selection(event)
        info: Any = event.info
        if info.level != "debug":
            node = getattr(event.data, "node_info", None)
            about = {"unique_id": getattr(node, "unique_id", ""), "status": getattr(node, "node_status", "")}
            _tell(lines, {"event": {"name": info.name, "level": info.level, "message": info.msg, **about}})

    began = time.perf_counter()
    try:
        done = _running.invoke(request["args"], request["output"], heard)
    except PluginError as error:
        return {"error": {"type": type(error).__name__, "message": error.message, "hint": error.hint}}
    except ValueError as error:
        return {"error": {"type": "ValueError", "message": str(error)}}
    report = report_of(done.result.results, ok=done.success, seconds=time.perf_counter() - began)
    return {"report": attrs.asdict(report)}


def _tell(lines: TextIO, what: dict[str, Any]) -> None:
    lines.write(json.dumps(what, default=str) + "\n")
    lines.flush()


if __name__ == "__main__":
    main()
