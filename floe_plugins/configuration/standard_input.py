"""Read a configuration from standard input, and tell its format by what it contains."""

from __future__ import annotations

import os
import re

from floe_plugins.configuration.file import FORMATS, MAX_SIZE, ConfigurationFile, error_of, source_of

# What stands for standard input in place of a path, and what messages call it.
MARK = "-"
NAME = "standard input"

_BLANK = r"(?:[ \t\r\n]|#[^\n]*(?:\n|\Z))*"
_JSON = re.compile(r'\s*\{\s*(?:"|\}\s*\Z)')
_TOML = re.compile(_BLANK + r"""(?:\[|[\w."' \t-]+=)""")


def format_of(text: str) -> str:
    r"""Return the format of a configuration by its first characters: ``json``, ``toml`` or ``yaml``.

    >>> format_of('{"plugins": {}}'), format_of("# mine\n[registry]\n"), format_of("registry: {}"), format_of("{a: 1}")
    ('json', 'toml', 'yaml', 'yaml')
    """
    if _JSON.match(text):
        return "json"
    return "toml" if _TOML.match(text) else "yaml"


def read_descriptor(descriptor: int = 0, file_format: str | None = None) -> ConfigurationFile:
    """Read a configuration to the end of a descriptor, which is that of standard input by default.

    Args:
        descriptor: What to read from.
        file_format: ``json``, ``toml`` or ``yaml``; by default, its content tells.

    Raises:
        PluginConfigurationError: It cannot be read, is too large or is not UTF-8.
    """
    data = b""
    try:
        while len(data) <= MAX_SIZE and (chunk := os.read(descriptor, MAX_SIZE)):
            data += chunk
    except OSError as failure:
        reason = f"standard input cannot be read: {failure.strerror or failure}"
        error = error_of(NAME, "readable", reason, "a configuration on standard input")
    else:
        source = source_of(NAME, "", data)
        suffixes = {name: suffix for suffix, name in reversed(FORMATS.items())}
        return ConfigurationFile(NAME, suffixes[file_format or format_of(source.text)], source.text)
    raise error


def handed_over(source: ConfigurationFile) -> int:
    """Return a descriptor that this process and its children can read the text from, any number of times."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("floe configuration")
    else:
        import tempfile

        with tempfile.TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
    rest = source.text.encode("utf-8")
    while rest:
        rest = rest[os.write(descriptor, rest) :]
    os.set_inheritable(descriptor, True)  # noqa: FBT003 its only parameter
    return descriptor


def taken_over(descriptor: int, suffix: str) -> ConfigurationFile:
    """Return the configuration that was handed over. What this process starts does not get the descriptor."""
    os.set_inheritable(descriptor, False)  # noqa: FBT003 its only parameter
    data = os.pread(descriptor, MAX_SIZE + 4, 0)
    return ConfigurationFile(NAME, suffix, data.decode("utf-8"))
