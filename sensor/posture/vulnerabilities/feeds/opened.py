"""Opens a feed of any kind: a file, compressed or not, an archive or a folder of records. Content, not the name,
determines the kind.
"""

from __future__ import annotations

import contextlib
import csv
import gzip
import io
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TextIO

from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.reader import clean
from sensor.posture.vulnerabilities.feeds import epss, kev, nvd
from sensor.posture.vulnerabilities.feeds.entry import Broken, Entry, Exploited, Feed, Item, Score, Unreadable
from sensor.posture.vulnerabilities.feeds.json_stream import ElementStream
from sensor.posture.vulnerabilities.feeds.records import (
    BAD_DATA,
    RECORD_LIMIT,
    Progress,
    of_archive,
    of_folder,
    records,
)

# Limits of a decompressed feed in bytes, and of a line in characters.
SIZE_LIMIT, LINE_LIMIT = 8 << 30, 1 << 20
_SNIFFED = 1 << 16
_NVD = lazy_pattern(r'"format"\s*:\s*"NVD_CVE"|"vulnerabilities"\s*:\s*\[\s*\{\s*"cve"\s*:\s*\{')
_KEV = lazy_pattern(r'"catalogVersion"\s*:|"vulnerabilities"\s*:\s*\[\s*\{\s*"cveID"\s*:')


class _Limited(io.TextIOWrapper):
    """UTF-8 text that raises Unreadable above the size limit: compressed data may expand to any size."""

    left = SIZE_LIMIT

    def read(self, size: int | None = -1, /) -> str:
        text = super().read(size)
        self.left -= len(text)
        if self.left < 0:
            raise Unreadable(f"is larger than {SIZE_LIMIT:,} characters after decompression")
        return text


class _Counted(io.FileIO):
    """Reports the number of bytes of each read."""

    def __init__(self, path: Path, progress: Progress) -> None:
        super().__init__(path)
        self._progress = progress

    def readinto(self, buffer: Any, /) -> int | None:
        count = super().readinto(buffer)
        self._progress(count or 0)
        return count


@contextlib.contextmanager
def open_feed(path: Path, progress: Progress = lambda _: None) -> Iterator[Feed]:
    """``progress`` is called with the number of bytes of each read. Raises Unreadable if it is not a feed, or is
    truncated; OSError if it cannot be opened.
    """
    if path.is_dir():
        yield records(of_folder(path, progress))
        return
    with io.BufferedReader(_Counted(path, progress)) as raw:
        magic = raw.peek(4)[:4]
        try:
            if magic == b"PK\x03\x04":
                with zipfile.ZipFile(raw) as archive:
                    yield records(of_archive(archive))
            else:
                plain: Any = gzip.GzipFile(fileobj=raw) if magic[:2] == b"\x1f\x8b" else raw
                with _Limited(plain, encoding="utf-8-sig", errors="replace", newline="") as text:
                    yield _of_text(text)
        except BAD_DATA as error:
            raise Unreadable(f"cannot be decompressed: {clean(str(error), 120)}") from None


def _of_text(text: TextIO) -> Feed:
    head = text.read(_SNIFFED)
    whole = _Joined(head, text)
    start = head.lstrip()[:1]
    if start != "{":
        return _of_csv(whole)
    if _NVD.search(head):
        return _of_list("nvd", whole, nvd.LIST, nvd.FIRST, nvd.entry_of, nvd.stamp_of)
    if _KEV.search(head):
        return _of_list("kev", whole, kev.LIST, kev.FIRST, kev.exploited_of, kev.stamp_of)
    return records(iter([("record", head + text.read(RECORD_LIMIT))]))


class _Joined(io.StringIO):
    """The text read for detection, then the rest."""

    def __init__(self, head: str, rest: TextIO) -> None:
        super().__init__(head, newline="")
        self._rest = rest

    def read(self, size: int | None = -1, /) -> str:
        return super().read(size) or self._rest.read(-1 if size is None else size)

    def lines(self) -> Iterator[str]:
        """The lines of both. The text read for detection may end within a line."""
        *whole, cut = super().readlines() or [""]
        yield from whole
        line, left = cut + self._rest.readline(LINE_LIMIT), SIZE_LIMIT
        while line:
            yield line
            left -= len(line)
            if left < 0:
                raise Unreadable(f"is larger than {SIZE_LIMIT:,} characters after decompression")
            line = self._rest.readline(LINE_LIMIT)


def _of_list(
    kind: str,
    text: _Joined,
    name: str,
    first: str,
    made: Callable[[dict[str, Any]], Entry | Exploited],
    stamp: Callable[..., str],
) -> Feed:
    stream = ElementStream(text, name, first)

    def items() -> Iterator[Item]:
        for number, element in enumerate(stream):
            yield element if isinstance(element, Broken) else _made(f"{name}[{number}]", made, element)

    return Feed(kind, stamp(stream.header), items(), nvd.page_of(stream.header) if kind == "nvd" else "")


def _made(where: str, made: Callable[[Any], Entry | Exploited | Score], element: Any) -> Item:
    try:
        return made(element)
    except ValueError as error:
        return Broken(where, str(error))


def _of_csv(text: _Joined) -> Feed:
    lines = text.lines()
    first = next(lines, "").strip()
    if first.startswith("#") or first == epss.HEADING:
        if first.startswith("#"):
            next(lines, "")
        return Feed("epss", epss.stamp_of(first), _rows(lines, epss.score_of, 3 if first.startswith("#") else 2))
    columns = next(csv.reader([first]), [])
    if "cveID" in columns:
        return Feed("kev", "", _rows(lines, lambda row: kev.exploited_of(dict(zip(columns, row, strict=False))), 2))
    raise Unreadable("is not NVD 2.0, CVE JSON 5, KEV, EPSS or CSAF")


def _rows(lines: Iterator[str], made: Callable[[list[str]], Exploited | Score], first: int) -> Iterator[Item]:
    """One item per row; quoted text may span lines."""
    reader = csv.reader(lines)
    number = first
    while True:
        try:
            row = next(reader, None)
        except csv.Error as error:
            yield Broken(f"line {number}", str(error))
            continue
        if row is None:
            return
        if row:
            yield _made(f"line {number}", made, row)
        number = first + reader.line_num
