"""Text for foreign objects and errors, which may raise when they are converted to a string."""

from __future__ import annotations


def safe_str(value: object) -> str:
    """Return ``str(value)``, or a placeholder with its type if that raises."""
    try:
        return str(value)
    except Exception:  # noqa: BLE001 the object may belong to a plugin
        return f"<{type(value).__name__} that cannot be shown>"


def error_message(error: BaseException) -> str:
    """Return the message of an error, or an empty string if converting it to text raises."""
    try:
        return str(error)
    except Exception:  # noqa: BLE001 the error's class may belong to a plugin
        return ""


def describe_error(error: BaseException) -> str:
    """Return the type of an error and its message, if it has one.

    >>> describe_error(KeyError("user"))
    "KeyError: 'user'"
    >>> describe_error(TimeoutError())
    'TimeoutError'
    """
    text = error_message(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def with_context(message: str, ref: object = None, distribution: str | None = None, hint: str = "") -> str:
    """Return a message with the plugin and distribution that it concerns in front, and a hint behind.

    >>> with_context("it failed", "compute:duckdb", "acme 1.0 in /site", "Reinstall it")
    'compute:duckdb (from acme 1.0 in /site): it failed. Reinstall it'
    """
    subject = str(ref) if ref else ""
    if distribution:
        subject = f"{subject} (from {distribution})" if subject else f"from {distribution}"
    text = f"{subject}: {message}" if subject else message
    return f"{text}. {hint}" if hint else text
