"""The version of this distribution and of its plugin API. Imports nothing."""

__version__ = "0.1.0"
FLOE_API_VERSION = "1.1"
