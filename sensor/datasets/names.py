"""Names of datasets: made from the capture, and checked when an operator chooses one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from sensor.datasets.card import LIVE

STANDARD_INPUT = "-"
LONGEST = 64
# Endings of capture files and of what packs them.
ENDINGS = {".pcap", ".pcapng", ".cap", ".dmp", ".snoop", ".gz", ".zst", ".bz2", ".xz", ".lz4"}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_OTHER = re.compile(r"[^A-Za-z0-9._-]+")


class BadName(ValueError):
    """Not a valid name of a dataset; the text is the reason."""


def checked(name: str) -> str:
    """The name. BadName when it cannot be one."""
    if not _NAME.fullmatch(name) or len(name) > LONGEST:
        raise BadName(
            f"found the name {name[:LONGEST]!r}, expected up to {LONGEST} letters, digits, dots, hyphens "
            "and underscores, a letter or digit first"
        )
    if name == LIVE:
        raise BadName(f"{LIVE!r} is the dataset of the live sensor: choose another name")
    return name


def name_of(captures: Sequence[str]) -> str:
    """``office`` for ``/pcaps/office.pcapng.gz``; the first of several, and how many more there are."""
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
    """The captures of a command line, so that the same ones are recognized from any folder."""
    return [path if path == STANDARD_INPUT else str(Path(path).absolute().resolve()) for path in paths]
