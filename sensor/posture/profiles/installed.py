"""Installed profiles: MUD files, each with its scope and its controllers, as files of a folder that a sensor reads at
its start and on SIGHUP.

An invalid file is reported with its position and skipped; the others apply. ``installed_file.py`` reads one file; it is
imported only if there is one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from sensor.core.lazy_pattern import lazy_pattern
from sensor.documents import DocumentErrors, Fault, Stamps, stamps, write_whole
from sensor.posture.profiles.model import Profile

FOLDER = "profiles"
FILES_LIMIT, NAME_LIMIT = 512, 64
DEVICE, PRODUCT, TYPE = "device", "product", "type"
NAME = lazy_pattern(r"[a-z0-9][a-z0-9_.-]*\Z")


class Installed(NamedTuple):
    """``target``: kind and value of the scope; ``controllers``: class → first and last address of blocks."""

    name: str
    target: tuple[str, str]
    profile: Profile
    controllers: Mapping[str, tuple[tuple[int, int], ...]] = {}

    @property
    def text(self) -> str:
        """Its name, and its scope if the name does not contain that."""
        return self.name if self.target[0] == DEVICE else f"{self.name} (for {' '.join(self.target)})"


class Profiles(NamedTuple):
    """All profiles of a folder, and the faults of the invalid ones. ``stamps``: differ when a file changed."""

    installed: tuple[Installed, ...] = ()
    faults: tuple[Fault, ...] = ()
    stamps: Stamps = ()

    def keeping(self, before: Profiles) -> Profiles:
        """With previous versions of the profiles that are invalid now."""
        broken = {fault.path.stem for fault in self.faults} - {one.name for one in self.installed}
        return self._replace(installed=(*self.installed, *(one for one in before.installed if one.name in broken)))


def files_of(folder: Path | None) -> list[Path]:
    return sorted(folder.glob("*.json")) if folder is not None and folder.is_dir() else []


def load(folder: Path | None) -> Profiles:
    """The profiles in a folder; none if it does not exist."""
    paths, found, faults = files_of(folder), [], []
    if not paths:
        return Profiles()
    from sensor.posture.profiles.installed_file import load_one

    for path in paths[:FILES_LIMIT]:
        try:
            found.append(load_one(path))
        except DocumentErrors as errors:
            faults += errors.faults
        except OSError as error:
            faults.append(Fault(path, 1, 1, f"cannot be read: {error.strerror}"))
    if len(paths) > FILES_LIMIT:
        faults.append(
            Fault(
                paths[FILES_LIMIT],
                1,
                1,
                f"found {len(paths):,} profiles, expected at most {FILES_LIMIT}: the others are skipped",
            )
        )
    return Profiles(tuple(found), tuple(faults), stamps(paths))


def write(
    folder: Path, name: str, target: Mapping[str, str], controllers: Mapping[str, Sequence[str]], mud: Any
) -> Path:
    """Install a profile atomically. Raises OSError if it cannot be written."""
    path, document = folder / f"{name}.json", {"for": target, "controllers": controllers, "profile": mud}
    write_whole(path, f"{json.dumps(document, indent=2)}\n".encode())
    return path


def name_of(kind: str, value: str) -> str:
    """A file name: ``type-camera``, ``product-axis-p3245``; for a device its id."""
    words = [value] if kind == DEVICE else [kind, value]
    return re.sub(r"[^a-z0-9]+", "-", "-".join(words).casefold()).strip("-")[:NAME_LIMIT] or "profile"
