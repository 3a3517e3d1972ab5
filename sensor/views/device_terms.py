"""Terms that filter and sort lists of devices, in the user's notation: ``type=camera``, ``vendor!=axis``, ``seen<24h``,
``confidence>0.8``, or a text.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from difflib import get_close_matches
from operator import itemgetter
from typing import Any, NamedTuple

from sensor.core.foreign import Record, part, tidy
from sensor.core.severities import SEVERITIES
from sensor.inventory.corrections import CRITICALITIES
from sensor.views.errors import Malformed, Unknown, ViewError, one_of
from sensor.views.known_values import check, check_vlans

EXACT = ("type", "vlan", "id", "state", "criticality")
FIELDS = {
    **{
        name: (name,)
        for name in (
            "type",
            "vlan",
            "id",
            "vendor",
            "model",
            "firmware",
            "serial",
            "os",
            "software",
            "location",
            "note",
            "contested",
            "owner",
            "criticality",
        )
    },
    "name": ("hostname", "names"),
    "ip": ("ips",),
    "mac": ("macs",),
    "role": ("roles",),
    "tag": ("tags",),
    "service": ("services",),
    "state": (),
}
# Compared with < and >: an age for times, a number from 0 to 1 for the confidence.
NUMBERS = ("vlan", "confidence")
# Columns of open alerts beside the values of the device.
ALERTS = ("open_alerts", "alert_severity")
TIMES = {"seen": "last_seen", "first": "first_seen"}
_TEST = re.compile(r"([a-z_]+)(!=|=|<|>)(.*)", re.DOTALL)
# Ages beyond a million weeks have no date.
_AGE = re.compile(r"(\d{1,6}(?:\.\d{1,6})?)([smhdw])", re.ASCII)
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


class Term(NamedTuple):
    """One condition. ``key`` is empty for a text alone."""

    key: str
    sign: str
    text: str
    number: float = 0.0


class InvalidTerm(ViewError):
    """An invalid term; the message has the fault and what was expected."""


def is_term(typed: str) -> bool:
    """Whether a word has the form of a condition, such as ``type=camera``."""
    return _TEST.fullmatch(typed) is not None


def term_of(typed: str) -> Term:
    """Parse KEY=TEXT, KEY!=TEXT, seen<24h, confidence>0.8, or a text. Raises InvalidTerm if there is no such key."""
    found = _TEST.fullmatch(typed)
    if found is None:
        return Term("", "", typed.casefold())
    key, sign, text = found.groups()
    if sign in "<>":
        return _comparison(key, sign, text)
    if key not in FIELDS:
        raise InvalidTerm(_no_key("filter", key, FIELDS))
    _check_word(key, text.casefold())
    return Term(key, sign, text.casefold())


def _check_word(key: str, text: str) -> None:
    """Raises InvalidTerm if a field cannot have a value: a mistake of the user, not a search without matches."""
    try:
        if key == "state":
            one_of(key, [text], ("present", "gone"))
        elif key == "criticality":
            one_of(key, filter(None, [text]), CRITICALITIES)
        elif key == "type":
            check(key, [text])
        elif key == "vlan":
            check_vlans([int(text) if text.isdecimal() else text])
    except (Unknown, Malformed) as error:
        raise InvalidTerm(str(error)) from None


def _comparison(key: str, sign: str, text: str) -> Term:
    if key == "confidence":
        try:
            return Term(key, sign, text, float(text))
        except ValueError:
            raise InvalidTerm(f"found {text!r} for confidence, expected a number such as 0.8") from None
    if key not in TIMES:
        raise InvalidTerm(_no_key("filter with < or >", key, [*TIMES, "confidence"]))
    age = _AGE.fullmatch(text)
    if age is None:
        raise InvalidTerm(f"found {text!r} for {key}, expected an age such as 30m, 24h or 7d")
    return Term(key, sign, text, float(age[1]) * _UNITS[age[2]])


def _no_key(what: str, key: str, keys: Iterable[str]) -> str:
    near = get_close_matches(key, list(keys), 1)
    return f"no {what} {key!r}" + (f", did you mean {near[0]!r}?" if near else f", expected one of {', '.join(keys)}")


def matching(records: Iterable[Record], wanted: Sequence[Term], now: datetime) -> list[Record]:
    """The devices that match all terms. ``now``: reference time of ages."""
    return [record for record in records if matches(record, wanted, now)]


def last_seen(records: Iterable[Record]) -> datetime | None:
    """Time of the last sighting of any of the devices; None if no record has a time."""
    return max(
        (time for record in records if (time := _time(part(record, "device").get("last_seen"))) is not None),
        default=None,
    )


def matches(record: Record, wanted: Sequence[Term], now: datetime) -> bool:
    """Terms with the same key are alternatives, different keys must all match; exclusions always apply, and all texts
    must match.
    """
    either: dict[str, bool] = {}
    for one in wanted:
        hit = _compares(record, one, now) if one.sign in ("<", ">") else _has(record, one)
        if one.sign == "=":
            either[one.key] = either.get(one.key, False) or hit
        elif hit == (one.sign == "!="):
            return False
    return all(either.values())


def _has(record: Record, one: Term) -> bool:
    values = _values(record, one.key)
    return one.text in values if one.key in EXACT else any(one.text in value for value in values)


def _compares(record: Record, one: Term, now: datetime) -> bool:
    device = part(record, "device")
    if one.key == "confidence":
        sure = device.get("confidence", 0.0)
        return isinstance(sure, int | float) and (sure < one.number if one.sign == "<" else sure > one.number)
    time = _time(device.get(TIMES[one.key]))
    if time is None:
        return False
    age = now - time
    limit = timedelta(seconds=one.number)
    return age < limit if one.sign == "<" else age > limit


def _time(value: object) -> datetime | None:
    try:
        return datetime.fromisoformat(str(value))
    except ValueError:
        return None


def _values(record: Record, key: str) -> list[str]:
    """The values of a device under a key of FIELDS, or all values, in lower case."""
    if key == "state":
        return ["gone" if record.get("action") == "gone" else "present"]
    device = part(record, "device")
    found: list[str] = []
    for name in FIELDS[key] if key else tuple(device):
        value = _field(device, name)
        several = value if isinstance(value, list) else value.values() if isinstance(value, dict) else [value]
        found += [tidy(one).casefold() for one in several if one is not None]
    return found


def _field(device: Record, name: str) -> Any:
    """A field of a device, or its attribute of that name."""
    return device[name] if name in device else part(device, "attributes").get(name)


def ordered(records: list[Record], place: str, backwards: bool) -> list[Record]:
    """Sort by a field of the device; those without a value come last in either direction."""
    found = [(_sortable(place, _sorted_by(record, place)), record) for record in records]
    with_value = [(value, record) for value, record in found if value is not None]
    without = [record for value, record in found if value is None]
    return [record for _, record in sorted(with_value, key=itemgetter(0), reverse=backwards)] + without


def _sorted_by(record: Record, place: str) -> Any:
    """The value of a record, or of its device; open alerts by severity and then by number."""
    if place not in ALERTS:
        return _field(part(record, "device"), place)
    count, severity = (record.get(name) for name in ALERTS)
    return (SEVERITIES.index(severity), count) if severity in SEVERITIES else None


def sort_key(name: str | None, columns: Collection[str]) -> tuple[str, bool] | None:
    """(field of the device, whether descending) for the name of a column, with a leading - for descending. Raises
    InvalidTerm if there is no such column.
    """
    if not name:
        return None
    column, backwards = name.removeprefix("-"), name.startswith("-")
    places = {**TIMES, "name": "hostname", "ip": "ips", "mac": "macs", **{one: one for one in columns}}
    if column not in places:
        raise InvalidTerm(_no_key("column", column, places))
    return places[column], backwards


def _sortable(place: str, value: Any) -> Any:
    """A sort key: numbers and addresses by value, texts ignoring case; None for no value."""
    if value in (None, "", []):
        return None
    if place == "ips":
        try:
            address = ipaddress.ip_address(value[0])
            return address.version, int(address)
        except ValueError:
            return None
    if place in NUMBERS:
        return value if isinstance(value, int | float) else None
    return value if place in ALERTS else tidy(value).casefold()
