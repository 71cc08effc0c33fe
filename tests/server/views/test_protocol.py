from __future__ import annotations

from serving import FakeView
from support import new_registry, run_code

from floe_plugins.server import PlatformView, RegistryView
from floe_plugins.server.views.protocol import ACTIONS


def test_a_registry_and_any_object_with_its_methods_can_be_shown() -> None:
    views: list[PlatformView] = [FakeView(), RegistryView(new_registry())]
    for view in views:
        assert view.snapshot()["schema_version"] == 1


def test_the_actions_are_those_that_the_command_line_has() -> None:
    assert ACTIONS == ("restart", "start", "stop")


def test_the_server_is_imported_without_pydantic_and_pluggy() -> None:
    code = """
        import sys
        from floe_plugins.server import Server, create_app, open_listener, read_token
        assert not sys.modules.keys() & {"pydantic", "pluggy", "floe_plugins.registry.facade"}, sorted(sys.modules)
    """
    assert run_code(code, check=True).returncode == 0


def test_without_its_extra_the_server_says_what_to_install() -> None:
    code = """
        import sys
        sys.modules["prometheus_client"] = sys.modules["uvicorn"] = None
        for name in ("create_app", "Server"):
            try:
                getattr(__import__("floe_plugins.server", fromlist=["server"]), name)
            except ImportError as error:
                print(error)
    """
    assert run_code(code, check=True).stdout.splitlines() == [
        "the server needs prometheus_client; install floe-plugins[server]",
        "the server needs uvicorn; install floe-plugins[server]",
    ]
