"""Storage for floe: objects in an S3 bucket."""

from floe_reference_storage_s3.plugin import S3Storage, S3StorageConfig

__all__ = ["S3Storage", "S3StorageConfig"]
