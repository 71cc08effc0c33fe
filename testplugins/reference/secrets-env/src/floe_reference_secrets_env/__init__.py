"""Secrets for floe: environment variables and mounted files."""

from floe_reference_secrets_env.plugin import EnvSecrets, EnvSecretsConfig

__all__ = ["EnvSecrets", "EnvSecretsConfig"]
