"""Redact what a plugin says: one object with the secrets of its settings, prepared when these are validated."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from floe_plugins.configuration.redaction.collector import Secret, collect
from floe_plugins.configuration.redaction.encodings import encodings, spellings
from floe_plugins.configuration.redaction.matcher import MIN_LENGTH, Matcher
from floe_plugins.configuration.redaction.patterns import is_ordinary, secret_parts
from floe_plugins.configuration.schema.shape import Shape, shape_of
from floe_plugins.core.safe_text import MAX_TEXT

# A longer text is cut. What plugins say was cut to MAX_TEXT before, with a mark behind it.
MAX_LENGTH = MAX_TEXT + 100
# Settings with more characters in their secrets are not searched for.
MAX_CHARACTERS = 200_000

WITHHELD = "(withheld: the secrets in the plugin's configuration cannot be determined)"


class Redactor:
    """Masks the secrets of one plugin's settings in texts. Safe from any thread; no method raises.

    Attributes:
        secrets: The secrets and why they are secret; empty if they cannot be determined.
        withholds: Whether they cannot be determined, so that no text is shown.
    """

    def __init__(self, secrets: Iterable[Secret] = ()) -> None:
        self.secrets = tuple(dict.fromkeys(secrets))
        self.withholds = sum(len(secret.text) for secret in self.secrets) > MAX_CHARACTERS
        self.matcher = matcher_of(() if self.withholds else self.secrets)

    @classmethod
    def of_values(cls, values: Iterable[Any], schema: Any, known: Iterable[Secret] = ()) -> Redactor:
        """Collect the secrets of a model, or of the settings that it was validated from.

        Call it where the model's own code may run.

        Args:
            values: The model and the settings; None is skipped.
            schema: The schema that says what is secret in them; None if there is none.
            known: Secrets that are known otherwise, such as the values of environment variables.
        """
        try:
            shape: Shape = shape_of(schema)
            return cls([*known, *(secret for value in values if value is not None for secret in collect(value, shape))])
        except BaseException:  # noqa: BLE001 the model is the plugin's code
            withholding = cls()
            withholding.withholds = True
            return withholding

    def redact(self, text: str, max_length: int = MAX_LENGTH) -> str:
        """Mask the secrets in a text, and what is a secret by its form. A longer text is cut.

        >>> Redactor([Secret("hunter2-prod", "name password")]).redact("cannot log in with 'hunter2-prod'")
        "cannot log in with '***'"
        """
        if self.withholds:
            return WITHHELD if text else text
        if len(text) <= max_length:
            return self.matcher.mask(text)
        return f"{self.matcher.mask(text[:max_length] + '...')} ({len(text) - max_length} more characters)"

    def reason(self, text: str) -> str:
        """Return why a text, or a part of it, is secret; empty if there is no trace of a secret in it."""
        if not self.matcher.finds(text):
            return ""
        return next((secret.reason for secret in self.secrets if matcher_of((secret,)).finds(text)), "")


def matcher_of(secrets: Iterable[Secret]) -> Matcher:
    """Return what finds these secrets, in the forms in which messages repeat them."""
    traces: set[str] = set()
    encoded: set[str] = set()
    whole: set[str] = set()
    for secret in secrets:
        if is_ordinary(secret.text, by_name=secret.reason.startswith("name ")):
            whole.add(secret.text)
            continue
        if len(secret.text) < MIN_LENGTH:
            whole.add(secret.text)
        for part in secret_parts(secret.text):
            ordinary = is_ordinary(part, by_name=True) and part != secret.text
            if not ordinary:
                traces.update(spellings(part))
                encoded.update(encodings(part))
    return Matcher(traces, whole, encoded)
