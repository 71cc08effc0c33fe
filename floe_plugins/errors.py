"""Every error of this package: facts as attributes, one base class, picklable."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from floe_plugins.core.refs import PluginRef


class PluginError(Exception):
    """The base of all errors here.

    Attributes:
        ref: the plugin concerned, where it is known.
        distribution: name, version and place of the distribution it comes from, as text.
        message: what failed and what was expected.
        hint: what to do about it.
    """

    def __init__(
        self, message: str, *, ref: PluginRef | None = None, distribution: str | None = None, hint: str = ""
    ) -> None:
        super().__init__(message)
        self.message = message
        self.ref = ref
        self.distribution = distribution
        self.hint = hint

    def __str__(self) -> str:
        subject = str(self.ref) if self.ref else ""
        if self.distribution:
            origin = f"from {self.distribution}"
            subject = f"{subject} ({origin})" if subject else origin
        text = f"{subject}: {self.message}" if subject else self.message
        return f"{text}. {self.hint}" if self.hint else text

    # Exception's own __reduce__ calls the class with args alone; the facts are keyword-only.
    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (type(self), self.args, self.__dict__)


def _restore(cls: type[PluginError], args: tuple[Any, ...], facts: dict[str, Any]) -> PluginError:
    error = cls.__new__(cls, *args)
    error.__dict__.update(facts)
    return error


class PluginNotFoundError(PluginError, LookupError):
    """Nothing of that type and name is installed or registered.

    Attributes:
        suggestions: the closest refs there are.
    """

    def __init__(self, message: str, *, suggestions: Sequence[str] = (), **facts: Any) -> None:
        super().__init__(message, **facts)
        self.suggestions = tuple(suggestions)


class AmbiguousPluginError(PluginError, LookupError):
    """Several plugins fit where one was asked for.

    Attributes:
        choices: the refs that fit.
    """

    def __init__(self, message: str, *, choices: Sequence[str] = (), **facts: Any) -> None:
        super().__init__(message, **facts)
        self.choices = tuple(choices)


class DuplicatePluginError(PluginError, ValueError):
    """Two plugins claim one ref; neither wins in silence.

    Attributes:
        claimants: each of them, by distribution name, version and place.
    """

    def __init__(self, message: str, *, claimants: Sequence[str] = (), **facts: Any) -> None:
        super().__init__(message, **facts)
        self.claimants = tuple(claimants)


class PluginIncompatibleError(PluginError):
    """The plugin was made for an API that this platform does not provide.

    Attributes:
        needs: the version or requirement that the plugin states.
        provides: the version that the platform has.
    """

    def __init__(self, message: str, *, requires: str = "", provides: str = "", **facts: Any) -> None:
        super().__init__(message, **facts)
        self.requires = requires
        self.provides = provides


class PluginLoadError(PluginError):
    """The plugin could not be imported, made, or is not what its entry point says."""


class PluginConfigurationError(PluginError, ValueError):
    """Configuration is wrong. Never carries a value, nor a cause that could.

    Attributes:
        errors: every issue found, as records with ``path``, ``rule``, ``expected``, ``file`` and ``line``.
    """

    def __init__(self, message: str, *, errors: Sequence[Any] = (), **facts: Any) -> None:
        super().__init__(message, **facts)
        self.errors = tuple(errors)


class MissingDependencyError(PluginError):
    """A plugin needs another one that is not there, or not in the version asked for.

    Attributes:
        requirement: the dependency as the plugin declares it.
    """

    def __init__(self, message: str, *, requirement: str = "", **facts: Any) -> None:
        super().__init__(message, **facts)
        self.requirement = requirement


class CircularDependencyError(PluginError):
    """Plugins need each other.

    Attributes:
        cycle: the refs along the circle; the first is also the last.
    """

    def __init__(self, message: str, *, cycle: Sequence[PluginRef] = (), **facts: Any) -> None:
        super().__init__(message, **facts)
        self.cycle = tuple(cycle)


class PluginStartupError(PluginError):
    """A plugin's ``startup`` raised; the cause is chained."""


class PluginShutdownError(PluginError):
    """A plugin's ``shutdown`` raised; the cause is chained."""


class PluginTimeoutError(PluginError, TimeoutError):
    """A plugin did not answer within its deadline.

    Attributes:
        seconds: the deadline.
        stage: what it was doing: load, configure, start, check or stop.
    """

    def __init__(self, message: str, *, seconds: float = 0.0, stage: str = "", **facts: Any) -> None:
        super().__init__(message, **facts)
        self.seconds = seconds
        self.stage = stage


class PluginUnavailableError(PluginError):
    """Raised by a plugin whose service is down; starting it is tried again within the deadline.

    Attributes:
        retry_after: seconds to wait before the next try, where the plugin knows.
    """

    def __init__(self, message: str, *, retry_after: float | None = None, **facts: Any) -> None:
        super().__init__(message, **facts)
        self.retry_after = retry_after


class UnsupportedOperationError(PluginError):
    """Raised by a hook that this engine or backend cannot serve, such as writing to a read-only one."""
