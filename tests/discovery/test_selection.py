"""Selecting among candidates: policy, pins and duplicates."""

from __future__ import annotations

from pathlib import Path

import pytest

from floe_plugins import Candidate, Distribution, DuplicatePluginError, PluginRef
from floe_plugins.discovery.load_policy import LoadPolicy
from floe_plugins.discovery.selection import select

DUCKDB = PluginRef.parse("compute:duckdb")


def candidate(ref: str, distribution: str, version: str = "1.0", value: str = "m:C") -> Candidate:
    return Candidate(
        PluginRef.parse(ref), value, Distribution(distribution, version, f"/site/{distribution}.dist-info")
    )


ONE = candidate("compute:duckdb", "acme-floe")
OTHER = candidate("compute:duckdb", "Other_Floe", "2.0")
SPARK = candidate("compute:spark", "acme-floe")
ENV = candidate("secrets:env", "floe-reference-secrets-env")
ALL = (ONE, SPARK, ENV)


def policy(**environ: str) -> LoadPolicy:
    return LoadPolicy.from_environ({f"FLOE_PLUGINS_{name.upper()}": value for name, value in environ.items()})


def chosen(candidates: tuple[Candidate, ...], **environ: str) -> set[str]:
    return {str(ref) for ref in select(candidates, policy(**environ), {}).chosen}


def test_without_switches_everything_may_be_loaded() -> None:
    found = select(ALL, LoadPolicy(), {})
    assert found.chosen == {each.ref: each for each in ALL}
    assert (found.disabled, found.duplicates, found.problems) == ({}, {}, ())


@pytest.mark.parametrize("text", ["0", "false", "No", " OFF ", "none"])
def test_autoload_switched_off_leaves_nothing(text: str) -> None:
    assert chosen(ALL, autoload=text) == set()


@pytest.mark.parametrize(
    ("rules", "left"),
    [
        ("compute:duckdb", {"compute:spark", "secrets:env"}),
        ("compute", {"secrets:env"}),
        ("floe.computes", {"secrets:env"}),
        ("distribution:ACME.floe", {"secrets:env"}),
        ("distribution:acme", {"compute:duckdb", "compute:spark", "secrets:env"}),
        (" compute:spark , secrets ", {"compute:duckdb"}),
    ],
)
def test_refs_categories_and_distributions_can_be_disabled(rules: str, left: set[str]) -> None:
    assert chosen(ALL, disable=rules) == left


def test_the_allow_list_leaves_only_its_distributions() -> None:
    assert chosen(ALL, only="Acme_Floe, nobody") == {"compute:duckdb", "compute:spark"}


def test_a_disabled_ref_says_which_rule_disables_it_and_where_that_stands() -> None:
    disabled = select(ALL, policy(disable="compute:spark"), {}).disabled
    assert disabled == {SPARK.ref: (SPARK, "disabled by 'compute:spark' in FLOE_PLUGINS_DISABLE")}


def test_two_distributions_with_one_ref_are_both_named_and_neither_wins() -> None:
    found = select((ONE, OTHER, ENV), LoadPolicy(), {})
    assert found.chosen == {ENV.ref: ENV}
    assert found.duplicates == {DUCKDB: (ONE, OTHER)}
    [problem] = found.problems
    for fact in ("acme-floe 1.0 in /site/acme-floe.dist-info", "Other_Floe 2.0 in /site/Other_Floe.dist-info"):
        assert fact in problem.message
    assert problem.ref == DUCKDB
    assert "plugins.compute.duckdb.distribution" in problem.hint


@pytest.mark.parametrize(("pin", "winner"), [("other-floe", OTHER), ("ACME_FLOE", ONE)])
def test_a_pin_decides_between_distributions(pin: str, winner: Candidate) -> None:
    found = select((ONE, OTHER), LoadPolicy(), {DUCKDB: pin})
    assert found.chosen == {DUCKDB: winner}
    assert (found.duplicates, found.disabled, found.problems) == ({}, {}, ())


