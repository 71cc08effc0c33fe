"""A wheel is unpacked within bounds and inside of a directory, or refused with a reason."""

from __future__ import annotations

import stat
import zipfile
from pathlib import Path

import pytest

from floe_plugins.authoring.wheel import WheelError, unpack


def wheel(place: Path, *members: tuple[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    """Write a wheel of these members."""
    path = place / "acme-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return path


def test_sources_and_metadata_are_laid_out_as_installed(tmp_path: Path) -> None:
    site = tmp_path / "site"
    unpack(
        wheel(
            tmp_path,
            ("acme.py", b"a = 1"),
            ("acme-1.0.data/purelib/more.py", b""),
            ("big.bin", b"1"),
            ("RECORD", b"x.pth,,"),
        ),
        site,
    )
    assert sorted(each.name for each in site.iterdir()) == ["acme.py", "more.py"]
    assert (site / "acme.py").read_bytes() == b"a = 1"


@pytest.mark.parametrize("name", ["../evil.py", "/evil.py", "a/../../evil.py", "C:evil.py", "a//evil.py", "a\nb.py"])
def test_an_entry_that_would_lie_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    path = wheel(tmp_path, (name, b"evil"))
    with pytest.raises(WheelError, match="would be unpacked elsewhere"):
        unpack(path, tmp_path / "deep" / "site")
    assert [*tmp_path.rglob("*.py")] == []


def test_a_symbolic_link_is_refused(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("acme.py")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with pytest.raises(WheelError, match=r"'acme\.py' is a symbolic link"):
        unpack(wheel(tmp_path, (link, b"/etc/passwd")), tmp_path / "site")


def test_a_source_that_unpacks_to_very_much_is_refused(tmp_path: Path) -> None:
    path = wheel(tmp_path, ("acme.py", b" " * (4 << 20)))
    with pytest.raises(WheelError, match=r"'acme\.py' is larger than 1048576 bytes"):
        unpack(path, tmp_path / "site")


def test_other_methods_of_compression_are_refused_as_their_size_has_no_bound(tmp_path: Path) -> None:
    with pytest.raises(WheelError, match="another method than deflate"):
        unpack(wheel(tmp_path, ("acme.py", b"a"), method=zipfile.ZIP_BZIP2), tmp_path / "site")


def test_two_entries_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="Duplicate"):
        path = wheel(tmp_path, ("acme.py", b"a"), ("acme.py", b"b"))
    with pytest.raises(WheelError, match=r"two of its entries are 'acme\.py'"):
        unpack(path, tmp_path / "site")


def test_what_is_no_zip_file_or_is_cut_off_is_refused(tmp_path: Path) -> None:
    path = wheel(tmp_path, ("acme.py", b"a"))
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(WheelError, match="cannot be read as a zip file"):
        unpack(path, tmp_path / "site")


def test_a_name_that_is_not_that_of_a_wheel_is_refused(tmp_path: Path) -> None:
    path = wheel(tmp_path).rename(tmp_path / "acme.whl")
    with pytest.raises(WheelError, match="NAME-VERSION-PYTHON-ABI-PLATFORM"):
        unpack(path, tmp_path / "site")
