"""The pages on testing plugins are true."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import Any

from conformance_suite import own_rules

from floe_plugins.testing import PluginConformance
from floe_plugins.testing.conformance.runner import run

DOCS = Path(__file__).parents[1] / "docs"
_spec = importlib.util.spec_from_file_location("conformance_table", DOCS / "conformance_table.py")
assert _spec
assert _spec.loader
table = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(table)


def test_the_table_lists_the_rules_that_there_are() -> None:
    assert table.PAGE.read_text(encoding="utf-8") == table.page(), "run python docs/conformance_table.py"


def test_each_rule_has_a_faulty_plugin_of_its_own() -> None:
    for each in (PluginConformance, *table.classes().values()):
        names = table.rules(each, without=None if each is PluginConformance else PluginConformance)
        faulty = table.faulty_of(each)
        assert sorted(faulty) == sorted(names)
        assert len(set(faulty.values())) == len(faulty)


def test_each_category_has_at_least_fifteen_rules_of_its_own() -> None:
    assert min(len(own_rules(each)) for each in table.classes().values()) >= 15


def test_each_rule_has_a_sentence_and_right_code() -> None:
    for each in (PluginConformance, *table.classes().values()):
        for name, rule in table.rules(each).items():
            assert rule.wanted.endswith((".", "?")), name
            assert rule.example, name


def test_the_example_of_the_guide_keeps_every_rule() -> None:
    code = re.search(r"```python\n(.*?)```", (DOCS / "testing-plugins.md").read_text(encoding="utf-8"), re.DOTALL)
    assert code
    namespace: dict[str, Any] = {"__name__": "example"}
    exec(code[1], namespace)  # noqa: S102 the example is ours
    assert run(namespace["TestMemorySecrets"]).failed == {}
