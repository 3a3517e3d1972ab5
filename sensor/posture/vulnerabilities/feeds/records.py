"""Feeds with one record per file: CVE JSON 5 and CSAF advisories, single, in a folder or in an archive."""

from __future__ import annotations

import functools
import io
import json
import os
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

from sensor.core.reader import clean
from sensor.posture.vulnerabilities.feeds import csaf, cve_record
from sensor.posture.vulnerabilities.feeds.entry import Broken, Feed, Item, Unreadable

# Limit of one record, bytes.
RECORD_LIMIT = 16 << 20
BAD_DATA = (OSError, EOFError, zlib.error, zipfile.BadZipFile, NotImplementedError, RuntimeError)
# Records with their names, or their faults.
Files = Iterator[tuple[str, str | Broken]]
# Called with a number of bytes that were read.
Progress = Callable[[int], None]


def of_folder(folder: Path, progress: Progress) -> Files:
    """One folder at a time: the names of all records would need much memory."""
    for where, below, names in os.walk(folder):
        below.sort()
        for name in sorted(names):
            path = Path(where, name)
            if name.endswith(".json") and path.is_file():
                name, text = _text(str(path.relative_to(folder)), functools.partial(io.FileIO, path))
                progress(len(text) if isinstance(text, str) else 0)
                yield name, text


def of_archive(archive: zipfile.ZipFile) -> Files:
    for info in archive.infolist():
        if info.filename.endswith(".json"):
            yield _text(info.filename, functools.partial(archive.open, info))


def _text(name: str, opened: Callable[[], IO[bytes]]) -> tuple[str, str | Broken]:
    try:
        with opened() as file:
            return name, file.read(RECORD_LIMIT + 1).decode("utf-8", "replace")
    except BAD_DATA as error:
        return name, Broken(name, f"it cannot be read: {clean(str(error), 120)}")


def records(files: Files) -> Feed:
    """Records of CVE JSON 5 or CSAF advisories; the first record of either kind determines which. Other files (lists of
    changes) are skipped.
    """
    before: list[Broken] = []
    for name, text in files:
        record = _record(name, text)
        if isinstance(record, Broken):
            before.append(record)
        elif kind := _kind(record):
            stamp = csaf.stamp_of(record) if kind == "csaf" else ""
            return Feed(kind, stamp, _all(kind, before, (name, record), files))
    raise Unreadable(
        f"contains no record: {before[0].where}: {before[0].why}"
        if before
        else "is not NVD 2.0, CVE JSON 5, KEV, EPSS or CSAF"
    )


def _kind(record: Any) -> str:
    if isinstance(record, dict) and record.get("dataType") == cve_record.TYPE:
        return "cve"
    return "csaf" if isinstance(record, dict) and isinstance(record.get("document"), dict) else ""


def _record(name: str, text: str | Broken) -> Any:
    if isinstance(text, Broken):
        return text
    if len(text) > RECORD_LIMIT:
        return Broken(name, f"it is larger than {RECORD_LIMIT:,} bytes")
    try:
        return json.loads(text)
    except ValueError as error:
        return Broken(name, f"invalid JSON: {clean(str(error), 80)}")
    except RecursionError:
        return Broken(name, "it is nested too deeply")


def _all(kind: str, before: list[Broken], first: tuple[str, Any], files: Files) -> Iterator[Item]:
    yield from before
    yield from _items_of(kind, *first)
    for name, text in files:
        record = _record(name, text)
        if isinstance(record, Broken):
            yield record
        elif _kind(record) == kind:
            yield from _items_of(kind, name, record)


def _items_of(kind: str, name: str, record: Any) -> Iterator[Item]:
    try:
        if kind == "cve":
            yield cve_record.entry_of(record)
        else:
            yield from csaf.entries_of(record)
    except ValueError as error:
        yield Broken(name, str(error))
