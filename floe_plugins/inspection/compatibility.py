"""Check that a plugin is compatible with this platform, by the versions that its metadata and source state."""

from __future__ import annotations

import reprlib
from collections.abc import Sequence

from floe_plugins._version import __version__
from floe_plugins.core.candidate import Candidate
from floe_plugins.core.platform import FLOE, Platform
from floe_plugins.core.refs import PluginRef
from floe_plugins.core.safe_text import describe_error
from floe_plugins.discovery.metadata_files import read_requirements
from floe_plugins.errors import PluginIncompatibleError
from floe_plugins.inspection import static_metadata
from floe_plugins.inspection.plain_versions import meets, release, trimmed
from floe_plugins.inspection.static_metadata import StaticMetadata

PACKAGE = "floe-plugins"

_MAX_REQUIREMENTS = 100  # of this package, in one distribution
_MAX_LENGTH = 10_000
_MAX_QUOTED = 200


def api_mismatch(declared: object, provides: str, platform: Platform = FLOE) -> str | None:
    """Return why a plugin written for API ``declared`` cannot run on API ``provides``, or None if it can.

    The major version must be the same, and the minor must not be newer than the
    platform's. While the major version is 0, the minor must be the same, too. Patch,
    padding ("1" is "1.0") and pre-, post- and development releases are ignored.
    A value that is not a version in a string is incompatible.

    >>> api_mismatch("1.0", "1.3")
    >>> api_mismatch("1.4", "1.3")
    'the plugin requires floe API 1.4, this platform provides 1.3'
    """
    required, provided = _parse(declared), _parse(provides)
    if isinstance(required, str):
        return f"the plugin's {platform.api_attribute} {required}"
    if isinstance(provided, str):
        return f"the platform's API version {provided}"
    if _is_compatible(required, provided):
        return None
    return f"the plugin requires {platform.name} API {declared}, this platform provides {provides}"


def api_incompatibility(
    ref: PluginRef | None,
    distribution: str | None,
    requires: object,
    provides: str | None = None,
    platform: Platform = FLOE,
) -> PluginIncompatibleError | None:
    """Return the error for a plugin whose ``floe_api_version`` is incompatible, or None if it is compatible.

    The hint says which side to upgrade, and to which version.

    >>> print(api_incompatibility(None, "acme 2.1 in /site", "2.0", "1.0").hint)
    Upgrade floe-plugins to a version that provides API 2.0, or install an older version of acme made for API 1.0
    """
    provides = platform.api_version if provides is None else provides
    reason = api_mismatch(requires, provides, platform)
    if reason is None:
        return None
    return PluginIncompatibleError(
        reason,
        ref=ref,
        distribution=distribution,
        requires=requires if isinstance(requires, str) else reprlib.repr(requires),
        provides=provides,
        hint=_upgrade_hint(requires, provides, _name_in(distribution), platform),
    )


def requirement_incompatibility(
    ref: PluginRef | None, distribution: str | None, requires: Sequence[str], installed: str = __version__
) -> PluginIncompatibleError | None:
    """Return the error for a distribution that requires another version of this package, or None.

    ``requires`` holds its ``Requires-Dist`` lines. Requirements of an extra or of another
    environment are ignored. An installed pre-release satisfies a requirement that it matches.

    >>> requirement_incompatibility(None, None, ["pydantic>=2", "floe-plugins>=0.1"], "0.2")
    >>> print(requirement_incompatibility(None, None, ["floe-plugins>=1"], "0.2").message)
    the distribution requires 'floe-plugins>=1', floe-plugins 0.2 is installed
    """
    for number, line in enumerate(filter(_end_of_name, requires), 1):
        reason = _unmet(line, installed) if number <= _MAX_REQUIREMENTS else "beside very many others"
        if reason:
            import textwrap

            return PluginIncompatibleError(
                f"the distribution requires {textwrap.shorten(line, _MAX_QUOTED)!r}, {reason}",
                ref=ref,
                distribution=distribution,
                requires=line.strip(),
                provides=installed,
                hint=f"Install a {PACKAGE} that satisfies it, "
                f"or a version of {_name_in(distribution)} made for {PACKAGE} {installed}",
            )
    return None


