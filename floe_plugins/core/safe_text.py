"""Text for foreign objects and errors, which may raise when they are converted to a string."""

from __future__ import annotations

from typing import Any

# Longer texts are cut: a plugin's message of a megabyte helps nobody, and costs everybody who masks or prints it.
MAX_TEXT = 4_000

MAX_LINES = 200

_NAME: Any = type.__dict__["__name__"]


class Shown(str):
    """Text that is escaped already and is shown as it is."""

    __slots__ = ()


def escape(value: object) -> str:
    r"""Return ``str(value)`` on one line, in a form that no terminal, log or XML parser acts upon; never raises.

    What ``str.isprintable`` calls unprintable is written as an escape: control characters, marks that change the
    direction of text, line separators, lone surrogates. The text is cut as by ``safe_str``.

    >>> print(escape("ready\x1b[2J\n9 plugins \u202e\ud800"))
    ready\x1b[2J\n9 plugins \u202e\ud800
    """
    text = safe_str(value)
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else _escaped(each) for each in text)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")


def escape_lines(text: str) -> Shown:
    r"""Return a text of several lines with each line escaped, and marked so that it cannot pass for another record.

    Only the first ``MAX_LINES`` lines are kept.

    >>> print(escape_lines("Traceback\n  boom\x1b"))
      | Traceback
      |   boom\x1b
    """
    lines = text.split("\n", MAX_LINES)
    if len(lines) > MAX_LINES:
        lines[MAX_LINES:] = ["... (more lines)"]
    return Shown("\n".join(f"  | {escape(line)}" for line in lines))


def safe_str(value: object) -> str:
    """Return ``str(value)`` as an exact ``str`` of at most ``MAX_TEXT`` characters; never raises."""
    try:
        text = value if type(value) is str else str.__str__(str(value))
    except BaseException:  # noqa: BLE001 the object is a plugin's own, and may raise anything
        return f"<{type_name(value)} that cannot be shown>"
    return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}... ({len(text) - MAX_TEXT} more characters)"


def cut_middle(text: str) -> str:
    """Return a text of at most ``MAX_TEXT`` characters, without its middle if it is longer.

    Of a chain of causes, what is near and what is at the root say most.

    >>> cut_middle("needs a, which needs b")
    'needs a, which needs b'
    """
    if len(text) <= MAX_TEXT:
        return text
    return f"{text[: MAX_TEXT // 4]} ... {text[5 - (MAX_TEXT - MAX_TEXT // 4) :]}"


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
    """Return the type of an error and its message, if it has one.

    >>> describe_error(KeyError("user"))
    "KeyError: 'user'"
    >>> describe_error(TimeoutError())
    'TimeoutError'
    """
    text = error_message(error)
    return f"{type_name(error)}: {text}" if text else type_name(error)


def with_context(message: str, ref: object = None, distribution: str | None = None, hint: str = "") -> str:
    """Return a message with the plugin and distribution that it concerns in front, and a hint behind.

    >>> with_context("it failed", "compute:duckdb", "acme 1.0 in /site", "Reinstall it")
    'compute:duckdb (from acme 1.0 in /site): it failed. Reinstall it'
    """
    subject = str(ref) if ref else ""
    if distribution:
        distribution = escape(distribution)  # a path of several lines would begin a line of its own
        subject = f"{subject} (from {distribution})" if subject else f"from {distribution}"
    text = f"{subject}: {message}" if subject else message
    return f"{text}. {hint}" if hint else text
