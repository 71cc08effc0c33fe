"""Single metadata files of installed distributions."""

from __future__ import annotations

import importlib.metadata
import os
import time
from pathlib import Path

import pytest

from floe_plugins import Distribution
from floe_plugins.discovery.metadata_files import (
    MAX_SIZE,
    distribution_at,
    normalize,
    read_file,
    read_header,
    read_requirements,
    without_suffix,
)

METADATA = """\
Metadata-Version: 2.1
Name: acme
Version: 7.1
requires-dist: first>=1
Requires-Dist: second>=2;
        python_version > "3"

Requires-Dist: only-in-the-description
"""


def write(directory: Path, name: str = "METADATA", text: str = METADATA) -> str:
    directory.mkdir(parents=True, exist_ok=True)
    (directory / name).write_text(text, encoding="utf-8")
    return str(directory)


@pytest.mark.parametrize("name", ["acme", "Acme.Floe", "acme--floe", "ACME_floe", "a.-_b"])
def test_names_are_normalized_as_importlib_metadata_does(name: str) -> None:
    prepared = importlib.metadata.Prepared  # type: ignore[attr-defined]
    assert normalize(name) == prepared.normalize(name)


@pytest.mark.parametrize(
    ("child", "name"), [("acme-1.0.dist-info", "acme-1.0"), ("acme.egg-info", "acme"), ("acme", ""), ("dist-info", "")]
)
def test_a_metadata_directory_is_named_by_all_before_its_suffix(child: str, name: str) -> None:
    assert without_suffix(child) == name


@pytest.mark.parametrize("size", [0, 10, 1 << 14, (1 << 14) + 1, 1 << 16])
def test_a_file_up_to_the_limit_is_read_whole(tmp_path: Path, size: int) -> None:
    (tmp_path / "file").write_bytes(b"x" * size)
    assert read_file(str(tmp_path / "file"), 1 << 16) == b"x" * size


def test_of_a_file_beyond_the_limit_more_than_the_limit_is_read_but_not_all(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * (1 << 18))
    assert 1 << 16 < len(read_file(str(tmp_path / "file"), 1 << 16)) < 1 << 17


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no FIFOs")
def test_a_fifo_does_not_block_and_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "file")
    with pytest.raises(OSError, match="it is a FIFO"):
        read_file(str(tmp_path / "file"))


@pytest.mark.parametrize(
    ("directory", "name", "version"),
    [
        ("acme_floe-1.0.dist-info", "acme-floe", "1.0"),
        ("acme-1.0-py3.12.egg-info", "acme", "1.0"),
        ("acme-1.0_1.dist-info", "acme", "7.1"),
        ("acme.egg-info", "acme", "7.1"),
    ],
)
def test_name_and_version_come_from_the_path_if_it_has_them(
    tmp_path: Path, directory: str, name: str, version: str
) -> None:
    path = write(tmp_path / directory)
    assert distribution_at(path) == Distribution(name, version, path)


def test_without_a_version_in_path_or_file_the_version_is_empty(tmp_path: Path) -> None:
    assert distribution_at(str(tmp_path / "acme.dist-info")).version == ""


def test_a_header_may_stand_several_times_in_any_case_and_on_several_lines(tmp_path: Path) -> None:
    path = write(tmp_path)
    assert list(read_header(path, "Requires-Dist")) == ["first>=1", 'second>=2; python_version > "3"']
    assert list(read_header(path, "Author")) == []


@pytest.mark.parametrize("name", ["PKG-INFO", "METADATA"])
def test_headers_are_read_from_the_file_that_exists(tmp_path: Path, name: str) -> None:
    assert list(read_header(write(tmp_path, name), "version")) == ["7.1"]


def test_headers_of_a_single_file_are_read_from_it(tmp_path: Path) -> None:
    write(tmp_path, "acme.egg-info")
    assert list(read_header(str(tmp_path / "acme.egg-info"), "Version")) == ["7.1"]


def test_a_missing_file_has_no_headers(tmp_path: Path) -> None:
    assert list(read_header(str(tmp_path / "missing"), "Name")) == []


def test_requirements_are_those_of_metadata(tmp_path: Path) -> None:
    path = write(tmp_path / "acme-1.0.dist-info")
    assert read_requirements(Distribution("acme", "1.0", path)) == ("first>=1", 'second>=2; python_version > "3"')


def test_requirements_of_an_egg_are_read_as_importlib_metadata_reads_them(tmp_path: Path) -> None:
    path = write(tmp_path / "acme-1.0.egg-info", "PKG-INFO", "Name: acme\nVersion: 1.0\n")
    write(tmp_path / "acme-1.0.egg-info", "requires.txt", "third>=3\n")
    assert read_requirements(Distribution("acme", "1.0", path)) == ("third>=3",)


def test_what_is_not_installed_has_no_requirements(tmp_path: Path) -> None:
    gone = str(tmp_path / "gone-1.0.dist-info")
    assert read_requirements(Distribution("no-such-distribution", "1.0", gone)) == ()


def test_files_are_closed_whether_they_can_be_read_or_not(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    before = len([*Path("/dev/fd").iterdir()])
    for _ in range(10):
        read_file(str(tmp_path / "file"))
        with pytest.raises(IsADirectoryError):
            read_file(str(tmp_path))
    assert len([*Path("/dev/fd").iterdir()]) == before


def test_a_value_of_very_many_lines_is_read_at_once(tmp_path: Path) -> None:
    (tmp_path / "METADATA").write_text("Name: acme\nRequires-Dist: x" + "\n y" * 250_000 + "\n", encoding="utf-8")
    begun = time.process_time()
    [value] = read_header(str(tmp_path), "Requires-Dist")
    assert time.process_time() - begun < 60
    assert value.startswith("x y y")


def with_requirement_behind(directory: Path, filler: str) -> str:
    text = f"Name: acme\n{filler * (MAX_SIZE // len(filler) + 1)}Requires-Dist: floe-plugins>=99\n"
    return write(directory / "acme-1.0.dist-info", text=text)


def test_headers_beyond_the_limit_are_an_error(tmp_path: Path) -> None:
    directory = with_requirement_behind(tmp_path, "X-Filler: x\n")
    with pytest.raises(OSError, match="longer than 1048576 bytes"):
        [*read_header(directory, "Requires-Dist")]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be", "latin-1"])
def test_headers_that_are_not_utf_8_are_an_error(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "METADATA").write_text(f"Author: Ren\xe9\n{METADATA}", encoding=encoding)
    with pytest.raises(OSError, match="not UTF-8 text"):
        [*read_header(str(tmp_path), "Requires-Dist")]


def test_a_byte_order_mark_belongs_to_no_header(tmp_path: Path) -> None:
    (tmp_path / "METADATA").write_text("Requires-Dist: first\nName: acme\n", encoding="utf-8-sig")
    assert [*read_header(str(tmp_path), "Requires-Dist")] == ["first"]


def test_a_description_may_have_any_encoding(tmp_path: Path) -> None:
    (tmp_path / "METADATA").write_bytes(b"Requires-Dist: first\r\n\r\nby Ren\xe9\0\r\n")
    assert [*read_header(str(tmp_path), "Requires-Dist")] == ["first"]


def test_a_description_may_be_longer_than_the_limit(tmp_path: Path) -> None:
    directory = with_requirement_behind(tmp_path, "\nx\n")
    assert [*read_header(directory, "Requires-Dist")] == []
    assert [*read_header(directory, "Name")] == ["acme"]
