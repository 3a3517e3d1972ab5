"""The frame behind a piece of evidence. Evidence has a time; the frame of that time is looked up in the packets that
are still available: packets of alerts, and captures of a replay.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from sensor.capture.files import open_captures
from sensor.console.hexview import Span
from sensor.console.moments import parsed
from sensor.core.batch import Batch
from sensor.core.phrases import counted
from sensor.datasets.dataset import PACKETS, Dataset
from sensor.evidence.blank import Blanker
from sensor.evidence.read import EvidenceFrame
from sensor.evidence.ring import Frame

# Captures are read from the start: limits of seconds and of files.
SECONDS, FILES = 10.0, 500
_AT_ONCE = threading.BoundedSemaphore(2)
SHORTEST = 3


class Proof(NamedTuple):
    """``frame``: None if it is not available, for the reason in ``missing``; ``spans``: the bytes that support the
    claim, none if they cannot be located; ``source``: the file.
    """

    frame: EvidenceFrame | None
    spans: list[Span]
    source: str
    missing: str


def proof_of(dataset: Dataset, claim: dict[str, Any]) -> Proof:
    """The frame of a claim in a record: at its ``first`` time, otherwise its ``last``."""
    moments = {one for name in ("first", "last") if (one := _micros(str(claim.get(name))))}
    paths = [path for path in _paths(dataset) if path.is_file()]
    if not paths:
        return Proof(None, [], "", _without_packets(dataset))
    best: Proof | None = None
    deadline = time.monotonic() + SECONDS
    with _AT_ONCE:
        for path in paths:
            for frame in _frames_at(path, moments, deadline):
                found = Proof(frame, spans_of(frame.data, claim), path.name, "")
                if found.spans:
                    return found
                best = best or found
            if time.monotonic() > deadline:
                break
    return best or Proof(None, [], "", _not_found(paths, deadline))


def spans_of(data: bytes, claim: dict[str, Any]) -> list[Span]:
    """Position of a claim's text in a frame: as is, as a DNS name, in UTF-16, as numbers; otherwise of its words."""
    seen = str(claim.get("seen") or "")
    if str(claim.get("observation", "")).startswith("oui.") and len(data) >= 12:
        return [(6, 9)]
    for encoded in _encodings(seen):
        if len(encoded) >= SHORTEST and (at := data.lower().find(encoded.lower())) >= 0:
            return [(at, at + len(encoded))]
    words = [word.encode() for word in re.split(r"[\s,;.()\"]+", seen) if len(word) > SHORTEST]
    return [(at, at + len(word)) for word in words if (at := data.lower().find(word.lower())) >= 0]


def _encodings(text: str) -> Iterator[bytes]:
    yield text.encode()
    labels = [label.encode() for label in text.split(".")]
    if len(labels) > 1 and all(0 < len(label) < 64 for label in labels):
        yield b"".join(bytes((len(label),)) + label for label in labels)
    yield text.encode("utf-16-le")
    numbers = re.split(r"[,\s]+", text)
    if all(re.fullmatch(r"\d{1,3}", one, re.ASCII) and int(one) < 256 for one in numbers):
        yield bytes(map(int, numbers))


def _paths(dataset: Dataset) -> Iterator[Path]:
    """Captures first: they contain every packet."""
    yield from (Path(name) for name in dataset.card.captures if name.startswith("/"))
    if dataset.evidence.is_dir():
        yield from sorted(path for path in dataset.evidence.glob(PACKETS) if not path.is_symlink())[:FILES]


def _frames_at(path: Path, moments: set[int], deadline: float) -> Iterator[EvidenceFrame]:
    """The frames of a file at these times (µs), with passwords removed."""
    source = open_captures([str(path)])
    try:
        for batch in source.batches():
            places = np.flatnonzero(np.isin(batch.rows["ts"] // 1000, list(moments)))
            yield from map(_blanked, _cut(batch, places.tolist()))
            if time.monotonic() > deadline:
                return
    finally:
        source.close()


def _cut(batch: Batch, places: Sequence[int]) -> list[Frame]:
    found = []
    for place in places:
        row = batch.rows[place]
        start, size = int(row["frame"]), int(row["caplen"])
        data = batch.data[start : start + size].tobytes()
        found.append(Frame(int(row["ts"]), int(row["link"]), int(row["wirelen"]), data))
    return found


def _blanked(frame: Frame) -> EvidenceFrame:
    data, was = Blanker().blank([frame])[0]
    return EvidenceFrame(frame.ts, data, frame.size, "a password in it is blanked" if was else "", frame.link)


def _micros(text: str) -> int:
    when = parsed(text)
    return int(when.timestamp()) * 1_000_000 + when.microsecond if when is not None else 0


def _without_packets(dataset: Dataset) -> str:
    if dataset.card.captures:
        return (
            f"The capture {Path(dataset.card.captures[0]).name} no longer exists, or the console has no "
            "permission to read it."
        )
    return "The sensor stores the packets of alerts, but no file exists."


def _not_found(paths: Sequence[Path], deadline: float) -> str:
    files = counted(len(paths), "file")
    if time.monotonic() > deadline:
        return f"The frame was not found within {SECONDS:.0f} seconds in {files}: open the capture in Wireshark."
    return f"The frame is not in {files} of packets: the sensor stores packets of alerts only."
