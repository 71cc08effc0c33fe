"""A process is the command line of one platform, in whose words it speaks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from floe_plugins import FLOE, Category, Platform
from floe_plugins.cli import program
from floe_plugins.cli.exit import print_error
from floe_plugins.cli.supervisor.runtime_directory import default_socket

SITE = Platform("site", "1.0", [Category("page", "site.pages", "site_host:PagePlugin")], command="sitectl")


@pytest.fixture
def site() -> Iterator[None]:
    program.use(SITE)
    yield
    program.use(FLOE)


def test_by_default_it_is_that_of_floe() -> None:
    assert program.platform() is FLOE
    assert program.name() == "floe-plugins"


@pytest.mark.usefixtures("site")
def test_errors_and_sockets_have_the_name_of_the_platforms_command(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    print_error("the disk is full")
    assert capsys.readouterr().err == "sitectl: the disk is full\n"
    assert "sitectl" in str(default_socket(None))
    monkeypatch.setenv("SITE_SOCKET", "/run/site.sock")
    monkeypatch.setenv("FLOE_PLUGINS_SOCKET", "/run/floe.sock")
    assert str(default_socket(None)) == "/run/site.sock"


@pytest.mark.usefixtures("site")
def test_its_categories_are_those_of_the_platform() -> None:
    assert program.categories().slugs == ["page"]
    with pytest.raises(ValueError, match="there is no category 'compute'; the categories are page"):
        program.categories().parse("compute")
