"""The entry of a host that is a new interpreter: ``python -m floe_plugins.cli.host JOB OPTIONS DESCRIPTOR...``."""

from __future__ import annotations

import json
import sys

from floe_plugins.cli.host.process import serve


def main() -> None:
    """Run the job that the arguments name, and exit with its status."""
    _, job, options, *descriptors = sys.argv
    sys.exit(serve(job, json.loads(options), *map(int, descriptors)))


if __name__ == "__main__":
    main()