def test_disabling_one_distribution_decides_too() -> None:
    found = select((ONE, OTHER), policy(disable="distribution:acme-floe"), {})
    assert (found.chosen, found.disabled) == ({DUCKDB: OTHER}, {})


def test_a_pin_to_a_distribution_that_does_not_offer_the_ref_lets_no_other_in() -> None:
    found = select((ONE, ENV), LoadPolicy(), {DUCKDB: "elsewhere"})
    assert DUCKDB not in found.chosen
    assert found.disabled[DUCKDB] == (ONE, "disabled: pinned to elsewhere, which does not provide it")
    [problem] = found.problems
    assert "elsewhere" in problem.message
    assert str(ONE.distribution) in problem.message


def test_a_pin_of_a_ref_that_nobody_offers_is_a_problem() -> None:
    [problem] = select((), LoadPolicy(), {DUCKDB: "acme-floe"}).problems
    assert problem.ref == DUCKDB
    assert "no installed distribution" in problem.message


def test_a_pin_to_a_disabled_distribution_leaves_it_disabled() -> None:
    found = select((ONE, OTHER), policy(disable="distribution:acme-floe"), {DUCKDB: "acme-floe"})
    assert found.disabled[DUCKDB] == (ONE, "disabled by 'distribution:acme-floe' in FLOE_PLUGINS_DISABLE")
    assert found.problems == ()


def test_the_same_line_twice_in_one_distribution_is_no_duplicate() -> None:
    assert select((ONE, ONE), LoadPolicy(), {}).chosen == {DUCKDB: ONE}


def test_one_distribution_with_two_values_for_a_ref_is_told_that_no_pin_helps() -> None:
    [problem] = select((ONE, candidate("compute:duckdb", "acme-floe", value="m:D")), LoadPolicy(), {}).problems
    assert "declares it 2 times: m:C and m:D" in problem.message
    assert "pin" not in problem.hint


def forged(directory: Path, metadata: str, name: str = "trusted") -> Candidate:
    """A candidate whose METADATA states another name than its directory."""
    info = directory / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {metadata}\nVersion: 1.0\n", encoding="utf-8")
    return Candidate(DUCKDB, "m:C", Distribution(name, "1.0", str(info)))


@pytest.mark.parametrize(("directory", "metadata"), [("trusted", "Evil"), ("evil", "Trusted")])
def test_an_allow_list_has_to_name_what_metadata_says_and_the_directory(
    tmp_path: Path, directory: str, metadata: str
) -> None:
    found = select([forged(tmp_path, metadata, directory)], policy(only="trusted"), {})
    assert found.disabled[DUCKDB][1] == "disabled: evil is not in the list of allowed distributions"
    [problem] = found.problems
    assert f"its directory is that of {directory!r}" in problem.message
    assert repr(metadata.lower()) in problem.message
    assert select([forged(tmp_path, metadata, f"x{directory}")], policy(only="xtrusted,xevil,trusted,evil"), {}).chosen


@pytest.mark.parametrize("rule", ["distribution:trusted", "distribution:evil"])
def test_a_rule_applies_to_each_of_the_names(tmp_path: Path, rule: str) -> None:
    assert select([forged(tmp_path, "evil")], policy(disable=rule), {}).disabled


def test_a_pin_is_not_met_by_a_distribution_of_two_names(tmp_path: Path) -> None:
    assert not select([forged(tmp_path, "evil")], LoadPolicy(), {DUCKDB: "trusted"}).chosen
    assert not select([forged(tmp_path, "trusted", "evil")], LoadPolicy(), {DUCKDB: "trusted"}).chosen


