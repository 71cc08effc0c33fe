from __future__ import annotations

import json
from typing import Any

import pytest

from floe_plugins.server import messages


def headers_of(response: messages.Response) -> dict[bytes, bytes]:
    headers: list[tuple[bytes, bytes]] = response.start["headers"]
    assert len(headers) == len(dict(headers))
    return dict(headers)


@pytest.mark.parametrize(
    "response",
    [messages.Response(200, b"ok"), messages.error_response(404, "no"), messages.Response(304, b"", b"text/css", ())],
)
def test_every_response_keeps_browsers_from_running_or_framing_it(response: messages.Response) -> None:
    headers = headers_of(response)
    policy = headers[b"content-security-policy"].decode()
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers[b"x-content-type-options"] == b"nosniff"
    assert headers[b"x-frame-options"] == b"DENY"
    assert headers[b"referrer-policy"] == b"no-referrer"
    assert headers[b"cross-origin-resource-policy"] == b"same-origin"
    assert not any(name.startswith(b"access-control") for name in headers)


def test_what_changes_is_not_stored() -> None:
    assert headers_of(messages.json_response({}))[b"cache-control"] == b"no-store"


def test_a_response_says_how_long_it_is_and_one_without_a_body_does_not() -> None:
    assert headers_of(messages.Response(200, b"four"))[b"content-length"] == b"4"
    assert b"content-length" not in headers_of(messages.Response(messages.NOT_MODIFIED, b""))


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(10**5_000, id="huge"),
        float("nan"),
        float("inf"),
        "\ud800\x1b\n\u2028</script>",
        object(),
        {1: b"x"},
    ],
)
def test_any_value_becomes_one_line_of_ascii_that_every_parser_reads(value: Any) -> None:
    data = messages.to_json({"value": value})
    assert data.isascii()
    assert b"\n" not in data
    assert b"\x1b" not in data
    json.loads(data, parse_constant=pytest.fail)


def test_an_error_has_a_message_and_its_facts() -> None:
    response = messages.error_response(409, "it is busy", ((b"allow", b"GET"),), outcome={"state": "failed"})
    assert json.loads(response.body) == {"error": {"message": "it is busy"}, "outcome": {"state": "failed"}}
    assert headers_of(response)[b"allow"] == b"GET"


@pytest.mark.parametrize(
    ("path", "root", "below"),
    [
        ("/livez", "", "/livez"),
        ("/plugins/livez", "/plugins", "/livez"),
        ("/plugins", "/plugins", ""),
        ("/pluginslivez", "/plugins", "/pluginslivez"),
        ("/livez", "/plugins", "/livez"),  # as applications give it that strip the path themselves
    ],
)
def test_the_path_is_the_one_below_the_place_of_the_application(path: str, root: str, below: str) -> None:
    assert messages.path_of({"path": path, "root_path": root}) == below


@pytest.mark.parametrize(
    ("query", "found"),
    [(b"verbose", True), (b"a=b&verbose=1", True), (b"", False), (b"verboser", False), (b"a=verbose", False)],
)
def test_a_parameter_counts_with_and_without_a_value(query: bytes, found: bool) -> None:  # noqa: FBT001
    assert messages.has_parameter({"query_string": query}, b"verbose") is found
