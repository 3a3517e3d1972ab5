"""``sensor explain`` of an address, a domain, a MAC or a fingerprint: devices that communicated with it, first and last
time, its names, threat lists, alerts.
"""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from sensor.cli._colors import paint
from sensor.cli._known import Known
from sensor.cli._setup import complain, lists_folder
from sensor.cli._show import part, tidy
from sensor.cli._times import clock
from sensor.core.phrases import counted
from sensor.core.record_parts import time_text
from sensor.inventory.habits import OUTSIDE
from sensor.posture.picture import Picture
from sensor.records.indicator import Conversation, Name, Seen
from sensor.views.conversations import EndRow
from sensor.views.indicators import AddressHolder, Indicator, Mention

if TYPE_CHECKING:
    from sensor.intel.matches import Match

SHOWN = 10
# Times of views.
TIMES = ("first", "last")
NONE_KEPT = "none stored in this dataset"


class About(NamedTuple):
    """``records``: None if the dataset has none, for the reason in ``why``."""

    indicator: Indicator
    lists: list[Match]
    records: Seen | None
    why: str

    @property
    def known(self) -> bool:
        return bool(self.indicator.known or self.lists or (self.records is not None and self.records.tables))


def about_of(args: argparse.Namespace, found: Known) -> About | None:
    """None if the word is not an indicator."""
    from sensor.cli._site import baseline_of
    from sensor.posture.picture import AssessmentInputs
    from sensor.views.dataset import open_folder
    from sensor.views.errors import NotReadable
    from sensor.views.indicators import indicator, kind_of

    if not kind_of(args.what)[0]:
        return None
    picture = Picture(found.fold, AssessmentInputs(), baseline_of(found), found.details)
    with contextlib.ExitStack() as opened:
        data = None
        if found.folder is not None:
            with contextlib.suppress(NotReadable):
                data = opened.enter_context(open_folder(found.folder))
        about = indicator(picture, args.what, data)
    if about is None:
        return None
    records, why = _records(args, about.value)
    return About(about, _lists(args, about.value), records, why)


def _lists(args: argparse.Namespace, value: str) -> list[Match]:
    """Entries of all lists in the state folder that match."""
    import time

    from sensor.eventlog.paths import folder_to_read
    from sensor.intel.matches import matches
    from sensor.intel.names import SUFFIX

    paths = sorted(lists_folder(args.state or folder_to_read()).glob(f"*{SUFFIX}"))
    return matches(paths, [value], time.time(), lambda errors: complain(str(errors), error="config.invalid-value"))


def listed_by(alerts: Iterable[dict[str, Any]]) -> list[str]:
    """Threat lists in alerts: they may have been loaded from another folder."""
    numbers = [part(part(record, "alert"), "numbers") for record in alerts]
    return list(
        dict.fromkeys(
            f"{tidy(one['list'])} ({tidy(one.get('category')) or 'no category'}), according to an alert"
            for one in numbers
            if one.get("list")
        )
    )


def _records(args: argparse.Namespace, value: str) -> tuple[Seen | None, str]:
    """Matches in traffic records, or why they are unknown."""
    from sensor.cli._data import dataset_of
    from sensor.records.filters import SearchError
    from sensor.records.indicator import seen
    from sensor.records.installed import MISSING, installed
    from sensor.records.paths import MANIFEST, records_folder
    from sensor.records.query import NoRecords, Query, QueryError
    from sensor.records.search import understood

    folder = records_folder(dataset_of(args).log)
    if not (folder / MANIFEST).is_file():
        return None, NONE_KEPT
    if not installed():
        return None, f"unknown: reading them {MISSING}"
    try:
        query = Query(folder)
    except NoRecords as error:
        return None, f"unknown: {error}"
    try:
        return seen(query, understood(value, query)), ""
    except (QueryError, SearchError) as error:
        return None, f"unknown: {error}"
    finally:
        query.close()


def explain_indicator(about: About, colours: bool = False) -> list[str]:
    """The indicator as lines of text."""
    one = about.indicator
    place = "" if one.internal is None else "internal " if one.internal else "external "
    lines = [paint(f"{tidy(one.value)} ({place}{one.kind})", "bold", colours)]
    if one.first:
        lines.append(_fact("seen", f"{_span(one.first, one.last)}"))
    for name, values in (("names", one.names), ("addresses", one.addresses)):
        if values:
            lines.append(_fact(name, _some(values)))
    lines.append(
        _fact(
            "lists",
            "; ".join([*map(_list, about.lists), *listed_by(one.alerts)]) or "not on any list in the state folder",
        )
    )
    lines += _block("devices", [_holder(each) for each in one.holders])
    lines += _block("seen in", [_mention(each) for each in one.mentions])
    if not one.baseline and one.kind != "fingerprint":
        lines.append(_fact("baseline", "unknown: no inventory was read"))
    conversations = [
        f"{_end(row.client)} → {_end(row.server)} {row.service}, {_span(row.first, row.last)}"
        for row in one.conversations
    ]
    lines += _block("conversations (baseline)", conversations)
    lines += _of_records(about)
    return lines + _block("alerts", [_alert(record) for record in one.alerts])


