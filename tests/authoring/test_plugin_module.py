"""The module of a plugin: the contract's signatures over the template's bodies, and sorted imports."""

from __future__ import annotations

import pytest

from floe_plugins import PluginType
from floe_plugins.authoring.contract import Contract, Hook, read_contract
from floe_plugins.authoring.plugin_module import Names, compose, requirements, tidied

TEMPLATE = '''
import threading

import pydantic

from floe_plugins import SecretsPlugin


class PluginConfig(pydantic.BaseModel):
    """Settings."""


class PluginClass(SecretsPlugin):
    """A store."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def startup(self) -> None:
        """Open nothing."""

    # Reads the store.
    def get_secret(self, key):
        return _found(key)


def _found(key: str) -> pydantic.SecretStr | None:
    return None
'''
NAMES = Names("AcmeSecrets", "AcmeConfig", ('name = "acme"', "config: AcmeConfig"))


def composed(contract: Contract | None = None) -> str:
    return compose(TEMPLATE, contract or read_contract(PluginType.SECRETS), NAMES, "Acme.")


def test_a_body_stands_under_the_signature_and_docstring_of_the_contract() -> None:
    text = composed()
    assert "    # Reads the store.\n    def get_secret(self, key: str) -> pydantic.SecretStr | None:\n" in text
    assert text.index("Reads the store at each call") < text.index("        return _found(key)")
    assert "class AcmeSecrets(SecretsPlugin):" in text
    assert '    name = "acme"\n    config: AcmeConfig\n' in text
    assert "Plugin" not in text.replace("SecretsPlugin", "").replace("PluginUnavailableError", "")


def test_a_hook_that_does_nothing_keeps_its_return_type() -> None:
    text = composed()
    assert '    def startup(self) -> None:\n        """Open connections' in text
    assert "Open nothing" not in text


def test_a_hook_without_a_body_says_that_it_is_not_supported() -> None:
    text = composed()
    assert 'raise UnsupportedOperationError("put_secret is not supported")' in text
    assert "from floe_plugins import HealthStatus, SecretsPlugin, UnsupportedOperationError" in text


def test_a_hook_that_may_be_left_out_does_what_its_category_does() -> None:
    contract = read_contract(PluginType.SECRETS)
    later = Hook(
        "rotate", ("    def rotate(self, key: str) -> bool:",), ('        """Rotate."""',), ("key",), is_required=False
    )
    text = composed(contract._replace(hooks=contract.hooks | {"rotate": later}))
    assert text.index('"""Rotate."""') < text.index("return super().rotate(key)") < text.index("def _found")


def test_imports_are_sorted_and_those_that_are_not_used_are_left_out() -> None:
    source = (
        '"""Acme."""\n\nfrom __future__ import annotations\n\nimport json\nfrom acme import A\nfrom os import b, Z\n'
    )
    source += "import attrs\n\n\nx = (A, b, attrs)\n\nfrom os import a\n\ny = (a, Z)\n"
    assert tidied(source, "acme").splitlines()[4:] == [
        "from os import Z, a, b",
        "",
        "import attrs",
        "",
        "from acme import A",
        "",
        "x = (A, b, attrs)",
        "",
        "",
        "y = (a, Z)",
    ]


@pytest.mark.parametrize(("count", "lines"), [(2, 1), (20, 22)])
def test_a_long_import_is_written_on_several_lines(count: int, lines: int) -> None:
    names = ", ".join(f"name_{number:02}" for number in range(count))
    text = tidied(f'"""Acme."""\n\nfrom acme import {names}\n\nx = ({names})\n', "acme")
    assert len(text.partition("from acme")[2].partition("\n\n")[0].splitlines()) == lines


def test_a_template_says_what_it_needs() -> None:
    assert requirements("# requires: a>=1\n# requires: b\nimport a\n") == ["a>=1", "b"]
