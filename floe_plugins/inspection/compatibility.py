"""Whether a plugin and this platform fit, judged by versions in metadata and source."""

from __future__ import annotations

import re
import reprlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from floe_plugins._version import FLOE_API_VERSION, __version__
from floe_plugins.core.candidate import Candidate
from floe_plugins.core.refs import PluginRef
from floe_plugins.discovery import scanner
from floe_plugins.errors import PluginIncompatibleError
from floe_plugins.inspection import static_metadata

if TYPE_CHECKING:
    from packaging.version import Version

PLATFORM = "floe-plugins"

# Most of a distribution's requirements are of others and need no parsing.
_OURS = re.compile(r"\s*floe[-_.]+plugins(?![\w.-]*\w)", re.IGNORECASE)


def api_mismatch(plugin: object, platform: str) -> str | None:
    """None where a plugin written for API ``plugin`` runs on API ``platform``, else the reason why not.

    Major and minor decide: the same major, and a minor that is not newer than the
    platform's; of a 0.x platform the same minor. Patch, padding ("1" is "1.0") and
    pre-, post- and development releases do not count. Whatever is not a version
    in a string is incompatible.
    """
    wanted, provided = _parse(plugin), _parse(platform)
    if isinstance(wanted, str):
        return f"the plugin's floe_api_version {wanted}"
    if isinstance(provided, str):
        return f"the platform's API version {provided}"
    if _fits(wanted, provided):
        return None
    return f"the plugin needs floe API {plugin}, this platform provides {platform}"


def api_incompatibility(
    ref: PluginRef | None, distribution: str | None, requires: object, platform: str = FLOE_API_VERSION
) -> PluginIncompatibleError | None:
    """The error for a plugin whose ``floe_api_version`` does not fit ``platform``; None where it fits."""
    reason = api_mismatch(requires, platform)
    if reason is None:
        return None
    return PluginIncompatibleError(
        reason,
        ref=ref,
        distribution=distribution,
        requires=requires if isinstance(requires, str) else reprlib.repr(requires),
        provides=platform,
        hint=_advice(requires, platform, _subject(distribution)),
    )


def requirement_incompatibility(
    ref: PluginRef | None, distribution: str | None, requires: Sequence[str], installed: str = __version__
) -> PluginIncompatibleError | None:
    """The error for a distribution that requires another version of this package than is installed.

    ``requires`` are its ``Requires-Dist`` lines. Those behind an extra, or for
    another environment, do not count; an installed pre-release that satisfies does.
    """
    for line in filter(_OURS.match, requires):
        reason = _unmet(line, installed)
        if reason:
            return PluginIncompatibleError(
                f"the distribution requires {line.strip()!r}, {reason}",
                ref=ref,
                distribution=distribution,
                requires=line.strip(),
                provides=installed,
                hint=f"Install a {PLATFORM} that satisfies it, "
                f"or a version of {_subject(distribution)} made for {PLATFORM} {installed}",
            )
    return None


def _unmet(line: str, installed: str) -> str | None:
    from packaging.markers import UndefinedComparison, UndefinedEnvironmentName
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        requirement = Requirement(line)
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            return None
    except (InvalidRequirement, UndefinedComparison, UndefinedEnvironmentName):
        return "which is not a requirement that can be read"
    if requirement.specifier.contains(installed, prereleases=True):
        return None
    return f"{PLATFORM} {installed} is installed"


def _parse(value: object) -> Version | str:
    """The version, or what is wrong with it."""
    from packaging.version import Version

    expected = "expected MAJOR.MINOR in a string, such as '1.0'"
    if not isinstance(value, str):
        return f"is of type {type(value).__name__}; {expected}"
    try:
        version = Version(value)
    except ValueError:  # InvalidVersion, and Python's own limit on digits
        return f"{reprlib.repr(value)} is not a version; {expected}"
    return f"{value!r} has an epoch; {expected}" if version.epoch else version


def _fits(wanted: Version, provided: Version) -> bool:
    if wanted.major != provided.major:
        return False
    return wanted.minor == provided.minor if provided.major == 0 else wanted.minor <= provided.minor


def _advice(requires: object, platform: str, subject: str) -> str:
    wanted, provided = _parse(requires), _parse(platform)
    if isinstance(wanted, str) or isinstance(provided, str):
        return f"Set floe_api_version in {subject} to the FLOE_API_VERSION that it was written for"
    api = f"{wanted.major}.{wanted.minor}"
    if wanted.release > provided.release:
        return (
            f"Upgrade {PLATFORM} to a version that provides API {api}, "
            f"or install an older version of {subject} made for API {platform}"
        )
    return f"Upgrade {subject} to a version made for API {platform}, or install a {PLATFORM} that provides API {api}"


def _subject(distribution: str | None) -> str:
    # "name version in place": advice needs the name alone.
    return distribution.split(" ", 1)[0] if distribution else "the plugin"


def find_incompatibility(candidate: Candidate) -> PluginIncompatibleError | None:
    """Why a candidate cannot run on this platform, as far as its metadata and source tell; else None."""
    origin = str(candidate.distribution)
    requires = scanner.requires(candidate.distribution)
    refusal = requirement_incompatibility(candidate.ref, origin, requires, __version__)
    if refusal is not None:
        return refusal
    known = static_metadata.read(candidate)
    if known.floe_api_version is None:
        return None
    return api_incompatibility(candidate.ref, origin, known.floe_api_version)
