"""A configuration on standard input."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from floe_plugins import PluginConfigurationError
from floe_plugins.configuration.loader import load
from floe_plugins.configuration.standard_input import format_of, handed_over, read_descriptor, taken_over


@contextmanager
def containing(data: bytes) -> Iterator[int]:
    descriptor = os.memfd_create("test") if hasattr(os, "memfd_create") else pytest.skip("no memfd here")
    try:
        os.write(descriptor, data)
        os.lseek(descriptor, 0, os.SEEK_SET)
        yield descriptor
    finally:
        os.close(descriptor)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"registry": {}}', "json"),
        (' \n{\n "a": 1}', "json"),
        ("{}", "json"),
        ("{registry: {}}", "yaml"),
        ("registry: {}\n", "yaml"),
        ("# a = 1\nregistry:\n  a: 1\n", "yaml"),
        ("---\nregistry: {}\n", "yaml"),
        ("[registry]\n", "toml"),
        ("# said: so\n\n[registry]\n", "toml"),
        ("registry.workers = 3\n", "toml"),
        ('"registry".workers=3\n', "toml"),
        ("registry: {disable: [a=b]}\n", "yaml"),
        ("", "yaml"),
    ],
)
def test_its_first_characters_tell_the_format(text: str, expected: str) -> None:
    assert format_of(text) == expected


@pytest.mark.parametrize(
    "data", [b"\xef\xbb\xbfregistry: {workers: 3}", b'{"registry": {"workers": 3}}', b"registry.workers = 3"]
)
def test_it_is_loaded_as_a_file_is(data: bytes) -> None:
    with containing(data) as descriptor:
        configuration = load(read_descriptor(descriptor), environ={})
    assert configuration.workers == 3
    assert configuration.file == "standard input"


def test_a_format_that_is_given_wins_over_the_content() -> None:
    with containing(b"{}") as descriptor:
        assert read_descriptor(descriptor, "yaml").suffix == ".yaml"


@pytest.mark.parametrize(
    ("data", "message"),
    [(b"#" * (1024 * 1024 + 1), "larger than 1 MiB"), (b"a\xff", "byte 1 is not UTF-8")],
)
def test_what_is_too_large_or_no_text_is_refused(data: bytes, message: str) -> None:
    with containing(data) as descriptor, pytest.raises(PluginConfigurationError, match=message):
        read_descriptor(descriptor)


def test_a_closed_descriptor_is_told() -> None:
    with containing(b"") as descriptor:
        pass
    with pytest.raises(PluginConfigurationError, match="standard input cannot be read"):
        read_descriptor(descriptor)


def test_what_was_handed_over_can_be_taken_again_and_is_not_passed_on() -> None:
    with containing("registry: {workers: 3} # \u00e9\n".encode()) as descriptor:
        source = read_descriptor(descriptor)
    ours = handed_over(source)
    try:
        assert os.get_inheritable(ours)
        assert taken_over(ours, source.suffix) == taken_over(ours, source.suffix) == source
        assert not os.get_inheritable(ours)
    finally:
        os.close(ours)