def test_spellings_of_one_name_are_no_difference_and_unreadable_metadata_leaves_the_directorys(tmp_path: Path) -> None:
    found = select([forged(tmp_path, "Acme.Floe", "acme_floe")], policy(only="acme-floe"), {})
    assert (set(found.chosen), found.problems) == ({DUCKDB}, ())
    broken = forged(tmp_path, "x", "broken")
    metadata = Path(broken.distribution.path, "METADATA")
    metadata.unlink()
    metadata.symlink_to("METADATA")
    assert select([broken], policy(only="broken"), {}).chosen


def test_metadata_is_not_read_where_no_name_counts(tmp_path: Path) -> None:
    assert select([forged(tmp_path, "evil")], policy(disable="compute:spark"), {}).problems == ()


def test_the_names_of_a_forged_distribution_are_told_sorted_with_where_it_is(tmp_path: Path) -> None:
    info = Path(forged(tmp_path, "Zeta", "Acme_Floe").distribution.path)
    metadata = info / "METADATA"
    metadata.write_text("Name: Zeta\nName: acme-floe\n" + "".join(f"Name: N{each}\n" for each in "hgfedcba"))
    distribution = Distribution("Acme_Floe", "1.0", str(info))
    [problem] = select([Candidate(DUCKDB, "m:C", distribution)], policy(only="acme-floe"), {}).problems
    others = " and ".join(repr(name) for name in ["na", "nb", "nc", "nd", "ne", "nf", "ng", "nh", "zeta"])
    assert problem.message == f"its directory is that of 'Acme_Floe', and its METADATA names {others}"
    assert problem.distribution == str(distribution)


def test_a_duplicate_names_the_claimants_in_their_order_and_pins_the_first() -> None:
    [problem] = select((OTHER, ONE, SPARK), LoadPolicy(), {}).problems
    assert problem.hint == "Uninstall all but one, or pin one: plugins.compute.duckdb.distribution = 'Other_Floe'"
    assert problem.distribution == "Other_Floe, acme-floe"
    assert isinstance(problem.cause, DuplicatePluginError)
    assert list(problem.cause.claimants) == [str(OTHER.distribution), str(ONE.distribution)]


def test_two_spellings_of_one_distribution_are_one_that_declares_a_ref_twice() -> None:
    [problem] = select((candidate("compute:duckdb", "Acme.Floe", value="m:D"), ONE), LoadPolicy(), {}).problems
    assert problem.message == "Acme.Floe declares it 2 times: m:D and m:C"


def test_a_selection_cannot_be_changed() -> None:
    found = select((ONE, OTHER, SPARK, ENV), policy(disable="secrets"), {})
    for mapping in (found.chosen, found.disabled, found.duplicates):
        with pytest.raises(TypeError):
            mapping[DUCKDB] = None  # type: ignore[index]


def test_names_count_in_their_normal_form_also_where_metadata_is_not_read() -> None:
    made = candidate("compute:duckdb", "Acme.Floe")
    assert select([made], LoadPolicy.create(only=["acme_floe"]), {}).chosen
    assert LoadPolicy.create(only=["acme-floe"]).disabled_reason(made) is None
    reason = LoadPolicy.create(only=["other"]).disabled_reason(made)
    assert reason == "disabled: Acme.Floe is not in the list of allowed distributions"
    forged_reason = LoadPolicy.create(only=["acme-floe"]).disabled_reason(made, frozenset({"acme_floe", "evil"}))
    assert forged_reason == "disabled: evil is not in the list of allowed distributions"


def test_plugins_whose_names_a_variable_cannot_tell_apart_are_a_problem() -> None:
    dash, line = candidate("compute:my-duck", "acme-floe"), candidate("compute:my_duck", "other-floe", "2.0")
    [problem] = select((line, dash, candidate("storage:my_duck", "acme-floe")), LoadPolicy(), {}).problems
    assert problem.ref == line.ref
    assert problem.distribution == str(line.distribution)
    assert problem.message == (
        f"its name differs from that of compute:my-duck ({dash.distribution}) by '-' and '_' alone"
    )