def body_of(about: About) -> dict[str, Any]:
    """The indicator as JSON."""
    body = {
        "kind": "indicator",
        "indicator": _with_times(msgspec.to_builtins(about.indicator)),
        "lists": [
            {
                "list": one.entry.list_name,
                "entry": one.entry.entry,
                "category": one.entry.category,
                "allows": one.allows,
                "counts": one.verdict,
            }
            for one in about.lists
        ],
    }
    if about.records is None:
        return body | {"records": None, "records_unknown": about.why}
    kept = about.records
    conversations, names = [one._asdict() for one in kept.conversations], [one._asdict() for one in kept.names]
    return body | {"records": {"rows": kept.tables, "talks": conversations, "more": kept.more, "names": names}}


def _with_times(value: Any) -> Any:
    """Times of views, ns, in the notation of records; null if there is none."""
    if isinstance(value, list):
        return [_with_times(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {
        name: (time_text(one) if one else None) if name in TIMES and isinstance(one, int) else _with_times(one)
        for name, one in value.items()
    }


def _of_records(about: About) -> Iterator[str]:
    kept = about.records
    if kept is None:
        yield _fact("records", about.why)
        return
    yield _fact(
        "records", ", ".join(f"{count:,} in {name}" for name, count in kept.tables.items()) or "no matching records"
    )
    yield from _block("names (records)", [_record_name(one) for one in kept.names])
    more = [f"… and more: sensor search {tidy(about.indicator.value)}"] if kept.more else []
    yield from _block(
        "connections (records)", [*map(_conversation, kept.conversations), *more], len(kept.conversations) + 1
    )


def _block(name: str, lines: Sequence[str], shown: int = SHOWN) -> list[str]:
    """A heading with lines; empty without lines."""
    more = [f"    … and {len(lines) - shown:,} more"] if len(lines) > shown else []
    return [f"  {name}:", *(f"    {line}" for line in lines[:shown]), *more] if lines else []


def _fact(name: str, value: str) -> str:
    return f"  {name:11} {value}"


def _some(values: Sequence[str]) -> str:
    more = f" and {len(values) - SHOWN:,} more" if len(values) > SHOWN else ""
    return ", ".join(map(tidy, values[:SHOWN])) + more


def _time(ns: int) -> str:
    return clock(time_text(ns))


def _span(first: int, last: int) -> str:
    """Both times, or one if they are equal to the second."""
    begin, end = _time(first), _time(last)
    return begin if begin == end else f"{begin} to {end}"


def _list(one: Match) -> str:
    kind, entry = "allowed by" if one.allows else "on", one.entry
    return tidy(
        f"{kind} {entry.list_name}"
        + (f" ({entry.category})" if entry.category else "")
        + (f", as {entry.entry}" if entry.entry else "")
        + (" (expired)" if one.expired else "")
    )


def _holder(one: AddressHolder) -> str:
    return (
        f"{tidy(one.device)}{f' ({tidy(one.name)})' if one.name else ''} "
        f"{'current' if one.held else 'former'}, {_span(one.first, one.last)}"
    )


def _mention(one: Mention) -> str:
    who = f"{tidy(one.device)}{f' ({tidy(one.name)})' if one.name else ''}"
    return f"{who}: {one.observation} {one.seen!r}, {_span(one.first, one.last)}"


def _end(one: EndRow) -> str:
    if one.id == OUTSIDE:
        return tidy(one.name or one.address or "external hosts")
    return tidy(one.address or one.id) + (f" ({tidy(one.name)})" if one.name else "")


def _record_name(one: Name) -> str:
    return f"{tidy(one.name)} ({one.source}), {_sql_span(one.first, one.last)}"


def _conversation(one: Conversation) -> str:
    from sensor.records.summary import size

    times = f"{counted(one.connections, 'connection')}, {size(one.bytes)}"
    return f"{tidy(one.client)} → {tidy(one.server)} {tidy(one.service)}, {times}, {_sql_span(one.first, one.last)}"


def _sql_span(first: str, last: str) -> str:
    """Times in SQL notation, as printed for users."""
    begin, end = (clock(f"{text.replace(' ', 'T')[:19]}.000000Z") for text in (first, last))
    return begin if begin == end else f"{begin} to {end}"


def _alert(record: dict[str, Any]) -> str:
    alert = part(record, "alert")
    return (
        f"{tidy(record.get('severity'))}: {tidy(record.get('msg'))} ({tidy(alert.get('id'))}, "
        f"{clock(alert.get('last'))})"
    )
