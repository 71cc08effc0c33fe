"""What an error of Spark Connect means for a caller."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from floe_plugins import PluginError, PluginTimeoutError, PluginUnavailableError

_TOKEN_HINT = "Correct plugins.compute.spark.token"  # noqa: S105 the name of a setting
_SERVER_HINT = "Start the Spark Connect server, or correct plugins.compute.spark.remote"


class ResultTooLargeError(PluginError):
    """A result is larger than the configuration allows. What was read of it is discarded."""


@contextlib.contextmanager
def explained(remote: str) -> Iterator[None]:
    """Within the block, errors of the connection say what is wrong with it; errors of statements stay Spark's own."""
    try:
        yield
    except Exception as error:
        meaning = meaning_of(error, remote)
        if meaning is None:
            raise
        raise meaning from error


def meaning_of(error: BaseException, remote: str) -> PluginError | None:
    """Return the error to raise instead, or None if the error speaks for itself."""
    import grpc

    if isinstance(error, PluginError):
        return None
    code = _code(error)
    if code in {grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED}:
        return PluginError(f"the Spark Connect server at {remote} refuses the token", hint=_TOKEN_HINT)
    if code == grpc.StatusCode.DEADLINE_EXCEEDED:
        return PluginTimeoutError(f"the Spark Connect server at {remote} does not answer in time", hint=_SERVER_HINT)
    if code in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED} or "closed channel" in str(error):
        return PluginUnavailableError(f"the Spark Connect server at {remote} does not answer", hint=_SERVER_HINT)
    return None


def _code(error: BaseException | None) -> object:
    """The status of the call behind an error: pyspark wraps them, also in errors that say how often it has tried."""
    seen = 0
    while error is not None and seen < 10:
        code = getattr(error, "code", None) or getattr(error, "getGrpcStatusCode", None)
        found = code() if callable(code) else None
        if found is not None and getattr(found, "name", "UNKNOWN") != "UNKNOWN":
            return found
        error, seen = error.__cause__ or error.__context__, seen + 1
    return None
