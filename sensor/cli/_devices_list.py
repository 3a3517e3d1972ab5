"""``sensor devices``: filters, order, and the forms in which devices are listed."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from typing import Any, NamedTuple

from sensor.cli._codes import USAGE
from sensor.cli._devices_csv import COLUMNS, row_of, write_csv
from sensor.cli._known import Known, known
from sensor.cli._setup import complain
from sensor.cli._show import part, table_of_devices, tidy
from sensor.cli._table import table

Record = dict[str, Any]

EXACT = ("type", "vlan", "id", "state", "criticality")
FIELDS = {
    **{name: (name,) for name in ("type", "vlan", "id", "vendor", "model", "firmware", "serial", "os", "contested", "owner", "criticality")},
    "name": ("hostname", "names"),
    "ip": ("ips",),
    "mac": ("macs",),
    "role": ("roles",),
    "tag": ("tags",),
    "service": ("services",),
    "state": (),
}
# Compared with < and >: an age for times, a share for the confidence.
NUMBERS = ("vlan", "confidence")
TIMES = {"seen": "last_seen", "first": "first_seen"}
_TEST = re.compile(r"([a-z_]+)(!=|=|<|>)(.*)", re.DOTALL)
_AGE = re.compile(r"(\d+(?:\.\d+)?)([smhdw])")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


class Filter(NamedTuple):
    """One condition. ``key`` is empty where only a text was given."""

    key: str
    sign: str
    text: str
    number: float = 0.0


class Wrong(Exception):
    """A filter that is none; the text says why."""


def list_devices(args: argparse.Namespace) -> int:
    """Devices that match, in the wanted form."""
    try:
        wanted, order = [filter_of(word) for word in args.words], sort_key(args.sort)
    except Wrong as wrong:
        complain(str(wrong), error="usage.unknown-filter")
        return USAGE
    found = known(args)
    records = filtered(found, wanted)
    if order is not None:
        records = ordered(records, *order)
    if args.json:
        for record in records:
            print(json.dumps(body_of(record), ensure_ascii=sys.stdout.isatty(), separators=(",", ":")))
    elif args.csv:
        write_csv(sys.stdout, COLUMNS, (row_of(record) for record in records))
    elif args.summary:
        print(summary(records))
    else:
        print(table_of_devices(records, sys.stdout, ordered=order is None))
    return 0


def body_of(record: Record) -> Record:
    """A device for programs: not the record that told of it last, but what is known of it, with its key and whether it is there."""
    return {**part(record, "device"), "key": tidy(record.get("key")), "state": "gone" if record.get("action") == "gone" else "present"}


def filtered(found: Known, wanted: list[Filter]) -> list[Record]:
    """The devices that match."""
    now = _now(found)
    return [record for record in found.fold.devices.values() if matches(record, wanted, now)]


def _now(found: Known) -> datetime:
    """Against what ages are reckoned: the clock for an inventory; the last record for a log, which may be of long ago."""
    if found.reader is not None:
        return datetime.now(UTC)
    times = [time for record in found.fold.devices.values() if (time := _time(part(record, "device").get("last_seen"))) is not None]
    return max(times, default=datetime.now(UTC))


def filter_of(word: str) -> Filter:
    """KEY=TEXT, KEY!=TEXT, seen<24h, confidence>0.8, or a text. Wrong where the key is none."""
    found = _TEST.fullmatch(word)
    if found is None:
        return Filter("", "", word.casefold())
    key, sign, text = found.groups()
    if sign in "<>":
        return _comparison(key, sign, text)
    if key not in FIELDS:
        raise Wrong(_no_key("filter", key, FIELDS))
    _check_word(key, text.casefold())
    return Filter(key, sign, text.casefold())


def _check_word(key: str, text: str) -> None:
    """Wrong where a field cannot have a value: what no device can be is a mistake, and not a device that is not there."""
    from sensor.core.device import TYPES
    from sensor.inventory.words import CRITICALITIES

    words = {"type": (*filter(None, TYPES), "unknown"), "state": ("present", "gone"), "criticality": (*CRITICALITIES, "")}.get(key)
    if words is not None and text not in words:
        from difflib import get_close_matches

        near = get_close_matches(text, words, 1)
        raise Wrong(f"found {text!r} for {key}, expected one of {', '.join(filter(None, words))}" + (f"; did you mean {near[0]!r}?" if near else ""))


def _comparison(key: str, sign: str, text: str) -> Filter:
    if key == "confidence":
        try:
            return Filter(key, sign, text, float(text))
        except ValueError:
            raise Wrong(f"found {text!r} for confidence, expected a number such as 0.8") from None
    if key not in TIMES:
        raise Wrong(_no_key("filter with < or >", key, [*TIMES, "confidence"]))
    age = _AGE.fullmatch(text)
    if age is None:
        raise Wrong(f"found {text!r} for {key}, expected an age such as 30m, 24h or 7d")
    return Filter(key, sign, text, float(age[1]) * _UNITS[age[2]])


def _no_key(what: str, key: str, keys: Iterable[str]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(key, list(keys), 1)
    return f"no {what} {key!r}" + (f": did you mean {near[0]}?" if near else f": there are {', '.join(keys)}")


def matches(record: Record, wanted: list[Filter], now: datetime) -> bool:
    """A key given twice means either, different keys mean both; what is excluded is excluded, and texts alone must all be there."""
    either: dict[str, bool] = {}
    for one in wanted:
        hit = _compares(record, one, now) if one.sign in ("<", ">") else _has(record, one)
        if one.sign == "=":
            either[one.key] = either.get(one.key, False) or hit
        elif hit == (one.sign == "!="):
            return False
    return all(either.values())


def _has(record: Record, one: Filter) -> bool:
    values = _values(record, one.key)
    return one.text in values if one.key in EXACT else any(one.text in value for value in values)


def _compares(record: Record, one: Filter, now: datetime) -> bool:
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
    """What a device has under a key of FIELDS, or everything, in small letters."""
    if key == "state":
        return ["gone" if record.get("action") == "gone" else "present"]
    device = part(record, "device")
    found: list[str] = []
    for name in FIELDS[key] if key else tuple(device):
        value = device.get(name)
        several = value if isinstance(value, list) else value.values() if isinstance(value, dict) else [value]
        found += [tidy(one).casefold() for one in several if one is not None]
    return found


def ordered(records: list[Record], place: str, backwards: bool) -> list[Record]:
    """By a field of the device; those without a value last, either way."""
    with_value = [(value, record) for record in records if (value := _sortable(place, part(record, "device").get(place))) is not None]
    without = [record for record in records if _sortable(place, part(record, "device").get(place)) is None]
    return [record for _, record in sorted(with_value, key=itemgetter(0), reverse=backwards)] + without


def sort_key(name: str | None) -> tuple[str, bool] | None:
    """(field of the device, whether backwards) for the name of a column, with - before it for backwards. Wrong where there is none."""
    if not name:
        return None
    column, backwards = name.removeprefix("-"), name.startswith("-")
    places = {**TIMES, "name": "hostname", "ip": "ips", "mac": "macs", **{one: one for one in COLUMNS}}
    if column not in places:
        raise Wrong(_no_key("column", column, places))
    return places[column], backwards


def _sortable(place: str, value: Any) -> Any:
    """Numbers and addresses by size, texts without regard to case; None for no value."""
    import ipaddress

    if value in (None, "", []):
        return None
    if place == "ips":
        try:
            address = ipaddress.ip_address(value[0])
            return address.version, int(address)
        except ValueError:
            return None
    return value if place in NUMBERS and isinstance(value, int | float) else None if place in NUMBERS else tidy(value).casefold()


def summary(records: list[Record]) -> str:
    """How many devices of each type are in each VLAN."""
    vlans = sorted({_vlan(record) for record in records})
    counts = Counter((_type(record), _vlan(record)) for record in records)
    types = Counter(_type(record) for record in records)
    rows = [[kind, *(str(counts[kind, vlan] or "") for vlan in vlans), str(total)] for kind, total in types.most_common()]
    rows.append(["all", *(str(sum(counts[kind, vlan] for kind in types)) for vlan in vlans), str(len(records))])
    return table(["type", *(f"VLAN {vlan}" if vlan else "untagged" for vlan in vlans), "all"], rows, sys.stdout)


def _type(record: Record) -> str:
    return tidy(part(record, "device").get("type")) or "unknown"


def _vlan(record: Record) -> int:
    vlan = part(record, "device").get("vlan")
    return vlan if isinstance(vlan, int) else 0
