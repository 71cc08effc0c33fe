"""Reading the source of a class shows which hooks are missing or misspelt, and what it does not declare."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from floe_plugins.authoring.class_reading import read_class
from floe_plugins.discovery.scanner import scan
from floe_plugins.testing.distributions import write_distribution

HEAD = "from floe_plugins import SecretsPlugin, ComputePlugin, hookimpl\n"
FACTS = '    name = "acme"\n    version = "1.0"\n    floe_api_version = "1.0"\n'
HOOK = "    def get_secret(self, key): return None\n"
OTHERS = "    def secret_names(self, prefix=''): return ()\n    def put_secret(self, key, value): ...\n"
WHOLE = f"class Plugin(SecretsPlugin):\n{FACTS}{HOOK}{OTHERS}"


def problems(site: Path, source: str) -> list[str]:
    """What is said of a class ``Plugin`` of the category secrets."""
    module = write_distribution(site, HEAD + source, name="acme", category="secrets")
    [candidate] = scan([site]).candidates
    found = [each.message for each in read_class(candidate)]
    assert module not in sys.modules
    return found


def test_a_whole_class_is_right(tmp_path: Path) -> None:
    assert problems(tmp_path, WHOLE) == []


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (WHOLE.replace(HOOK, ""), "does not implement the hook 'get_secret'"),
        (WHOLE + "    def heath_check(self): ...\n", "'heath_check' is no hook and is never called; 'health_check'"),
        (WHOLE + "    @hookimpl\n    def other(self): ...\n", "'other' is marked as a hook, and there is no hook"),
        (WHOLE.replace("get_secret(self, key", "get_secret(key"), "'get_secret' has no 'self'"),
        (WHOLE.replace("self, key)", ")"), "'get_secret' has no 'self'"),
        (WHOLE.replace("self, key)", "self, key, other)"), "needs 'other', which the hook is not given"),
        (WHOLE.replace('    version = "1.0"\n', ""), "declares no version"),
        (WHOLE.replace("SecretsPlugin", "ComputePlugin"), "does not derive from SecretsPlugin"),
        (WHOLE.replace("(SecretsPlugin)", ""), "does not derive from SecretsPlugin"),
        ("Plugin = make()", "no class"),
        ("Plug = 1", "no class"),
    ],
)
def test_each_mistake_is_told(tmp_path: Path, source: str, words: str) -> None:
    [message] = problems(tmp_path, source)
    assert words in message


@pytest.mark.parametrize(("api", "words"), [("1.0", []), ("1.1", ["its hook 'submit' needs 'job'"])])
def test_a_method_with_the_name_of_a_later_hook_is_the_plugins_own(tmp_path: Path, api: str, words: list[str]) -> None:
    hooks = "execute(self, sql)", "register_table(self, name, data)", "connect(self)", "dbt_profile(self, target)"
    methods = "".join(f"    def {hook}: ...\n" for hook in (*hooks, "release(self)", "submit(self, job)"))
    source = f"{HEAD}class Plugin(ComputePlugin):\n{FACTS}{methods}"
    source = source.replace('floe_api_version = "1.0"', f'floe_api_version = "{api}"')
    write_distribution(tmp_path, source, name="acme", category="compute")
    [candidate] = scan([tmp_path]).candidates
    messages = [each.message for each in read_class(candidate)]
    assert len(messages) == len(words)
    assert all(word in message for word, message in zip(words, messages, strict=True))


def test_a_hook_by_another_name_counts(tmp_path: Path) -> None:
    named = HOOK.replace("get_secret", "look_up")
    assert problems(tmp_path, WHOLE.replace(HOOK, f'    @hookimpl(specname="get_secret")\n{named}')) == []


def test_what_an_unknown_base_class_may_have_is_not_called_missing(tmp_path: Path) -> None:
    [message] = problems(tmp_path, "from elsewhere import Base\nclass Plugin(Base):\n    pass\n")
    assert "base classes are not known" in message
