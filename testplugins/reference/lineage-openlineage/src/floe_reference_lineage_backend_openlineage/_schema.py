"""Validation of run events."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError
    from jsonschema.protocols import Validator

_TEXT = {"type": "string"}
_URI = {"type": "string", "format": "uri"}


def _object(required: tuple[str, ...] = (), **properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": list(required), "properties": properties}


def _facets(**properties: Any) -> dict[str, Any]:
    facet = _object(("_producer", "_schemaURL"), _producer=_URI, _schemaURL=_URI, **properties)
    return {"type": "object", "additionalProperties": facet}


def _datasets(**own: Any) -> dict[str, Any]:
    facets = _facets(_deleted={"type": "boolean"})
    return {"type": "array", "items": _object(("namespace", "name"), namespace=_TEXT, name=_TEXT, facets=facets, **own)}


# What OpenLineage 2-0-2 asks of a RunEvent. The Python client brings no schema with it, and
# nothing is fetched from elsewhere while a platform runs.
RUN_EVENT = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    **_object(
        ("eventTime", "producer", "schemaURL", "run", "job"),
        eventType={"type": "string", "enum": ["START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER"]},
        eventTime={"type": "string", "format": "date-time"},
        producer=_URI,
        schemaURL=_URI,
        run=_object(("runId",), runId={"type": "string", "format": "uuid"}, facets=_facets()),
        job=_object(("namespace", "name"), namespace=_TEXT, name=_TEXT, facets=_facets(_deleted={"type": "boolean"})),
        inputs=_datasets(inputFacets=_facets()),
        outputs=_datasets(outputFacets=_facets()),
    ),
}


class EventSchema:
    """Validates run events. Thread-safe.

    Args:
        file: another JSON Schema to check them against.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is no JSON Schema.
    """

    def __init__(self, file: Path | None) -> None:
        from jsonschema import FormatChecker
        from jsonschema.exceptions import SchemaError
        from jsonschema.validators import validator_for

        schema = RUN_EVENT if file is None else json.loads(file.read_bytes())
        kind = validator_for(schema)
        try:
            kind.check_schema(schema)
        except SchemaError as error:
            raise ValueError(f"{file} is no JSON Schema: {error.message}") from error
        self._validator: Validator = kind(schema, format_checker=FormatChecker())

    def text(self, event: Mapping[str, Any]) -> str:
        """The event as one line of JSON.

        Raises:
            ValueError: it does not fit; every place that does not is named, no value is.
        """
        try:
            text = json.dumps(event, allow_nan=False, sort_keys=True)
        except (TypeError, ValueError, RecursionError) as error:
            # The error may hold what is in the event.
            reason = type(error).__name__
        else:
            reason = "; ".join(
                sorted({_told(error) for error in _leaves(self._validator.iter_errors(json.loads(text)))})
            )
            if not reason:
                return text
        raise ValueError(f"this is no OpenLineage run event: {reason}")


def _leaves(errors: Iterator[ValidationError]) -> Iterator[ValidationError]:
    """The useful errors: for "none of these fits", those of the best match."""
    from jsonschema.exceptions import best_match

    for error in errors:
        best = best_match([error])
        yield error if best is None else best


def _told(error: ValidationError) -> str:
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error.absolute_path)
    place = place.lstrip(".") or "the event"
    expected: Any = error.validator_value
    if error.validator == "required" and isinstance(error.instance, dict):
        missing = [name for name in expected if name not in error.instance]
        return f"{place} lacks {', '.join(missing)}"
    return f"{place}: expected {error.validator} {expected!r}"
