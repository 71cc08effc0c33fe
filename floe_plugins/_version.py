"""The version of this distribution and of its plugin API. Imports nothing."""

__version__ = "0.1.0"
FLOE_API_VERSION = "1.1"
"""The version of the plugin API, as ``MAJOR.MINOR``. A plugin states the one that it was written for."""
