"""Complete refs, categories and files for shells. Imports no plugin, and little else."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from floe_plugins.cli import program

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


def refs(_context: Any, _parameter: Any, incomplete: str) -> list[CompletionItem]:
    """Return the refs of installed plugins that begin so, or those whose name does."""
    known = [str(ref) for ref in _installed()]
    found = [ref for ref in known if ref.startswith(incomplete)]
    return _items(found or [ref for ref in known if ref.partition(":")[2].startswith(incomplete)])


def categories(_context: Any, _parameter: Any, incomplete: str) -> list[CompletionItem]:
    """Return the categories that begin so."""
    return _items(slug for slug in _slugs() if slug.startswith(incomplete))


def files(_context: Any, _parameter: Any, incomplete: str) -> list[CompletionItem]:
    """Leave it to the shell to complete the path of a file."""
    from click.shell_completion import CompletionItem

    return [CompletionItem(incomplete, type="file")]


def rules(_context: Any, _parameter: Any, incomplete: str) -> list[CompletionItem]:
    """Return what ``--disable`` may end in: refs, categories and distributions behind the last comma."""
    begun, comma, last = incomplete.rpartition(",")
    known = [*_slugs(), *map(str, _installed())]
    return _items(f"{begun}{comma}{each}" for each in known if each.startswith(last.lstrip()))


def _items(values: Iterable[str]) -> list[CompletionItem]:
    from click.shell_completion import CompletionItem

    return [CompletionItem(value) for value in values]


def _installed() -> list[Any]:
    from floe_plugins.reporting.installed_refs import installed_refs

    return installed_refs(platform=program.platform())


def _slugs() -> list[str]:
    from floe_plugins.reporting.installed_refs import installed_categories

    return installed_categories(platform=program.platform()).slugs
