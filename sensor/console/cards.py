"""State of long-running work: one JSON file in a subfolder for each piece of work, replaced atomically."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

Card = TypeVar("Card", bound=msgspec.Struct)


class Cards(Generic[Card]):
    """``file``: file name of a card in its subfolder; ``when``: sort key, seconds since the epoch."""

    def __init__(self, folder: Path, file: str, kind: type[Card], when: Callable[[Card], float]) -> None:
        self.folder, self._file, self._kind, self._when = folder, file, kind, when

    def all(self) -> list[Card]:
        """All cards, newest first; unreadable ones are left out."""
        paths = self.folder.glob(f"*/{self._file}") if self.folder.is_dir() else ()
        found = [one for path in paths if (one := self.read(path.parent.name)) is not None]
        return sorted(found, key=self._when, reverse=True)

    def read(self, name: str) -> Card | None:
        """The card of a subfolder; None if there is none or it cannot be read."""
        try:
            return msgspec.json.decode((self.folder / name / self._file).read_bytes(), type=self._kind)
        except (OSError, msgspec.DecodeError):
            return None

    def write(self, name: str, card: Card) -> None:
        """Write a card. Raises OSError."""
        path = self.folder / name / self._file
        beside = path.with_suffix(f".{os.getpid()}")
        beside.write_bytes(msgspec.json.encode(card))
        beside.replace(path)