def _end_of_name(line: str) -> int:
    """Return where the name of this package ends in a requirement of it; 0 in one of another package."""
    begin = end = len(line) - len(line.lstrip())
    while end < len(line) and (line[end].isalnum() or line[end] in "-_."):
        end += 1
    name = line[begin:end].rstrip("-.").lower()
    between = name.removeprefix("floe").removesuffix("plugins")
    is_platform = name.startswith("floe") and name.endswith("plugins") and between and not between.strip("-_.")
    return begin + len(name) if is_platform else 0


def _unmet(line: str, installed: str) -> str | None:
    if len(line) > _MAX_LENGTH:
        return "which is too long"
    mismatch = f"{PACKAGE} {installed} is installed"
    answer = meets(installed, line[_end_of_name(line) :])
    if answer is not None:
        return None if answer else mismatch
    from packaging.requirements import Requirement

    try:
        requirement = Requirement(line)
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            return None
        if requirement.specifier.contains(installed, prereleases=True):
            return None
    except (ValueError, RecursionError):  # also of markers that cannot be compared, and of numbers of many digits
        return "which is not a valid requirement"
    return mismatch


def _parse(value: object) -> tuple[int, ...] | str:
    """Return the numbers of a version, two at least and else without zeros at the end; or what is wrong with it."""
    expected = "expected MAJOR.MINOR in a string, such as '1.0'"
    if not isinstance(value, str):
        return f"is of type {type(value).__name__}; {expected}"
    plain = release(value)
    if plain is not None:
        return _padded(plain)
    from packaging.version import Version

    try:
        version = Version(value)
    except ValueError:  # InvalidVersion, and Python's own limit on digits
        return f"{reprlib.repr(value)} is not a version; {expected}"
    return f"{value!r} has an epoch; {expected}" if version.epoch else _padded(trimmed(version.release))


def _padded(release: tuple[int, ...]) -> tuple[int, ...]:
    return (*release, 0, 0)[: max(len(release), 2)]


def _is_compatible(required: tuple[int, ...], provided: tuple[int, ...]) -> bool:
    if required[0] != provided[0]:
        return False
    return required[1] == provided[1] if provided[0] == 0 else required[1] <= provided[1]


def _upgrade_hint(requires: object, provides: str, subject: str, platform: Platform) -> str:
    required, provided = _parse(requires), _parse(provides)
    if isinstance(required, str) or isinstance(provided, str):
        api = f"the version of the {platform.name} API for which it was written"
        return f"Set {platform.api_attribute} in {subject} to {api}"
    api = f"{required[0]}.{required[1]}"
    if required > provided:
        return (
            f"Upgrade {platform.title} to a version that provides API {api}, "
            f"or install an older version of {subject} made for API {provides}"
        )
    return (
        f"Upgrade {subject} to a version made for API {provides}, or install a {platform.title} that provides API {api}"
    )


def _name_in(distribution: str | None) -> str:
    # The text is "name version in path".
    return distribution.split(" ", 1)[0] if distribution else "the plugin"


def find_incompatibility(
    candidate: Candidate, metadata: StaticMetadata | None = None, platform: Platform = FLOE
) -> PluginIncompatibleError | None:
    """Return the error for a candidate that its metadata or source show to be incompatible, or None.

    Reads files of the candidate's distribution. Imports nothing. ``metadata`` is what its source declares, for
    callers that have read it already; ``platform`` is whose plugin it is.
    """
    origin = str(candidate.distribution)
    try:
        requires = read_requirements(candidate.distribution)
    except Exception as failure:  # noqa: BLE001 some distributions are read by finders of others
        return PluginIncompatibleError(
            f"its METADATA cannot be read, so that what it requires is unknown ({describe_error(failure)})",
            ref=candidate.ref,
            distribution=origin,
            hint="Reinstall or remove the distribution",
        )
    error = requirement_incompatibility(candidate.ref, origin, requires, __version__)
    if error is not None:
        return error
    declared = (metadata or static_metadata.read(candidate)).floe_api_version
    return None if declared is None else api_incompatibility(candidate.ref, origin, declared, platform=platform)
