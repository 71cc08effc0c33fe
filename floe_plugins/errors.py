"""The errors of this package. All derive from ``PluginError``, carry facts as attributes and can be pickled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from floe_plugins.core.refs import PluginRef
from floe_plugins.core.safe_text import with_context


class PluginError(Exception):
    """The base class of all errors of this package. Plugins may raise it, too.

    >>> from floe_plugins import PluginError, PluginRef
    >>> error = PluginError("the disk is full", ref=PluginRef.parse("storage:local"), hint="Free some space")
    >>> str(error)
    'storage:local: the disk is full. Free some space'

    Attributes:
        message: what failed and what was expected.
        ref: the plugin, if known.
        distribution: name, version and location of the plugin's distribution, as text, if known.
        hint: how to fix it; may be empty.
        exception: the exception that the plugin's code raised, if that is the reason. It is foreign: it may hold
            secrets, and what it does when it is shown is up to the plugin. It is not pickled. ``__cause__`` is the
            same exception where it may be shown, else a stand-in.
    """

    exception: BaseException | None = None

    def __init__(
        self, message: str, *, ref: PluginRef | None = None, distribution: str | None = None, hint: str = ""
    ) -> None:
        super().__init__(message)
        self.message = message
        self.ref = ref
        self.distribution = distribution
        self.hint = hint

    @property
    def docs_url(self) -> str:
        """Where the catalogue of errors says what errors of this class mean, and what to do.

        >>> PluginNotFoundError("none is installed").docs_url.rpartition("/")[2]
        'errors.md#pluginnotfounderror'
        """
        from floe_plugins.core.problem import url_of  # needs attrs, which importing errors does not

        return url_of(self)

    def __str__(self) -> str:
        return with_context(self.message, self.ref, self.distribution, self.hint)

    # The inherited method would call the class with positional arguments alone; the facts are keyword-only.
    def __reduce__(self) -> tuple[Any, ...]:
        facts = {name: value for name, value in self.__dict__.items() if name not in {"exception", "plugin"}}
        return type(self).__new__, (type(self), *self.args), {"args": self.args, **facts}


class PluginNotFoundError(PluginError, LookupError):
    """No plugin of the given category and name is installed or registered.

    >>> from floe_plugins import PluginNotFoundError, PluginRegistry, PluginType
    >>> try:
    ...     PluginRegistry(autoload="none", environ={}).get(PluginType.COMPUTE, "duckdb")
    ... except PluginNotFoundError as error:
    ...     print(error.ref, error.suggestions)
    compute:duckdb ()

    Attributes:
        suggestions: the closest refs that exist, best match first.
    """

    def __init__(self, message: str, *, suggestions: Sequence[str] = (), **facts: Any) -> None:
        super().__init__(message, **facts)
        self.suggestions = tuple(suggestions)


class AmbiguousPluginError(PluginError, LookupError):
    """One plugin was asked for and several match.

    >>> AmbiguousPluginError("two match", choices=["compute:duckdb", "compute:spark"]).choices
    ('compute:duckdb', 'compute:spark')

    Attributes:
        choices: the refs that match.
    """

    def __init__(self, message: str, *, choices: Sequence[str] = (), **facts: Any) -> None:
        super().__init__(message, **facts)
        self.choices = tuple(choices)


class DuplicatePluginError(PluginError, ValueError):
    """Several plugins have the same ref. None of them is used until one is pinned or the others are removed.

    >>> DuplicatePluginError("two offer it", claimants=["acme 1.0 in /site", "other 2.0 in /site"]).claimants
    ('acme 1.0 in /site', 'other 2.0 in /site')

    Attributes:
        claimants: name, version and location of each distribution that offers the plugin.
    """

    def __init__(self, message: str, *, claimants: Sequence[str] = (), **facts: Any) -> None:
        super().__init__(message, **facts)
        self.claimants = tuple(claimants)


class PluginIncompatibleError(PluginError):
    """The plugin requires a version of the API or of floe-plugins that is not installed.

    >>> error = PluginIncompatibleError("too new", requires="1.7", provides="1.2")
    >>> error.requires, error.provides
    ('1.7', '1.2')

    Attributes:
        requires: the version or requirement that the plugin states.
        provides: the version that is installed.
    """

    def __init__(self, message: str, *, requires: str = "", provides: str = "", **facts: Any) -> None:
        super().__init__(message, **facts)
        self.requires = requires
        self.provides = provides


class PluginLoadError(PluginError):
    """The plugin could not be imported or instantiated, or is not a plugin of its category.

    The original exception, if any, is the ``__cause__``. If it is about the plugin's hooks, the error is a
    ``pluggy.PluginValidationError``, too, whose ``plugin`` is the plugin.

    A failed load is kept: whoever asks for the plugin again gets the same error, until
    ``registry.discover(refresh=True)`` or ``registry.start(ref)`` has it tried again.
    """


class PluginConfigurationError(PluginError, ValueError):
    """The configuration is invalid. Contains no configured value, and neither does its cause.

    >>> from floe_plugins import PluginConfigurationError, PluginRegistry
    >>> registry = PluginRegistry({"registry": {"workers": 0}}, autoload="none", environ={})
    >>> try:
    ...     registry.startup()
    ... except PluginConfigurationError as error:
    ...     print([issue.path for issue in error.errors])
    ['registry.workers']

    Attributes:
        errors: all issues found, as records with ``path``, ``rule``, ``expected``, ``file`` and ``line``.
    """

    def __init__(self, message: str, *, errors: Sequence[Any] = (), **facts: Any) -> None:
        super().__init__(message, **facts)
        self.errors = tuple(errors)


class MissingDependencyError(PluginError):
    """A dependency of the plugin is missing, failed, or has an unsuitable version.

    >>> MissingDependencyError("not installed", requirement="compute:duckdb>=1.2").requirement
    'compute:duckdb>=1.2'

    Attributes:
        requirement: the dependency as the plugin declares it.
    """

    def __init__(self, message: str, *, requirement: str = "", **facts: Any) -> None:
        super().__init__(message, **facts)
        self.requirement = requirement


class CircularDependencyError(PluginError):
    """Plugins depend on each other in a cycle.

    >>> from floe_plugins import PluginRef
    >>> a, b = PluginRef.parse("compute:a"), PluginRef.parse("compute:b")
    >>> " -> ".join(map(str, CircularDependencyError("a cycle", cycle=[a, b, a]).cycle))
    'compute:a -> compute:b -> compute:a'

    Attributes:
        cycle: the refs along the cycle; the first is also the last.
    """

    def __init__(self, message: str, *, cycle: Sequence[PluginRef] = (), **facts: Any) -> None:
        super().__init__(message, **facts)
        self.cycle = tuple(cycle)


class PluginStartupError(PluginError):
    """The ``startup`` hook of a plugin raised, or returned something; the exception is the ``__cause__``.

    Its ``shutdown`` was called after that, to close what it had opened. ``registry.start(ref)`` tries again.
    """


class PluginShutdownError(PluginError):
    """The ``shutdown`` hook of a plugin raised, or returned something; the exception is the ``__cause__``.

    The others were stopped all the same. What this one may have left open, only its author knows.
    """


class PluginTimeoutError(PluginError, TimeoutError):
    """The code of a plugin did not return before its deadline.

    >>> error = PluginTimeoutError("no answer", seconds=5.0, stage="check")
    >>> isinstance(error, TimeoutError), error.stage
    (True, 'check')

    The code may still run: Python cannot end a thread. No other lifecycle hook of the plugin is called until it
    returns.

    Attributes:
        seconds: the timeout.
        stage: the stage that timed out: ``load``, ``configure``, ``start``, ``check`` or ``stop``.
    """

    def __init__(self, message: str, *, seconds: float = 0.0, stage: str = "", **facts: Any) -> None:
        super().__init__(message, **facts)
        self.seconds = seconds
        self.stage = stage


class PluginUnavailableError(PluginError):
    """Raised by a plugin whose service is down.

    When ``startup`` raises it, the registry repeats the call until the startup timeout has passed.

    >>> PluginUnavailableError("the warehouse is resuming", retry_after=2.5).retry_after
    2.5

    Attributes:
        retry_after: seconds to wait before the next attempt, if the plugin knows.
    """

    def __init__(self, message: str, *, retry_after: float | None = None, **facts: Any) -> None:
        super().__init__(message, **facts)
        self.retry_after = retry_after


class CancelledOperationError(PluginError):
    """Raised to whoever waits for work that was cancelled, as by ``Running.cancel`` of a query, a run or a command.

    >>> import threading
    >>> from floe_plugins import CancelledOperationError
    >>> from floe_plugins.hookspecs import InThread
    >>> leave = threading.Event()
    >>> query = InThread(leave.wait, "a query", interrupt=leave.set)
    >>> query.cancel()
    >>> try:
    ...     query.result()
    ... except CancelledOperationError as error:
    ...     print(error)
    a query was cancelled
    """


class UnsupportedOperationError(PluginError):
    """Raised by a hook that the engine or backend cannot serve, such as writing to a read-only store.

    It will not help to call again. A service that is down is a ``PluginUnavailableError``.

    >>> str(UnsupportedOperationError("the store is read-only", hint="Set the variable instead"))
    'the store is read-only. Set the variable instead'
    """
