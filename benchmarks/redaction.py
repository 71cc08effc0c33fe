"""Masking a text of 1 MB with 100 secrets.

    python -m benchmarks.redaction [ROUNDS]

Beside one ``str.replace`` of one secret in the same text; the limit is 3 times that. What a plugin says is cut to
some thousand characters before it is searched, which is what keeps the limit; the last rows search all of the text.
"""

from __future__ import annotations

import hashlib
import random
import sys

from benchmarks.timing import Table, interleaved, seconds, show, table
from floe_plugins.configuration.redaction.collector import Secret
from floe_plugins.configuration.redaction.redactor import Redactor

SECRETS, SIZE, ROUNDS = 100, 1_000_000, 15
LIMIT = 3.0
REPLACE, OURS = "str.replace with one secret", "Redactor.redact with 100 secrets"
WORDS = [
    "the",
    "connection",
    "to",
    "server",
    "refused",
    "while",
    "reading",
    "table",
    "orders",
    "at",
    "host",
    "db.example.org",
    "port",
    "5432",
    "user",
    "app",
    "retry",
    "of",
    "timeout",
    "exceeded",
    "in",
    "module",
    "floe",
    "plugins",
    "state=failed",
    "rows:",
    "partition_keys=order_id",
]


def _secret(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()[:24]


def _text(*, with_secrets: bool) -> str:
    source = random.Random(1)  # noqa: S311 the same text each time
    found = [source.choice(WORDS) for _ in range(SIZE // 4)]
    if with_secrets:
        found[::50] = [_secret(number % SECRETS) for number in range(len(found[::50]))]
    return " ".join(found)[:SIZE]


def masking(title: str, text: str, rounds: int) -> Table:
    """One text, masked in several ways."""
    secrets = [_secret(number) for number in range(SECRETS)]
    one, all_of_them = (Redactor(Secret(text, "type SecretStr") for text in some) for some in (secrets[:1], secrets))
    contenders = {
        REPLACE: lambda: seconds(lambda: text.replace(secrets[0], "***"), 5),
        "Redactor.redact with 1 secret": lambda: seconds(lambda: one.redact(text), 5),
        OURS: lambda: seconds(lambda: all_of_them.redact(text), 5),
        "the whole text with 1 secret": lambda: seconds(lambda: one.matcher.mask(text)),
        "the whole text with 100 secrets": lambda: seconds(lambda: all_of_them.matcher.mask(text)),
    }
    return table(title, interleaved(contenders, rounds), {OURS: (REPLACE, LIMIT)})


def main() -> None:
    """Print the tables."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    tables = [
        masking(
            f"1 MB of text {'with' if with_secrets else 'without'} secrets", _text(with_secrets=with_secrets), rounds
        )
        for with_secrets in (False, True)
    ]
    sys.stdout.write(show(tables) + "\n")


if __name__ == "__main__":
    main()
