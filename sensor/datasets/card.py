"""The card of a dataset: a small file in its folder with data that the other files do not have."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import msgspec

FILE = "dataset.json"
LIVE, REPLAY, LOG = "live", "replay", "log"
# Of a hub: one site, or all; without files.
SITE = "site"


class Card(msgspec.Struct, omit_defaults=True):
    """``kind``: live or replay; ``captures``: absolute paths of the captures, ``-`` for standard input; ``log`` and
    ``evidence``: their paths, if outside the folder; ``first`` and ``last``: time of the first and last packet (RFC
    3339); ``complete``: false while a replay is running, and permanently if it was interrupted.
    """

    kind: str = LIVE
    name: str = ""
    captures: list[str] = []
    log: str = ""
    evidence: str = ""
    first: str = ""
    last: str = ""
    complete: bool = True


def read_card(folder: Path) -> Card | None:
    """The card of a folder; None if there is none, or it is damaged: then only the other files are known. Raises
    PermissionError.
    """
    try:
        card = msgspec.json.decode((folder / FILE).read_bytes(), type=Card)
    except (FileNotFoundError, NotADirectoryError, msgspec.DecodeError):
        return None
    return card if card.kind in (LIVE, REPLAY) else None


def outside(folder: Path, evidence: Path | None) -> str:
    """The ``evidence`` of the card of a folder."""
    return "" if evidence is None or evidence.absolute() == folder.absolute() / "evidence" else str(evidence.absolute())


def completed(card: Card, first: str, last: str, *, whole: bool = True) -> Card:
    """The card of a finished replay with the times of its first and last packet (RFC 3339; empty if there was none),
    and whether it read the whole capture.
    """
    return msgspec.structs.replace(card, first=first, last=last, complete=whole)


def write_card(folder: Path, card: Card) -> None:
    """Write a card atomically. Raises OSError."""
    replace_file(folder / FILE, msgspec.json.format(msgspec.json.encode(card)) + b"\n")


def replace_file(path: Path, content: bytes) -> None:
    """Write a file atomically. Raises OSError with its name, not that of the temporary file."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
