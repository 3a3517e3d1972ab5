"""Paths in documents: relative to the folder of the file that contains them."""

from __future__ import annotations

from pathlib import Path


class LocatedText(str):
    """Text of a layer in another folder than its document."""

    __slots__ = ("folder",)
    folder: Path


def relative(given: str | Path, folder: Path) -> Path:
    """A path in a document of ``folder``; text of a layer elsewhere is relative to the folder of that layer. Raises
    ValueError for an unknown user after a tilde.
    """
    try:
        return (given.folder if isinstance(given, LocatedText) else folder) / Path(given).expanduser()
    except RuntimeError:
        raise ValueError(f"found {str(given)!r}, which is not a user of this host") from None
