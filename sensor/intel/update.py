"""Updates one stored list: fetched, parsed, compared with the old one, and written as a plain list that loads quickly.

On any fault the old list stays: a list that cannot be fetched or parsed, or that would lose most of its entries.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from sensor.documents import DocumentErrors, Fault, write_whole
from sensor.https import NotFetched
from sensor.intel.fetch import Fetched, fetch, headers_of
from sensor.intel.formats import HEADING
from sensor.intel.indicator import Indicator, refanged
from sensor.intel.list_sources import ListSource, load_sources, save_source
from sensor.intel.readers import IndicatorList, read_list
from sensor.intel.store import shrunk

DAY = 86_400
Fetch = Callable[..., Fetched]


class UpdateResult(NamedTuple):
    """Result of an update. ``trouble``: why the old list stays, otherwise empty; ``added``, ``removed``: number of
    entries; ``faults``: skipped lines of the source.
    """

    list_source: ListSource
    trouble: str = ""
    unchanged: bool = False
    added: int = 0
    removed: int = 0
    faults: tuple[Fault, ...] = ()


def update(
    one: ListSource, folder: Path, now: int, *, moment: str, force: bool = False, get: Fetch = fetch
) -> UpdateResult:
    """Update a list; ``now``: seconds since 1970, the same time as ``moment``. ``force``: also if it lost most of its
    entries. A new list that cannot be fetched leaves nothing behind. Raises OSError if it cannot be written.
    """
    outcome = _update(one, folder, now, moment, force=force, get=get)
    if not outcome.trouble or any(each.name == one.name for each in load_sources(folder)):
        save_source(folder, outcome.list_source)
    return outcome


def _update(one: ListSource, folder: Path, now: int, moment: str, *, force: bool, get: Fetch) -> UpdateResult:
    path = one.path(folder)
    # Entries that expire some time after the last fetch are rewritten each time.
    conditional = path.exists() and not one.keep_days and not one.trouble
    try:
        headers = headers_of(Path(one.header_file)) if one.header_file else {}
        got = get(
            one.source,
            etag=one.etag if conditional else "",
            modified=one.modified if conditional else "",
            headers=headers,
        )
    except NotFetched as error:
        return _refused(one, str(error))
    if got.body is None:
        return UpdateResult(one.model_copy(update={"fetched": moment, "trouble": ""}), unchanged=True)
    try:
        new = _read(one, got.body)
        if got.note:
            new.faults.insert(0, Fault(Path(one.name), 1, 1, got.note))
    except DocumentErrors as errors:
        return _refused(one, errors.faults[0].message, tuple(errors.faults))
    before, lines = _values(path), _lines(one, new, now)
    if shrunk(len(before), len(lines)) and not force:
        return _refused(
            one,
            (
                f"has {len(lines):,} entries instead of {len(before):,}: the old list is kept (--force accepts "
                "the new one)"
            ),
            tuple(new.faults),
        )
    if new_text := "".join(f"{line.line()}\n" for line in lines.values()).encode():
        new_text = HEADING + new_text
    write_whole(path, new_text)
    done = {"fetched": moment, "etag": got.etag, "modified": got.modified, "entries": len(lines), "trouble": ""}
    added = len(lines.keys() - before)
    return UpdateResult(one.model_copy(update=done), "", False, added, len(before - lines.keys()), tuple(new.faults))


def _refused(one: ListSource, trouble: str, faults: tuple[Fault, ...] = ()) -> UpdateResult:
    return UpdateResult(one.model_copy(update={"trouble": trouble[:1024]}), trouble, faults=faults)


def _read(one: ListSource, body: bytes) -> IndicatorList:
    """The list in a body; its faults contain the name of the list."""
    with tempfile.NamedTemporaryFile(prefix="sensor-intel-") as file:
        file.write(body)
        file.flush()
        try:
            read = read_list(Path(file.name))
        except DocumentErrors as errors:
            raise DocumentErrors([fault._replace(path=Path(one.name)) for fault in errors.faults]) from None
    read.faults = [fault._replace(path=Path(one.name)) for fault in read.faults]
    return read


def _lines(one: ListSource, read: IndicatorList, now: int) -> dict[str, Indicator]:
    """The entries by their value; missing metadata comes from the list's settings."""
    until = now + one.keep_days * DAY if one.keep_days else 0
    confidence = -1 if one.confidence is None else one.confidence
    found: dict[str, Indicator] = {}
    for offset_at in np.unique(read.offset, return_index=True)[1].tolist():
        line = read.line(offset_at)
        value = refanged(line.value) or line.value
        new = line._replace(
            value=value,
            category=line.category or one.category,
            until=line.until or until,
            confidence=line.confidence if line.confidence >= 0 else confidence,
        )
        # Of repeated indicators the one that is valid longest counts, as in lookups.
        if value not in found or (found[value].until and (not new.until or new.until > found[value].until)):
            found[value] = new
    return found


def _values(path: Path) -> set[str]:
    """Current entries of a stored list."""
    try:
        read = read_list(path)
    except DocumentErrors:
        return set()
    return {read.line(number).value for number in range(len(read))}
