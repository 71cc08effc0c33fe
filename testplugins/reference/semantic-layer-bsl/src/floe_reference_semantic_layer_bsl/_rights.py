"""Which rows of a model somebody may see."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, Field

from floe_plugins.hookspecs.identity import Principal

EVERY = "*"


class RowRule(BaseModel):
    """A rule for the rows of one model: those whose dimension has a value that a claim of the principal names."""

    dimension: Annotated[str, Field(pattern=r"^[^.]+\.[^.]+$")] = Field(
        description="Dimension of the model, or of one that it joins, such as customers.region"
    )
    claim: str = Field(min_length=1, description="Claim with a value or several; * stands for every value")


def values_of(rule: RowRule, principal: Principal | None) -> tuple[Any, ...] | None:
    """The values of the dimension that the principal may see; None for all.

    Raises:
        PermissionError: nobody is named, or no value.
    """
    if principal is None:
        raise PermissionError(f"rows are seen by {rule.dimension}, and nobody is named who asks for them")
    found: object = principal.claims
    for part in rule.claim.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    values = tuple(found) if isinstance(found, (list, tuple, set, frozenset)) else (found,)
    values = tuple(value for value in values if value is not None)
    if not values:
        raise PermissionError(f"{principal.subject!r} may see no rows: the token has no claim {rule.claim!r}")
    return None if EVERY in values else values
