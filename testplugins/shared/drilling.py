"""What drills look at, and a plugin beside the one that breaks."""

from __future__ import annotations

from pydantic import SecretStr

from floe_plugins import HealthReport, PluginRegistry, SecretsPlugin, UnsupportedOperationError


def neighbour_of(ref: str) -> type[SecretsPlugin]:
    """The class of ``secrets:neighbour``, which needs another plugin to start, and answers without it."""

    class Neighbour(SecretsPlugin):
        name = "neighbour"
        version = "1.0.0"
        floe_api_version = "1.0"
        dependencies = (ref,)

        def get_secret(self, key: str) -> SecretStr | None:
            return SecretStr(key)

        def secret_names(self, prefix: str = "") -> tuple[str, ...]:
            return ("a",)

        def put_secret(self, key: str, value: SecretStr) -> None:
            raise UnsupportedOperationError("these are fixed")

    return Neighbour


def states(report: HealthReport) -> dict[str, str]:
    """The health of each plugin."""
    return {str(ref): str(status.state) for ref, status in report.statuses.items()}


def stopped(registry: PluginRegistry) -> list[str]:
    """Shut a platform down, and return which plugins stopped, in their order."""
    report = registry.shutdown()
    assert report.ok
    return [str(outcome.ref) for outcome in report.outcomes]
