"""What is loaded and no longer installed, and what its text says."""

from __future__ import annotations

import pytest

from floe_plugins import Candidate, Distribution, OutdatedPlugin, PluginRef
from floe_plugins.core.outdated_plugin import find_outdated

OLD = Distribution("acme", "2.0.0", "/site/acme-2")


def candidate(name: str, distribution: Distribution) -> Candidate:
    return Candidate(PluginRef.parse(f"secrets:{name}"), "acme:Plugin", distribution)


@pytest.mark.parametrize(
    ("now", "text"),
    [
        (Distribution("acme", "3.0.0", "/site/acme-3"), "acme 2.0.0 is loaded, 3.0.0 is installed. Restart"),
        (Distribution("other", "1.0", "/site/other"), "acme 2.0.0 is loaded, other 1.0 is installed. Restart"),
        (Distribution("acme", "2.0.0", "/new/acme-2"), "acme 2.0.0 is loaded, is installed in /new/acme-2. Restart"),
        (None, "acme 2.0.0 is loaded, is no longer installed. Restart the process, or call unregister('secrets:a')"),
    ],
)
def test_the_text_says_what_is_loaded_what_is_installed_and_what_to_do(now: Distribution | None, text: str) -> None:
    assert text in str(OutdatedPlugin(PluginRef.parse("secrets:a"), OLD, now))


def test_what_is_still_offered_is_not_outdated() -> None:
    new = Distribution("acme", "3.0.0", "/site/acme-3")
    a, b, c, newer = candidate("a", OLD), candidate("b", OLD), candidate("c", OLD), candidate("b", new)
    assert find_outdated([c, b, None, a], [a, newer]) == (
        OutdatedPlugin(b.ref, OLD, new),
        OutdatedPlugin(c.ref, OLD, None),
    )
    assert find_outdated([a], [candidate("a", new), a]) == ()
