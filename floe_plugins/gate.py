"""Whether a candidate fits this platform, as far as its metadata and its source tell. Imports nothing of it."""

from __future__ import annotations

from floe_plugins import discovery, static_metadata, versions
from floe_plugins._version import __version__
from floe_plugins.errors import PluginIncompatibleError
from floe_plugins.records import Candidate


def refuse_unimported(candidate: Candidate) -> PluginIncompatibleError | None:
    """Why a candidate cannot run on this platform, as far as its metadata and source tell; else None."""
    origin = str(candidate.distribution)
    requires = discovery.requires(candidate.distribution)
    refusal = versions.refuse_requires(candidate.ref, origin, requires, __version__)
    if refusal is not None:
        return refusal
    known = static_metadata.read(candidate)
    if known.floe_api_version is None:
        return None
    return versions.refuse_api(candidate.ref, origin, known.floe_api_version)
