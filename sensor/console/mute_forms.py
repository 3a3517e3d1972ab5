"""Mutes: created from a form, backtested on stored alerts, and written to the file of `sensor mute`."""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Collection, Container, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from sensor.alerts.mutes import Mute, Mutes, finding_of_record, load_mutes, save_mutes
from sensor.console.parts import pairs
from sensor.core.foreign import host_of, part
from sensor.core.reader import clean
from sensor.core.record_parts import objects
from sensor.documents import DocumentErrors
from sensor.views.alert_filter import AlertFilter
from sensor.views.alerts import AlertRow, alerts
from sensor.views.dataset import Data
from sensor.views.errors import Malformed, NotReadable

TEXTS, NUMBERS = ("detector", "src", "dst", "type", "hours"), ("port", "vlan")
FIELDS = (*TEXTS, *NUMBERS)
SPANS = ("1h", "1d", "7d", "30d", "90d", "ever")
SPAN = "7d"
UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
# Limits of a backtest: alerts read, newest first; alerts in one query; suppressed alerts shown.
READ, PAGE, SHOWN = 20_000, 1000, 20
_WRITING = threading.Lock()


class Backtest(NamedTuple):
    """``silent``: number of alerts that the mutes would have suppressed, by severity in ``counts``, by mute in
    ``by_mute``; ``others``: those besides the alerts that are muted, the first of them in ``rows``; ``read``: alerts
    examined; ``total``: stored alerts.
    """

    silent: int
    others: int
    rows: list[AlertRow]
    counts: Mapping[str, int]
    by_mute: Sequence[int]
    read: int
    total: int


def proposed(row: AlertRow) -> dict[str, str]:
    """The narrowest mute for an alert: its detector, its actor and, if it has one, its target."""
    source, targets = part(row.record, "src"), objects(row.record.get("targets")) or [part(row.record, "dst")]
    found = {
        "detector": row.detector,
        "src": host_of(source),
        "dst": host_of(targets[0]) if len(targets) == 1 else "",
    }
    return {name: value for name, value in found.items() if value}


def scopes(row: AlertRow) -> list[dict[str, str]]:
    """Wider and wider mutes of an alert: its actor and target, its actor, all detections of its tactic by the actor."""
    narrow = proposed(row)
    if "src" not in narrow:
        return [narrow]
    actor = {"src": narrow["src"]}
    wider = [{"detector": row.detector} | actor, {"detector": f"{row.detector.partition('.')[0]}.*"} | actor]
    return [narrow, *wider] if "dst" in narrow else wider


def choices(rows: Sequence[AlertRow]) -> dict[str, list[dict[str, str]]]:
    """The mutes that several alerts can have: one, if they have the detector or the actor in common, or else one for
    each, equal ones once.
    """
    several = [proposed(row) for row in rows]
    each = [dict(one) for one in dict.fromkeys(tuple(one.items()) for one in several)]
    common = {name: value for name, value in several[0].items() if all(one.get(name) == value for one in several)}
    found = {"one": [common]} if common.keys() & {"detector", "src"} else {}
    return found if found.get("one") == each else found | {"each": each}


def mute_of(given: Mapping[str, str], name: str, author: str, now: datetime) -> Mute:
    """The mute in a form. Raises Malformed."""
    values: dict[str, Any] = {field: given[field].strip() for field in FIELDS if given.get(field, "").strip()}
    if not (str(values.get("detector", "")).strip("*?.") or values.get("src") or values.get("dst")):
        raise Malformed("mute", "neither", "a detector, an actor or a target: without them it suppresses all alerts")
    for field in NUMBERS:
        if field in values:
            if not re.fullmatch(r"\d{1,5}", values[field], re.ASCII):
                raise Malformed(field, values[field], "a number")
            values[field] = int(values[field])
    try:
        reason = clean(given.get("reason", "")).strip() or "no reason given"
        expires = _expiry(given.get("span", "") or SPAN, now)
        return Mute.model_validate(
            {"id": name, "author": author, "reason": reason, "created": moment_text(now), "expires": expires, **values}
        )
    except (ValidationError, ValueError) as error:
        raise Malformed("mute", ", ".join(f"{key}={value}" for key, value in pairs(values)), faults_of(error)) from None


