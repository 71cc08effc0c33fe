from collections.abc import Mapping, Sequence
from typing import Annotated, Any, NewType, Optional, TypeVar, Union

import pytest
from pydantic import BaseModel, SecretStr

from floe_plugins.configuration.redaction.secret_fields import shape_of
from floe_plugins.configuration.schema.introspection import has_only_known_keys, unknown_keys

Bounded = TypeVar("Bounded", bound="Leaf")


class Leaf(BaseModel):
    a: int = 1
    hidden: SecretStr = SecretStr("")


Named = NewType("Named", Leaf)


class Tree(BaseModel):
    one: Leaf = Leaf()
    maybe: Optional[Leaf] = None  # noqa: UP045 as authors write it
    either: Union[int, Leaf] = 0  # noqa: UP007 as authors write it
    noted: Annotated[Leaf, "note"] = Leaf()
    named: Named = Named(Leaf())
    many: Sequence[Leaf] = ()
    table: Mapping[str, list[Leaf]] = {}
    free: dict[str, Any] = {}
    anything: Any = None
    mixed: Leaf | dict[str, int] = {}


@pytest.mark.parametrize(
    ("data", "paths"),
    [
        ({"one": {"b": 1}}, [("one", "b")]),
        ({"maybe": {"b": 1}}, [("maybe", "b")]),
        ({"maybe": None}, []),
        ({"either": {"b": 1}}, [("either", "b")]),
        ({"either": 3}, []),
        ({"noted": {"b": 1}}, [("noted", "b")]),
        ({"named": {"b": 1}}, [("named", "b")]),
        ({"many": [{"a": 1}, {"b": 1}]}, [("many", 1, "b")]),
        ({"table": {"x": [{"b": 1}]}}, [("table", "x", 0, "b")]),
        ({"free": {"x": {"y": 1}}, "anything": {"z": 1}}, []),
        ({"mixed": {"b": 1}}, []),
        ({"one": "no table"}, []),
        ({"two": 1, "one": {"a": 1, "b": 2}}, [("two",), ("one", "b")]),
    ],
)
def test_unknown_keys_are_found_wherever_tables_may_stand(data, paths):
    assert [path for path, _ in unknown_keys(Tree, data)] == paths
    assert not (has_only_known_keys(Tree, data) and paths)


def test_what_is_plain_at_a_glance_is_seen():
    assert has_only_known_keys(Tree, {"one": {"a": 1}, "maybe": None, "free": {"x": 1}})


@pytest.mark.parametrize(
    ("path", "secret"),
    [
        (("one", "hidden"), True),
        (("maybe", "hidden"), True),
        (("either", "hidden"), True),
        (("many", 3, "hidden"), True),
        (("table", "x", 0, "hidden"), True),
        (("mixed", "hidden"), True),
        (("one", "a"), False),
        (("free", "a"), False),
        (("free", "password"), True),
        (("anything", "deep", "token", "x"), True),
        ((), False),
    ],
)
def test_a_secret_is_known_by_type_or_name_wherever_it_stands(path, secret):
    assert bool(shape_of(Tree).reason_at(path)) is secret
