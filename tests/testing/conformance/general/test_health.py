"""A correct plugin keeps every rule about health, and for each rule a faulty one breaks it and no other."""

from __future__ import annotations

import time
from typing import Any

import attrs
import pytest
from conformance_plugins import Good, GoodConformance
from conformance_suite import conformance

from floe_plugins import HealthState
from floe_plugins.testing.conformance.general.health import HealthRules
from floe_plugins.testing.conformance.runner import rules, run


class ReturnsTrue(Good):
    def health_check(self):
        return True if self.file is not None else super().health_check()


class AlwaysUnhealthy(Good):
    def health_check(self):
        return attrs.evolve(super().health_check(), state=HealthState.UNHEALTHY)


class SaysNothing(Good):
    def health_check(self):
        return attrs.evolve(super().health_check(), message="")


class GivesObjects(Good):
    def health_check(self):
        return attrs.evolve(super().health_check(), details={"self": self})


class Slow(Good):
    timeouts = {"health": 0.01}  # noqa: RUF012

    def health_check(self):
        time.sleep(0.02)
        return super().health_check()


class Wavers(Good):
    asked = 0

    def health_check(self):
        self.asked += 1
        status = super().health_check()
        return status if self.asked % 2 else attrs.evolve(status, state=HealthState.DEGRADED)


class ShowsThePassword(Good):
    def health_check(self):
        return attrs.evolve(super().health_check(), message=f"as {self.config.password.get_secret_value()}")


class SaysNothingWhenStopped(Good):
    def health_check(self):
        return None if self.file is None else super().health_check()


FAULTY: dict[str, type[Any]] = {
    "test_health_is_a_status": ReturnsTrue,
    "test_a_started_plugin_is_not_unhealthy": AlwaysUnhealthy,
    "test_health_says_why": SaysNothing,
    "test_details_are_plain_data": GivesObjects,
    "test_health_answers_in_time": Slow,
    "test_health_can_be_asked_often": Wavers,
    "test_health_shows_no_secret": ShowsThePassword,
    "test_health_of_a_stopped_plugin_returns": SaysNothingWhenStopped,
}


def broken(plugin: type[Any]) -> dict[str, str]:
    result = run(conformance(GoodConformance, plugin), rules(HealthRules))
    return {name: error.seen for name, error in result.failed.items()}


def test_a_correct_plugin_keeps_every_rule() -> None:
    assert broken(Good) == {}


@pytest.mark.parametrize("rule", rules(HealthRules))
def test_a_faulty_plugin_breaks_exactly_its_own_rule(rule: str) -> None:
    assert list(broken(FAULTY[rule])) == [rule]


class Asynchronous(Good):
    async def startup(self):
        Good.startup(self)

    async def shutdown(self):
        Good.shutdown(self)

    async def health_check(self):
        return Good.health_check(self)


def test_hooks_may_be_async() -> None:
    assert broken(Asynchronous) == {}
