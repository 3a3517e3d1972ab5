"""The files of a backup: their locations, and their names in the archive.

=========== ========================================================================================================
config/     the configuration with its layers, the rules beside it, and the lists and fingerprints it names in its
            folder
state/      inventory.db, vulnerabilities.db, mutes.yaml, posture.jsonl, tickets.json, rules/, intel/, profiles/
log/        how far each output is (cursors/), what destinations refused (dead/), the operator's notes (notes.jsonl);
            the log itself and what mutes kept out of it only where asked for
evidence/   packets behind alerts, only where asked for
records/    traffic records, only where asked for: the manifest, and the files that it lists
=========== ========================================================================================================
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from sensor.delivery.dead_letters import dead_of
from sensor.documents import FLEET, LAYERS
from sensor.eventlog.cursors import STATUS
from sensor.eventlog.hint import BEGIN, NEXT
from sensor.eventlog.paths import muted_log, notes_log
from sensor.eventlog.segments import COMPRESSED, PLAIN, cursors_of, folder_of, segments
from sensor.records.copies import is_file
from sensor.records.paths import MANIFEST, records_folder

INVENTORY = "state/inventory.db"
SEGMENTS = "log/segments"
RECORDS = "records"
# Parts of the state: databases are copied through SQLite, files and folders as they are.
DATABASES = ("inventory.db", "vulnerabilities.db")
FILES, FOLDERS = ("mutes.yaml", "posture.jsonl", "tickets.json"), ("rules", "intel", "profiles")
# Files beside a configuration that are loaded with it.
BESIDE = (LAYERS, "rules")
STATE = (*DATABASES, *FILES, *FOLDERS)
# Companion files of a database in WAL mode (sqlite.org/wal.html), which are moved with it.
SIDES = tuple(f"{name}{side}" for name in DATABASES for side in ("-wal", "-shm"))
LOG = ("events.jsonl", "segments", "cursors", "dead", "notes.jsonl", "muted.jsonl")
DEPTH = 8
_PART = re.compile(r"[^/\x00-\x1f\x7f]{1,255}")


class SensorPaths(NamedTuple):
    """Locations of one sensor's files. ``base``: folder of the configuration, None if there is none; ``config``: its
    layers; ``named``: further files of the operator that it names.
    """

    state: Path
    log: Path
    evidence: Path
    base: Path | None = None
    config: Sequence[Path] = ()
    named: Sequence[Path] = ()

    def log_place(self, part: str) -> Path:
        """The location of a part of the log (``LOG``)."""
        found = {
            "segments": folder_of,
            "cursors": cursors_of,
            "dead": dead_of,
            "notes.jsonl": notes_log,
            "muted.jsonl": muted_log,
        }
        return found[part](self.log) if part in found else self.log


class ArchivedFile(NamedTuple):
    """A file, and its name in the archive."""

    name: str
    path: Path


def pieces(places: SensorPaths, *, log: bool, evidence: bool) -> list[ArchivedFile]:
    """All files of a backup except the databases, in a fixed order, each once. Cursors precede the log, so that none is
    ahead of it.
    """
    found: dict[Path, ArchivedFile] = {}
    for piece in (
        *_state(places),
        *_beside_log(places),
        *_log(places, whole=log),
        *(_evidence(places) if evidence else ()),
        *_configuration(places),
    ):
        found.setdefault(piece.path.absolute(), piece)
    return list(found.values())


def _state(places: SensorPaths) -> Iterator[ArchivedFile]:
    for name in (*FILES, *FOLDERS):
        yield from _below(places.state / name, f"state/{name}")


def _beside_log(places: SensorPaths) -> Iterator[ArchivedFile]:
    """Positions of the outputs, undelivered records, operator notes, and the numbers with which the log continues."""
    for path in _files(places.log_place("cursors")):
        if path.suffix in {".json", ".before", ".replay"} and not path.name.endswith(STATUS):
            yield ArchivedFile(f"log/cursors/{path.name}", path)
    yield from _below(places.log_place("dead"), "log/dead")
    for name in (BEGIN, NEXT):
        yield from _below(folder_of(places.log) / name, f"{SEGMENTS}/{name}")
    yield from _below(places.log_place("notes.jsonl"), "log/notes.jsonl")


def _log(places: SensorPaths, *, whole: bool) -> Iterator[ArchivedFile]:
    if not whole:
        return
    yield from _below(places.log_place("muted.jsonl"), "log/muted.jsonl")
    for one in segments(places.log):
        yield ArchivedFile(f"{SEGMENTS}/{one.path.name}" if one.first else "log/events.jsonl", one.path)


def _evidence(places: SensorPaths) -> Iterator[ArchivedFile]:
    yield from (
        ArchivedFile(f"evidence/{path.name}", path) for path in _files(places.evidence) if path.suffix == ".pcapng"
    )


def is_log(name: str) -> bool:
    """Whether a file of an archive has records of the log."""
    return name == "log/events.jsonl" or (name.startswith(f"{SEGMENTS}/") and name.endswith((PLAIN, COMPRESSED)))


def elsewhere(places: SensorPaths) -> list[str]:
    """Files named by the configuration that are neither beside it nor in the state folder, and links in that folder:
    they are not copied.
    """
    near = [folder.absolute() for folder in (places.state, places.base) if folder is not None]
    far = [path for path in places.named if not any(path.absolute().is_relative_to(folder) for folder in near)]
    return sorted(map(str, far + [path for name in STATE if (path := places.state / name).is_symlink()]))


def _configuration(places: SensorPaths) -> Iterator[ArchivedFile]:
    if places.base is None:
        return
    base = places.base.absolute()
    # Layers from a hub are sent again by it, and are not files of the operator.
    own = [path.absolute() for path in (*places.config, *places.named)]
    own = [path for path in own if path.is_relative_to(base) and not path.is_relative_to(base / FLEET.parts[0])]
    config = {path.absolute() for path in places.config}
    found = {path.relative_to(base).as_posix(): path for path in own if path in config}
    for folder in (base / "rules", *(path for path in own if path not in config)):
        found |= {piece.name: piece.path for piece in _below(folder, folder.relative_to(base).as_posix(), links=True)}
    yield from (ArchivedFile(f"config/{name}", found[name]) for name in sorted(found))


def _below(path: Path, name: str, *, links: bool = False) -> Iterator[ArchivedFile]:
    """A file, or the files in a folder and its subfolders. ``links``: follow links to files; not in the state, where an
    intruder could create links.
    """
    if path.is_symlink() and not links:
        return
    if path.is_file():
        yield ArchivedFile(name, path)
        return
    for file in sorted(path.rglob("*")) if path.is_dir() else ():
        if file.is_file() and (links or not file.is_symlink()):
            yield ArchivedFile(f"{name}/{file.relative_to(path).as_posix()}", file)


def _files(folder: Path) -> list[Path]:
    return (
        sorted(path for path in folder.iterdir() if path.is_file() and not path.is_symlink()) if folder.is_dir() else []
    )


def target(name: str, places: SensorPaths) -> Path | None:
    """The location of a file of an archive; None for a configuration file that is not restored. Raises ValueError for a
    name that no backup has.
    """
    parts = name.split("/")
    if len(parts) > DEPTH or not all(_PART.fullmatch(part) and part not in {".", ".."} for part in parts):
        raise ValueError(f"found the name {name!r}, which is outside the folder")
    room, *rest = parts
    if room == "config" and rest:
        return places.base.joinpath(*rest) if places.base is not None else None
    if room == "state" and rest and rest[0] in STATE and (len(rest) > 1) == (rest[0] in FOLDERS):
        return places.state.joinpath(*rest)
    if room == "log" and rest and rest[0] in LOG and (len(rest) > 1) == ("." not in rest[0]):
        return places.log_place(rest[0]).joinpath(*rest[1:])
    if room == RECORDS and (rest == [MANIFEST] or (len(rest) == 2 and is_file(*rest))):
        return records_folder(places.log).joinpath(*rest)
    if room == "evidence" and len(rest) == 1:
        return places.evidence / rest[0]
    raise ValueError(f"found the name {name!r}, which backups do not contain")


def replaced(names: Sequence[str], places: SensorPaths) -> list[Path]:
    """The locations to move aside for the files of an archive: the state and the log as a whole; evidence, traffic
    records and configuration if the archive has some.
    """
    found = [places.state / name for name in (*STATE, *SIDES)] + [places.log_place(name) for name in LOG]
    if any(name.startswith("evidence/") for name in names):
        found.append(places.evidence)
    if any(name.startswith(f"{RECORDS}/") for name in names):
        found.append(records_folder(places.log))
    configured = {name.split("/")[1] for name in names if name.startswith("config/")}
    if places.base is not None and configured:
        found += [places.base / name for name in sorted(configured | set(BESIDE))]
    return [path for path in found if path.is_symlink() or path.exists()]
