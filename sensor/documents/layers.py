"""The files of a document: its layers, of which later ones override earlier ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import BinaryIO

from sensor.documents.faults import DocumentErrors, Fault

NOT_READ, NOT_YAML = "config.not-read", "config.not-yaml"
SIZE_LIMIT, PIECE = 16 << 20, 1 << 16
SUFFIXES = (".yaml", ".yml")
LAYERED, LAYERS = "sensor.yaml", "conf.d"
# Layers of a hub, one folder each, which `sensor sync` stores beside the document.
FLEET = Path("fleet", "current")

# Path, modification time in ns and size of each file.
Stamps = tuple[tuple[str, int, int], ...]

_fleet: ContextVar[Path | None] = ContextVar("fleet", default=None)


def layers(path: Path) -> list[Path]:
    """The files of a document; later ones override earlier ones. For a folder, its ``sensor.yaml``, or otherwise all
    YAML files in it. Raises DocumentErrors.
    """
    if _is_folder(path):
        if (path / LAYERED).exists():
            return layers(path / LAYERED)
        if found := _yaml_files(path):
            return found
        raise DocumentErrors(
            [Fault(path, 1, 1, f"found a folder without {LAYERED} or other *.yaml or *.yml in it", NOT_READ)]
        )
    if path.name != LAYERED:
        return [path]
    fleet = [folder / LAYERED for folder in fleet_folders(path) if (folder / LAYERED).exists()]
    return [path, *fleet, *_yaml_files(path.with_name(LAYERS))]


def fleet_folders(path: Path) -> list[Path]:
    """Folders of a hub's layers for a configuration, most general first. Raises DocumentErrors."""
    document = path / LAYERED if _is_folder(path) else path
    if document.name != LAYERED:
        return []
    return [folder for folder in _entries(_fleet.get() or document.parent / FLEET) if folder.is_dir()]


@contextmanager
def fleet_from(folder: Path) -> Iterator[None]:
    """Use the hub's layers in another folder inside of the block, to check them before they are applied."""
    token = _fleet.set(folder)
    try:
        yield
    finally:
        _fleet.reset(token)


def _is_folder(path: Path) -> bool:
    """Raises DocumentErrors if that cannot be determined, for example in a folder without permission."""
    try:
        return path.is_dir()
    except OSError as error:
        raise _not_read(path, error) from None


def _not_read(path: Path, error: OSError) -> DocumentErrors:
    return DocumentErrors([Fault(path, 1, 1, f"cannot be read: {error.strerror}", NOT_READ)])


def _yaml_files(folder: Path) -> list[Path]:
    """YAML files of a folder in name order, empty if it does not exist. Files of editors with a leading dot are
    skipped. Raises DocumentErrors if two differ only in their suffix: one is probably a forgotten copy.
    """
    found = [path for path in _entries(folder) if path.suffix in SUFFIXES and not path.name.startswith(".")]
    twice = [path for path in found if path.suffix == SUFFIXES[1] and path.with_suffix(SUFFIXES[0]) in found]
    if twice:
        raise DocumentErrors(
            [
                Fault(path, 1, 1, f"found {path.stem}{SUFFIXES[0]} beside it, expected one of them", NOT_READ)
                for path in twice
            ]
        )
    return found


def yaml_files(folder: Path, *, deep: bool = False) -> list[Path]:
    """The operator's documents in a folder, in name order, with either suffix of YAML; ``deep``: also those in folders
    below it. Files of editors with a leading dot are skipped.
    """
    found = folder.rglob("*.y*ml") if deep else folder.glob("*.y*ml")
    return sorted(path for path in found if path.suffix in SUFFIXES and not path.name.startswith("."))


def _entries(folder: Path) -> list[Path]:
    """Entries in name order; empty if the folder does not exist."""
    try:
        return sorted(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise _not_read(folder, error) from None


def stamps(paths: Iterable[Path]) -> Stamps:
    """Changes with every change of one of these files."""
    return tuple(_stamp(path) for path in paths)


def _stamp(path: Path) -> tuple[str, int, int]:
    try:
        status = path.stat()
    except OSError:
        return str(path), 0, 0
    return str(path), status.st_mtime_ns, status.st_size


def text_of(path: Path) -> str:
    try:
        with path.open("rb") as file:
            raw = _read(file, SIZE_LIMIT + 1)
    except OSError as error:
        raise _not_read(path, error) from None
    if len(raw) > SIZE_LIMIT:
        raise DocumentErrors(
            [Fault(path, 1, 1, f"found more than {SIZE_LIMIT >> 20} MiB, expected a hand-written file", NOT_READ)]
        )
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line_start = raw.rfind(b"\n", 0, error.start) + 1
        column = len(raw[line_start : error.start].decode("utf-8", "replace")) + 1
        message = f"found the byte 0x{raw[error.start]:02x}, expected UTF-8 text"
        raise DocumentErrors([Fault(path, raw.count(b"\n", 0, error.start) + 1, column, message, NOT_YAML)]) from None


def _read(file: BinaryIO, limit: int) -> bytes:
    """At most ``limit`` bytes, in chunks: ``read(limit)`` allocates memory for all of them, even for a small file."""
    raw = bytearray()
    while len(raw) < limit and (piece := file.read(min(PIECE, limit - len(raw)))):
        raw += piece
    return bytes(raw)
