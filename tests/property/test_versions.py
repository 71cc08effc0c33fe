from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from floe_plugins.inspection.compatibility import api_incompatibility, api_mismatch

numbers = st.integers(min_value=0, max_value=30)
suffixes = st.sampled_from(["", ".0", ".7", "rc1", ".dev2", ".post1", "a3", "+local"])


@given(st.tuples(numbers, numbers, suffixes), st.tuples(numbers, numbers, suffixes))
def test_major_and_minor_alone_decide(plugin, platform):
    answer = api_mismatch("{}.{}{}".format(*plugin), "{}.{}{}".format(*platform)) is None
    same = plugin[1] == platform[1] if plugin[0] == 0 else plugin[1] <= platform[1]
    assert answer == (plugin[0] == platform[0] and same)


@given(numbers, numbers)
def test_every_platform_takes_plugins_of_its_own_version(major, minor):
    assert api_mismatch(f"{major}.{minor}", f"{major}.{minor}") is None


@given(numbers, numbers, numbers, numbers, numbers)
def test_what_runs_on_a_platform_runs_on_every_later_minor(major, plugin, first, step, patch):
    if major and api_mismatch(f"{major}.{plugin}", f"{major}.{first}") is None:
        assert api_mismatch(f"{major}.{plugin}", f"{major}.{first + step}.{patch}") is None


@given(st.text(max_size=20) | st.none() | st.floats() | st.integers() | st.binary())
def test_anything_has_an_answer_and_only_versions_run(value):
    reason = api_mismatch(value, "1.0")
    error = api_incompatibility(None, None, value, "1.0")
    assert (reason is None) == (error is None)
    if reason is None:
        assert isinstance(value, str)
        assert Version(value).major == 1
