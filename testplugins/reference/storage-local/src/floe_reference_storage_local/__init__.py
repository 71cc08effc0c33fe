"""Storage for floe: files in a local directory."""

from floe_reference_storage_local.plugin import LocalStorage, LocalStorageConfig

__all__ = ["LocalStorage", "LocalStorageConfig"]
