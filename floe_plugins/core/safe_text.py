"""What foreign objects say of themselves, as text, whatever they do when they are asked."""

from __future__ import annotations


def safe_str(value: object) -> str:
    """``value`` as text, whatever it does when it is asked for one: it may be a plugin's own."""
    try:
        return str(value)
    except Exception:  # noqa: BLE001 what it raises says nothing about what it is
        return f"<{type(value).__name__} that cannot be shown>"


def error_message(error: BaseException) -> str:
    """What an error says; nothing if it cannot speak, since a plugin's own class may be broken, too."""
    try:
        return str(error)
    except Exception:  # noqa: BLE001 what it raises in turn says nothing about what went wrong
        return ""


def describe_error(error: BaseException) -> str:
    """An error in a few words: its type, and what it says if it says anything."""
    text = error_message(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
