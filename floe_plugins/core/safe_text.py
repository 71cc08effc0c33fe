"""Ask foreign objects for their text, whatever they do when they are asked."""

from __future__ import annotations

from typing import Any

# Longer texts are cut: a plugin's message of a megabyte helps nobody, and costs everybody who masks or prints it.
MAX_TEXT = 4_000

_NAME: Any = type.__dict__["__name__"]


def safe_str(value: object) -> str:
    """Return ``str(value)`` as an exact ``str`` of at most ``MAX_TEXT`` characters; never raises."""
    try:
        text = value if type(value) is str else str.__str__(str(value))
    except BaseException:  # noqa: BLE001 the object is a plugin's own, and may raise anything
        return f"<{type_name(value)} that cannot be shown>"
    return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}... ({len(text) - MAX_TEXT} more characters)"


def type_name(value: object) -> str:
    """Return the name of an object's class, without asking its metaclass."""
    name: str = _NAME.__get__(type(value))
    return name


def error_message(error: BaseException) -> str:
    """Return an error's text; empty if it has none or cannot be read."""
    try:
        return str.__str__(str(error))[:MAX_TEXT]
    except BaseException:  # noqa: BLE001 the class is a plugin's own
        return ""


def describe_error(error: BaseException) -> str:
    """Return an error's class name and text, such as ``"ValueError: no such table"``."""
    text = error_message(error)
    return f"{type_name(error)}: {text}" if text else type_name(error)