def until(mute: Mute) -> str:
    """How long a mute is in force."""
    return f"until {mute.expires}" if mute.expires else "without expiry"


def _expiry(span: str, now: datetime) -> str:
    found = re.fullmatch(r"([1-9]\d{0,4})([mhdw])", span, re.ASCII)
    if found is None and span != "ever":
        raise Malformed("span", span, "a span such as 12h, 7d or 4w, or ever")
    return moment_text(now + timedelta(**{UNITS[found[2]]: int(found[1])})) if found else ""


def moment_text(when: datetime) -> str:
    """A time as in the file of mutes; such texts sort like times."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def faults_of(error: ValidationError | ValueError) -> str:
    if not isinstance(error, ValidationError):
        return str(error)
    return "; ".join(
        f"{'.'.join(map(str, one['loc']))}: {one['msg'].removeprefix('Value error, ')}"
        for one in error.errors(include_url=False)
    )


def backtest(data: Data, several: Sequence[Mute], muted: Container[str] = ()) -> Backtest:
    """Stored alerts that mutes would have suppressed, regardless of their expiry. ``muted``: ids of the alerts for
    which they are made. Raises Unknown if no alert has a detector of that name.
    """
    mutes = Mutes([mute.model_copy(update={"id": str(place), "expires": ""}) for place, mute in enumerate(several)])
    detectors = {mute.detector for mute in several}
    wanted = AlertFilter(detector=tuple(sorted(detectors)) if "*" not in detectors else ())
    cursor, read, total = "", 0, 0
    silent: list[tuple[Mute, AlertRow]] = []
    while read < READ:
        page = alerts(data, wanted, "last", limit=PAGE, cursor=cursor)
        read, total, cursor = read + len(page.rows), max(total, page.total), page.cursor
        found = ((finding_of_record(row.record), row) for row in page.rows)
        silent += [(mute, row) for one, row in found if one is not None and (mute := mutes.match(one)) is not None]
        if not cursor:
            break
    others = [row for _, row in silent if row.id not in muted]
    by_severity, by_mute = Counter(row.severity for _, row in silent), Counter(mute.id for mute, _ in silent)
    counts = [by_mute[mute.id] for mute in mutes.mutes]
    return Backtest(len(silent), len(others), others[:SHOWN], by_severity, counts, read, max(total, read))


def add(path: Path, given: Sequence[Mapping[str, str]], author: str, now: datetime) -> list[Mute]:
    """Write mutes, all or none; a running sensor applies them within a second. Raises Malformed; NotReadable if the
    file is invalid; OSError.
    """
    with _WRITING:
        mutes = loaded(path)
        last = max((int(mute.id[1:]) for mute in mutes if re.fullmatch(r"m\d{1,9}", mute.id)), default=0)
        added = [mute_of(one, f"m{number}", author, now) for number, one in enumerate(given, last + 1)]
        save_mutes(path, [*mutes, *added])
        return added


def remove(path: Path, names: Collection[str]) -> None:
    """Remove mutes, all or none. Raises Malformed if a name does not exist; NotReadable, OSError."""
    with _WRITING:
        mutes = loaded(path)
        for name in names:
            if name not in {mute.id for mute in mutes}:
                raise Malformed("mute", name, "an existing one: it was removed in the meantime")
        save_mutes(path, [mute for mute in mutes if mute.id not in names])


def loaded(path: Path) -> list[Mute]:
    """The mutes of a file; none without it. Raises NotReadable if the file is invalid."""
    try:
        return load_mutes(path)
    except DocumentErrors as errors:
        raise NotReadable(f"the file of mutes is invalid: {errors}") from None
