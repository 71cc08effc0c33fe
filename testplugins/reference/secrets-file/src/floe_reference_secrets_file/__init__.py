"""Secrets for floe: one encrypted file."""

from floe_reference_secrets_file.plugin import FileSecrets, FileSecretsConfig

__all__ = ["FileSecrets", "FileSecretsConfig"]
