"""What plugins say, without the secrets of their configuration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from floe_plugins.configuration.masking import says_secret, scrub, secret_parts
from floe_plugins.records import shown

_WITHHELD = "(withheld, since its configuration does not let its secrets be told from the rest)"


def conceal_secrets(value: Any, model: object) -> Any:
    """``value`` with every trace of the model's secrets masked, in texts at any depth of mappings and lists.

    Secrets are values of ``SecretStr`` and ``SecretBytes``, of fields whose name says so, and
    passwords in URLs. Of a model that cannot be read, nothing is known to be harmless: all is withheld.
    """
    if model is None:
        return value
    try:
        secrets = frozenset(_secrets(model, secret=False))
    except Exception:  # noqa: BLE001 the model is the plugin's own
        return _WITHHELD if isinstance(value, str) else {}
    return _concealed(value, secrets)


def _concealed(value: Any, secrets: frozenset[str]) -> Any:
    if not secrets:
        return value
    if isinstance(value, str):
        return scrub(value, secrets)
    if isinstance(value, Mapping):
        return {key: _concealed(item, secrets) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_concealed(item, secrets) for item in value]
    return value


def _secrets(value: Any, *, secret: bool) -> Iterator[str]:
    reveal = getattr(value, "get_secret_value", None)
    if callable(reveal):
        yield from _secrets(reveal(), secret=True)
    elif isinstance(value, bytes):
        yield from _secrets(value.decode(errors="replace"), secret=secret)
    elif isinstance(value, (list, tuple, set, frozenset)):
        for item in value:
            yield from _secrets(item, secret=secret)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _secrets(item, secret=secret or says_secret(key))
    elif hasattr(type(value), "model_fields"):  # dict(value) would call a field named "keys"
        yield from _secrets(dict(iter(value)), secret=secret)
    elif value is not None and not isinstance(value, bool):
        text = shown(value)
        yield from ([text] if secret else secret_parts(text))
