"""Run the rules of a conformance class without a test run of pytest, as scripts and the suite's own tests do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import attrs

from floe_plugins.testing.conformance.case import Case
from floe_plugins.testing.conformance.rule import ContractError, Rule, rule_of


@attrs.frozen
class Result:
    """What came of the rules of one conformance class.

    Attributes:
        passed: the rules that the plugin keeps.
        failed: those that it breaks, with the error.
        skipped: those that do not apply to it, with the reason.
    """

    passed: tuple[str, ...] = ()
    failed: Mapping[str, ContractError] = attrs.field(factory=dict[str, ContractError])
    skipped: Mapping[str, str] = attrs.field(factory=dict[str, str])


def rules(cls: type[Case], *, without: type[Case] | None = None) -> dict[str, Rule]:
    """Return the rules of a conformance class by name, except those that it inherits from ``without``.

    >>> from floe_plugins.testing import SecretsConformance
    >>> from floe_plugins.testing.conformance.base import PluginConformance
    >>> len(rules(SecretsConformance, without=PluginConformance)) >= 15
    True
    """
    found = {name: facts for name in dir(cls) if (facts := rule_of(getattr(cls, name, None))) is not None}
    return {name: facts for name, facts in found.items() if without is None or not hasattr(without, name)}


def run(cls: type[Case], names: Iterable[str] | None = None) -> Result:
    """Check rules, by default all of them, each with an instance of the class, and return what came of it.

    ``setup_method`` and ``teardown_method`` are called around each, as pytest does it. Fixtures are not. Blocks until
    all have ended, each at most for the class's ``seconds``. Needs pytest, and no run of it.

    Raises:
        AttributeError: there is no rule of one of these names.
    """
    import pytest

    passed: list[str] = []
    failed: dict[str, ContractError] = {}
    skipped: dict[str, str] = {}
    for name in rules(cls) if names is None else names:
        case: Any = cls()
        setup, teardown = (getattr(case, f"{part}_method", None) for part in ("setup", "teardown"))
        try:
            if setup is not None:
                setup()
            getattr(case, name)()
        except ContractError as error:
            failed[name] = error
        except pytest.skip.Exception as reason:
            skipped[name] = str(reason)
        else:
            passed.append(name)
        finally:
            if teardown is not None:
                teardown()
    return Result(tuple(passed), failed, skipped)
