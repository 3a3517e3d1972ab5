"""Names of datasets: derived from the capture, and validated if an operator chooses one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from sensor.datasets.card import LIVE

STANDARD_INPUT = "-"
LONGEST = 64
# File name extensions of captures and of their compression.
ENDINGS = {".pcap", ".pcapng", ".cap", ".dmp", ".snoop", ".gz", ".zst", ".bz2", ".xz", ".lz4"}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_OTHER = re.compile(r"[^A-Za-z0-9._-]+")


class BadName(ValueError):
    """An invalid name of a dataset; the message is the reason."""


def checked(name: str) -> str:
    """A validated name. Raises BadName."""
    if not _NAME.fullmatch(name) or len(name) > LONGEST:
        raise BadName(
            f"found the name {name[:LONGEST]!r}, expected up to {LONGEST} letters, digits, dots, hyphens "
            "and underscores, a letter or digit first"
        )
    if name == LIVE:
        raise BadName(f"{LIVE!r} is the dataset of the live sensor: choose another name")
    return name


def name_of(captures: Sequence[str]) -> str:
    """``office`` for ``/pcaps/office.pcapng.gz``; for several captures the first one, and the number of others."""
    first = captures[0]
    name = "stdin" if first == STANDARD_INPUT else _stem(Path(first))
    more = f"-and-{len(captures) - 1}-more" if len(captures) > 1 else ""
    name = _OTHER.sub("-", name).strip("-._")[: LONGEST - len(more) - 4] or "capture"
    return f"{name}{more}" if name + more != LIVE else f"{name}-capture"


def _stem(path: Path) -> str:
    while path.suffix.lower() in ENDINGS and path.stem:
        path = path.with_suffix("")
    return path.name


def captures_of(paths: Sequence[str]) -> list[str]:
    """The captures of a command line as absolute paths, so that they are recognized from any folder."""
    return [path if path == STANDARD_INPUT else str(Path(path).absolute().resolve()) for path in paths]
