"""What an author has most likely not meant is found when a plugin is loaded, and said with what to write instead."""

# ruff: noqa: ARG005 a hook has the parameters of its contract, used or not

from __future__ import annotations

from typing import Any

import pytest
import support

from floe_plugins import Category, Platform, PluginLoadError, PluginMetadata, PluginRegistry, hookimpl

SITE = Platform("site", "1.0", [Category("page", "site.pages", f"{__name__}:PagePlugin")])


class PagePlugin(PluginMetadata):
    """A category of another platform."""

    site_api_version: str

    @SITE.hookspec(firstresult=True)
    def render(self, page: str) -> str: ...


class Acme(support.Secrets):
    name = "acme"


def no_self(key: str) -> Any:
    return key


def found(**attributes: Any) -> list[tuple[str, str]]:
    """The messages and hints of the problems of a plugin with these attributes."""
    registry = support.new_registry()
    registry.register(support.named("acme", Acme, **attributes))
    return [(problem.message, problem.hint) for problem in registry.problems]


@pytest.mark.parametrize(
    ("attributes", "message", "advice"),
    [
        ({"heath_check": lambda self: None}, "'heath_check' is no hook", "Call the method 'health_check'"),
        ({"start_up": lambda self: None}, "'start_up' is no hook", "Call the method 'startup'"),
        ({"get_secret": lambda self: None}, "leaves out 'key'", "Write def get_secret(self, key)."),
        ({"put_secret": lambda self, value, key: None}, "in the order value, key", "put_secret(self, key, value)."),
        ({"secret_names": lambda self, prefix: ()}, "has no default for 'prefix'", "secret_names(self, prefix='')."),
        ({"version": "one"}, "'one' is not a valid version (PEP 440)", 'Write a version such as version = "1.0.0".'),
    ],
)
def test_a_mistake_is_a_problem_that_says_what_to_write(attributes: Any, message: str, advice: str) -> None:
    [(said, hint)] = found(**attributes)
    assert message in said
    assert advice in hint


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"version": "1.0rc1"},
        {"_heath_check": lambda self: None},
        {"start": lambda self: None, "describe": lambda self: None, "heath_check": 3},
        {"heath_check": lambda self: None, "health_check": lambda self: None},
        {"heath_check": hookimpl(specname="health_check")(lambda self: None)},
        {"get_secret": lambda self, *arguments: None},
        {"get_secret": hookimpl(wrapper=True)(lambda self: (yield))},
    ],
)
def test_what_may_be_meant_is_no_problem(attributes: Any) -> None:
    assert found(**attributes) == []


@pytest.mark.parametrize("hook", ["get_secret", "startup"])
def test_a_hook_without_self_is_refused(hook: str) -> None:
    function = no_self if hook == "get_secret" else lambda: None
    with pytest.raises(PluginLoadError, match="it has no 'self'") as caught:
        support.new_registry().register(support.named("acme", Acme, **{hook: function}))
    assert caught.value.hint.startswith(f"Write def {hook}(self")


def test_a_mistake_is_raised_where_problems_are_strict() -> None:
    registry = PluginRegistry(autoload="none", environ={"FLOE_PLUGINS_STRICT": "1"})
    with pytest.raises(PluginLoadError, match="not a valid version"):
        registry.register(support.named("acme", Acme, version="one"))


def test_an_operator_is_told_to_tell_the_author_and_the_author_what_to_write(tmp_path: Any) -> None:
    code = """
        from support import Secrets

        class Plugin(Secrets):
            name = "acme"
            version = "one"
    """
    support.write_distribution(tmp_path, "acme", "[floe.secrets]\nacme = acme_mistaken:Plugin\n", acme_mistaken=code)

    def hint() -> str:
        registry = PluginRegistry(path=[str(tmp_path)], environ={}, autoload="all")
        registry.list()
        [problem] = registry.problems
        return problem.hint

    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(tmp_path)
        assert hint() == 'Tell the plugin\'s author: write a version such as version = "1.0.0".'
        facts = f'{{"url": "{tmp_path.as_uri()}", "dir_info": {{"editable": true}}}}'
        (tmp_path / "acme-1.0.dist-info" / "direct_url.json").write_text(facts, encoding="utf-8")
        assert hint() == 'Write a version such as version = "1.0.0".'


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"rendr": lambda self, page: page}, "'rendr' is no hook and is never called; 'render' is one"),
        ({"render": lambda self: ""}, "its hook 'render' leaves out 'page'"),
    ],
)
def test_a_mistake_is_found_in_the_hooks_of_another_platform_too(attributes: Any, message: str) -> None:
    plugin = type("Blog", (PagePlugin,), {"name": "blog", "version": "1.0", "site_api_version": "1.0", **attributes})
    registry = PluginRegistry(autoload="none", environ={}, platform=SITE)
    registry.register(plugin)
    [problem] = registry.problems
    assert message in problem.message
