"""Spoils ``entry_points.txt`` in the finished wheel: no build backend writes such a line."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class Spoil(BuildHookInterface[Any]):
    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        wheel = Path(artifact_path)
        with zipfile.ZipFile(wheel) as archive:
            contents = {info: archive.read(info) for info in archive.infolist()}
        with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
            for info, data in contents.items():
                archive.writestr(info, spoilt(info.filename, data))


def spoilt(filename: str, data: bytes) -> bytes:
    if filename.endswith("entry_points.txt"):
        # Indented, it passes for a continued value in installers that read it with configparser.
        return data + b"    this line has no equals sign\n"
    if filename.endswith("RECORD"):
        # Installers check hashes; one that is left out is not checked.
        lines = data.decode().splitlines()
        return "".join(unhashed(line) + "\n" for line in lines).encode()
    return data


def unhashed(line: str) -> str:
    return line.split(",", maxsplit=1)[0] + ",," if "entry_points.txt" in line else line
