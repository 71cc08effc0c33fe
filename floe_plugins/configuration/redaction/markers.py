"""Markers with which a schema's author says that a field is secret, or is not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_KEY = "floe_plugins_secret"
# The same in a JSON Schema.
JSON_KEY = "x-floe-secret"


class _Marker:
    """A marker in ``Annotated``. It changes nothing in how the value is validated."""

    _is_secret = True

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Callable[[Any], Any]) -> Any:
        schema = handler(source)
        # A copy, since the schema of a type may be shared by all fields that have it.
        return {**schema, "metadata": {**(schema.get("metadata") or {}), _KEY: cls._is_secret}}

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: Any, handler: Callable[[Any], Any]) -> Any:
        return {**handler(core_schema), JSON_KEY: cls._is_secret}


class IsSecret(_Marker):
    """Marks a field as secret: ``Annotated[str, IsSecret]``. All values below it are secret too.

    They are masked in messages, logs, reports and on pages, wherever a plugin's text contains them. For a field whose
    type is ``SecretStr``, or whose name says it (``password``, ``api_key``), no mark is needed. Validation does not
    change, and neither does the value.

    >>> from typing import Annotated
    >>> from pydantic import BaseModel
    >>> class Settings(BaseModel):
    ...     licence: Annotated[str, IsSecret]
    >>> Settings(licence="F-1234").licence
    'F-1234'
    """


class NotSecret(_Marker):
    """Marks a field as not secret, whatever its name says: ``Annotated[str, NotSecret]``.

    Its type, such as ``SecretStr``, and what is recognized in its text, such as a password in a URL, still count.

    >>> from typing import Annotated
    >>> from pydantic import BaseModel
    >>> class Settings(BaseModel):
    ...     token_url: Annotated[str, NotSecret] = "https://login.example.org/token"
    >>> Settings().token_url
    'https://login.example.org/token'
    """

    _is_secret = False


def marked(node: Any) -> bool | None:
    """Return what a node of a core schema is marked as; None if it is not marked."""
    metadata = node.get("metadata")
    return metadata.get(_KEY) if metadata else None
