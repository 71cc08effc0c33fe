"""Find where the code of a schema raised, without running code of the exception itself."""

from __future__ import annotations

from types import TracebackType
from typing import Any

Frame = tuple[str, int, str]

_TRACEBACK: Any = BaseException.__dict__["__traceback__"]


def raised_at(exception: BaseException) -> tuple[Frame, ...]:
    """Return file, line and function of each frame in which an exception was raised, the innermost last.

    >>> try:
    ...     [].pop()
    ... except IndexError as error:
    ...     [function for _, _, function in raised_at(error)]
    ['<module>']
    """
    frames: list[Frame] = []
    traceback: TracebackType | None = _TRACEBACK.__get__(exception)
    while traceback is not None:
        code = traceback.tb_frame.f_code
        frames.append((str.__str__(code.co_filename), traceback.tb_lineno or 0, str.__str__(code.co_name)))
        traceback = traceback.tb_next
    return tuple(frames)


def raised_in_values(errors: list[Any]) -> tuple[Frame, ...]:
    """Return where the first of pydantic's errors was raised that is a ``ValueError`` of a validator."""
    raised = (error.get("ctx", {}).get("error") for error in errors)
    return next((raised_at(each) for each in raised if issubclass(type(each), BaseException)), ())
