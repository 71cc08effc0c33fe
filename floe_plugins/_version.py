"""The versions of this distribution and of its plugin API, readable without importing anything."""

__version__ = "0.1.0"
FLOE_API_VERSION = "1.0"
