"""The entry of ``python -m floe_plugins`` and of the script ``floe-plugins``."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line and exit with its status."""
    try:
        import click  # noqa: F401 # pyright: ignore[reportUnusedImport] to report in one line that it is missing
        import rich  # noqa: F401 # pyright: ignore[reportUnusedImport]
    except ModuleNotFoundError as error:
        sys.stderr.write(f"floe-plugins: the command line requires {error.name}: pip install 'floe-plugins[cli]'\n")
        sys.exit(2)
    from floe_plugins.cli.main import app

    app(prog_name="floe-plugins")


if __name__ == "__main__":
    main()
