"""Run a tutorial as its reader would: write its files, type its commands, and see what is printed.

With the variable ``TUTORIALS=write`` the tests put what was printed into the pages, to be looked at.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

BLOCK = re.compile(r"(?:<!-- file: (\S+) -->\n)?```(\w+)\n(.*?)```", re.DOTALL)


def untimed(text: str) -> str:
    """A text without the seconds, which differ from run to run, and the width that they give to a column."""
    return re.sub(r" +", " ", re.sub(r"\d+\.\d\d+(?= s\b|  )|\d+\.\d\d+$", "0.00", text))


class Reader:
    """Follows one page, in an environment with some plugins."""

    def __init__(self, page: str, plugins: Any, project: Path | None = None) -> None:
        self.page = page
        self._plugins = plugins
        self._project = project

    def follow(self) -> str:
        """Return the page with what its commands print now."""
        return BLOCK.sub(self._take, self.page)

    def _take(self, found: re.Match[str]) -> str:
        file, language, text = found.groups()
        if file is not None:
            self._write(file, text)
        if language == "sh" and self._project is not None:
            self._install()
        if language != "console":
            return found[0]
        return f"```console\n{''.join(self._console(text))}```"

    def _write(self, file: str, text: str) -> None:
        is_code = file.startswith("src/") or file == "pyproject.toml"
        path = (self._project if is_code and self._project else self._plugins.home) / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def _install(self) -> None:
        assert self._project is not None
        if self._plugins.wheels.built.pop(self._project.resolve(), None):
            [name] = re.findall(r'^name = "(.*)"', (self._project / "pyproject.toml").read_text("utf-8"), re.MULTILINE)
            self._plugins.uninstall(name)
        self._plugins.install(self._project)

    def _console(self, text: str) -> Iterator[str]:
        for line in re.findall(r"^\$ (.+)$", text, re.MULTILINE):
            yield f"$ {line}\n"
            printed = self._type(shlex.split(line))
            yield from (f"{each.rstrip()}\n" for each in printed.splitlines())

    def _type(self, words: list[str]) -> str:
        home: Path = self._plugins.home
        match words:
            case ["floe-plugins", *arguments]:
                done = self._plugins.run(["-m", "floe_plugins", *arguments], check=False)
                shown = done.stdout
            case ["python", file]:
                shown = self._plugins.run([file]).stdout
            case ["pip", "install", "."]:
                self._install()
                shown = ""
            case ["mkdir", name]:
                (home / name).mkdir()
                shown = ""
            case ["rm", name]:
                (home / name).unlink()
                shown = ""
            case ["echo", text, ">", name]:
                (home / name).write_text(text, encoding="utf-8")
                shown = ""
            case _:
                raise AssertionError(f"the tests cannot type {shlex.join(words)}")
        places = {str(self._plugins.path): ".../site-packages", str(home): "."}
        for place, name in places.items():
            shown = shown.replace(place, name)
        # Where a message is cut depends on the length of the directory's name.
        return re.sub(r": /\S+ \.\.\.$", ": ...", str(shown), flags=re.MULTILINE)
