"""The rules for health checks."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Generator

import pydantic

from floe_plugins.core.report import HealthState, HealthStatus
from floe_plugins.testing.conformance.case import Case
from floe_plugins.testing.conformance.general.manual_lifecycle import ByHand, by_hand
from floe_plugins.testing.conformance.rule import error_text, rule, shown

_CHECK = """
def health_check(self):
    try:
        self._connection.ping(timeout=1)  # a real check, and a quick one
    except OSError as error:
        return HealthStatus(HealthState.UNHEALTHY, f"no answer from {self.config.host}: {error.strerror}")
    return HealthStatus(HealthState.HEALTHY, "the service answers")
"""
_TIMEOUT = 5.0


class HealthRules(Case):
    """The rules for ``health_check``."""

    @rule(_CHECK)
    def test_health_is_a_status(self) -> None:
        """``health_check`` returns a ``HealthStatus``."""
        with self._by_hand() as hand:
            status = hand.call("health_check")
            self.expect(isinstance(status, HealthStatus), f"health_check() returned {shown(status)}")

    @rule(_CHECK)
    def test_a_started_plugin_is_not_unhealthy(self) -> None:
        """A plugin that has just started can do its work, if only in part."""
        with self._by_hand() as hand:
            status = self._status(hand)
            self.expect(status.state is not HealthState.UNHEALTHY, f"it is unhealthy: {status.message}")

    @rule(_CHECK)
    def test_health_says_why(self) -> None:
        """The message of a status is one line, and says what the state rests on."""
        with self._by_hand() as hand:
            message = self._status(hand).message
            self.expect(message.strip() and message.isprintable(), f"the message is {shown(message)}")

    @rule(_CHECK)
    def test_details_are_plain_data(self) -> None:
        """The details of a status are facts that JSON can hold."""
        with self._by_hand() as hand:
            details = self._status(hand).details
            try:
                json.dumps(details)
            except (TypeError, ValueError) as error:
                self.broken(f"the details are {shown(dict(details))}: {error_text(error)}", error)

    @rule(_CHECK)
    def test_health_answers_in_time(self) -> None:
        """``health_check`` answers within its timeout, which is 5 seconds by default."""
        timeouts = getattr(self.plugin, "timeouts", None)
        timeout = timeouts.get("health", _TIMEOUT) if isinstance(timeouts, dict) else _TIMEOUT
        with self._by_hand() as hand:
            begun = time.monotonic()
            self._status(hand)
            seconds = time.monotonic() - begun
            self.expect(seconds < timeout, f"health_check() took {seconds:.2g} s, of {timeout:g} s")

    @rule(_CHECK)
    def test_health_can_be_asked_often(self) -> None:
        """``health_check`` may be called any number of times, and answers the same if nothing has changed."""
        with self._by_hand() as hand:
            states = [self._status(hand).state for _ in range(5)]
            self.expect(len(set(states)) == 1, f"the states were {', '.join(map(str, states))}")

    @rule(_CHECK)
    def test_health_shows_no_secret(self) -> None:
        """Neither the message nor the details of a status have secrets of the settings in them."""
        with self._by_hand() as hand:
            status = self._status(hand)
            text = f"{status.message} {dict(status.details)!r}"
            leaks = [name for name, value in _secrets(getattr(hand.plugin, "config", None)) if value and value in text]
            self.expect(not leaks, f"the value of {', '.join(leaks)} is in the status")

    @rule(_CHECK)
    def test_health_of_a_stopped_plugin_returns(self) -> None:
        """``health_check`` of a stopped plugin returns a status or raises an error, and starts nothing."""
        with self._by_hand() as hand:
            hand.call_quietly("shutdown")
            try:
                status = hand.call("health_check")
            except Exception:  # noqa: BLE001 which is as good as "unhealthy"
                return
            self.expect(isinstance(status, HealthStatus), f"after shutdown(), health_check() returned {shown(status)}")

    @contextlib.contextmanager
    def _by_hand(self) -> Generator[ByHand, None, None]:
        with by_hand(self) as hand:
            hand.call("startup")
            yield hand

    def _status(self, hand: ByHand) -> HealthStatus:
        status = hand.call("health_check")
        if not isinstance(status, HealthStatus):
            self.skip("another rule says what health_check has to return")
        return status


def _secrets(config: object) -> list[tuple[str, str]]:
    if not isinstance(config, pydantic.BaseModel):
        return []
    found = ((name, getattr(config, name, None)) for name in type(config).model_fields)
    return [(name, value.get_secret_value()) for name, value in found if isinstance(value, pydantic.SecretStr)]
