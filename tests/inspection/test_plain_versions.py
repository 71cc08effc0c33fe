"""Plain versions: whatever is said without ``packaging`` is what ``packaging`` says."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from floe_plugins.inspection.plain_versions import meets, release

NUMBERS = st.lists(st.integers(0, 3), min_size=1, max_size=4).map(lambda parts: ".".join(map(str, parts)))
VERSIONS = NUMBERS | st.builds("{}{}".format, NUMBERS, st.sampled_from(["rc1", ".dev0", ".post1", "+local", ".*", " "]))
CLAUSES = st.builds("{}{}".format, st.sampled_from([">=", "<=", "==", "!=", ">", "<", "~=", "===", ""]), VERSIONS)
SPECIFIERS = st.lists(CLAUSES, max_size=3).map(",".join)


@given(NUMBERS, SPECIFIERS)
def test_what_is_known_is_what_packaging_says(version: str, specifier: str) -> None:
    answer = meets(version, specifier)
    if answer is not None:
        assert SpecifierSet(specifier).contains(Version(version), prereleases=True) is answer


@given(st.text("0123456789.rcv+ ²\u0663", max_size=8) | VERSIONS)
def test_a_release_has_the_numbers_of_the_version(text: str) -> None:
    numbers = release(text)
    if numbers is not None:
        assert Version(".".join(map(str, numbers or (0,)))) == Version(text)


def test_the_usual_specifiers_need_no_packaging() -> None:
    for specifier in (">=0.1", ">=1,<2", "", " >= 1.0 , != 1.1"):
        assert meets("1.2", specifier)
    assert meets("1.2", ">=2") is False
    assert meets("1.0", "==1")
    assert meets("1", ">=1.0.0")


def test_nothing_is_known_of_what_is_wrong() -> None:
    for version, specifier in (("1.2", ">="), ("1.2", ">=1,,<2"), ("banana", ">=1"), ("1.2", "; marker"), ("1", "1")):
        assert meets(version, specifier) is None
