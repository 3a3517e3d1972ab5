"""Reads the tail from the position in the manifest on."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from sensor.records.block import CONTEXT_BLOCK, MAGIC, Block, blocks
from sensor.records.tail import FOLDER, SUFFIX, given_up

# Bytes processed at once, which determines most of the writer's memory; more if a single block is larger.
WINDOW = 8 << 20


class Piece(NamedTuple):
    """Part of a tail file. ``context``: of its run; ``end``: offset of its end; ``last``: the file is complete;
    ``damages``: as text.
    """

    path: Path
    context: dict[str, Any]
    blocks: list[Block]
    end: int
    last: bool
    damages: list[str]

    @property
    def run(self) -> str:
        """The part of the name that all files of a run have in common."""
        return self.path.name.rpartition("-")[0]


def files(folder: Path) -> list[Path]:
    """The files of the tail, in order of creation."""
    return sorted((folder / FOLDER).glob(f"*{SUFFIX}"))


def piece(path: Path, offset: int) -> Piece | None:
    """The next piece of a file; None if its context is not there (yet)."""
    last = given_up(path)  # before reading: data written afterwards is read next time
    with path.open("rb") as file:
        head = next(blocks(file.read(64 << 10)), None)
        if head is None or head.holds != CONTEXT_BLOCK:
            return (
                Piece(path, {}, [], os.fstat(file.fileno()).st_size, True, ["no context at its beginning"])
                if last
                else None
            )
        start, window = max(offset, head.end), WINDOW
        while True:
            file.seek(start)
            data = file.read(window)
            rest = os.fstat(file.fileno()).st_size - start - len(data)
            found, end, damages = _whole(data, last and rest <= 0)
            if end or rest <= 0:
                break
            window *= 2  # for a larger block
    return Piece(
        path, json.loads(bytes(head.sections)), found, start + end, last and rest <= 0 and end == len(data), damages
    )


def _whole(data: bytes, last: bool) -> tuple[list[Block], int, list[str]]:
    """The complete blocks, and the offset of the incomplete rest. In a complete file, damaged parts are skipped."""
    found: list[Block] = []
    damages: list[str] = []
    at = 0
    while True:
        some = list(blocks(data, at))
        found += some
        at = some[-1].end if some else at
        if at == len(data):
            return found, at, damages
        further = _further(data, at + 1)
        if further < 0:
            if last:
                damages.append(f"{len(data) - at} bytes at its end are an incomplete block")
            return found, len(data) if last else at, damages
        damages.append(f"{further - at} bytes are damaged")
        at = further


def _further(data: bytes, at: int) -> int:
    """The start of the next complete block; -1 if there is none."""
    while (at := data.find(MAGIC, at)) >= 0:
        if next(blocks(data, at), None) is not None:
            return at
        at += 1
    return -1


def shapes(context: Mapping[str, Any]) -> list[tuple[str, list[tuple[str, int]]]]:
    """The message kinds of a run, by number: name, and fields with their encodings."""
    return [(name, [(field, how) for field, how in fields]) for name, fields in context.get("kinds", ())]
