"""Everything a dataset has about one indicator: an internal or external address, a domain, a MAC, or a fingerprint
(JA3, JA4, HASSH).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from sensor.core.addresses import mac_text, parse, parse_mac, text
from sensor.core.device import Lease
from sensor.core.foreign import Record, part, texts, tidy
from sensor.core.record_parts import objects
from sensor.inventory.habits import OUTSIDE
from sensor.inventory.store.reader import Reader
from sensor.posture.picture import Picture
from sensor.tables.lines import time_or
from sensor.views.conversations import ConversationRow, all_of
from sensor.views.dataset import Data

ADDRESS, DOMAIN, MAC, FINGERPRINT = "address", "domain", "MAC", "fingerprint"
_FINGERPRINT = re.compile(r"[0-9a-f]{32}|[tqd][0-9a-z]{2}[di]\d{4}[0-9a-z]{2}_[0-9a-f]{12}_[0-9a-f]{12}", re.IGNORECASE)
_DOMAIN = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]*[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]\.?", re.IGNORECASE)
# Fields of packets, which are searched for the text; a device that does not contain it anywhere is skipped.
_FACTS = """
SELECT devices.id, fact.value ->> 0, fact.value ->> 1, fact.value ->> 3, fact.value ->> 4
FROM devices, json_each(devices.state, '$.facts') AS fact WHERE instr(lower(devices.state), ?) > 0
"""
Test = Callable[[str], bool]


class AddressHolder(msgspec.Struct, frozen=True):
    """A device that has, or had, an address or a MAC. Times in ns; ``held``: it still has it."""

    device: str
    name: str
    first: int
    last: int
    held: bool


class Mention(msgspec.Struct, frozen=True):
    """A device with a packet that contained the indicator. ``observation``: the field; times in ns."""

    device: str
    name: str
    observation: str
    seen: str
    first: int
    last: int


class Indicator(msgspec.Struct, frozen=True):
    """``internal``: for an address, whether it is internal, else None; ``first`` and ``last``: over all data below, ns,
    0 if there is none; ``names``: domains of an address, ``addresses``: of a domain; ``alerts``: records of alerts
    about it; ``baseline``: whether conversations are known.
    """

    kind: str
    value: str
    internal: bool | None
    first: int
    last: int
    names: list[str]
    addresses: list[str]
    holders: list[AddressHolder]
    mentions: list[Mention]
    conversations: list[ConversationRow]
    alerts: list[dict[str, Any]]
    baseline: bool

    @property
    def known(self) -> bool:
        """Whether the dataset has any data about it."""
        return bool(self.holders or self.mentions or self.conversations or self.alerts)


def kind_of(typed: str) -> tuple[str, str]:
    """The kind of an indicator, and its value in the notation of records; two empty texts if the word is no
    indicator.
    """
    typed = typed.strip()
    try:
        return ADDRESS, text(parse(typed))
    except ValueError:
        pass
    try:
        return MAC, mac_text(parse_mac(typed))
    except ValueError:
        pass
    if _FINGERPRINT.fullmatch(typed):
        return FINGERPRINT, typed.lower()
    return (DOMAIN, typed.rstrip(".").lower()) if _DOMAIN.fullmatch(typed) else ("", "")


def indicator(picture: Picture, typed: str, data: Data | None = None) -> Indicator | None:
    """All data about an indicator, which may be none; None if the word is no indicator. ``data``: an inventory, for
    earlier addresses of devices.
    """
    kind, value = kind_of(typed)
    if not kind:
        return None
    test = _below(value) if kind == DOMAIN else lambda one: one.casefold() == value
    holders = _holders(picture, kind, value, data)
    pairs = sorted(_pairs(picture, kind, test, {one.device for one in holders if one.held}), key=lambda row: -row.last)
    mentions = list(_mentions(picture, test, value, data)) if kind in (FINGERPRINT, DOMAIN) else []
    alerts = [record for record in picture.known.alerts.values() if any(map(test, _texts(record)))]
    times = [(one.first, one.last) for several in (holders, mentions, pairs) for one in several] + list(
        map(_times, alerts)
    )
    return Indicator(
        kind, value, picture.around.networks.inside(parse(value)) if kind == ADDRESS else None,
        min((first for first, _ in times if first), default=0),
        max((last for _, last in times), default=0), [name for name in _names(picture, kind, test, pairs,
        holders) if name != value],
        sorted({row.server.address for row in pairs if kind == DOMAIN and row.server.address}), holders, mentions,
        pairs, alerts,
        picture.site.seen.habits is not None,
    )  # fmt: skip


def _names(
    picture: Picture, kind: str, test: Test, pairs: list[ConversationRow], holders: list[AddressHolder]
) -> list[str]:
    """For an external address the domains that devices resolved; for an internal one, or a MAC, the host names of its
    device; for a domain its subdomains.
    """
    found = {
        row.server.name
        for row in pairs
        if row.server.id == OUTSIDE and test(row.server.name if kind == DOMAIN else row.server.address)
    }
    for one in holders:
        device = part(picture.known.device(one.device) or {}, "device")
        found |= {one.name, *map(tidy, texts(device.get("names")))} if one.held else set()
    return sorted(found - {""})


def _below(domain: str) -> Test:
    """A domain and all names below it."""
    return lambda one: (name := one.casefold().rstrip(".")) == domain or name.endswith(f".{domain}")


def _pairs(picture: Picture, kind: str, test: Test, owners: set[str]) -> Iterator[ConversationRow]:
    """Conversations of the devices that have an address or a MAC, and of external hosts by address or name."""
    for row in all_of(picture, picture.site.nodes):
        ends = (row.client, row.server)
        external = [one.name if kind == DOMAIN else one.address for one in ends if one.id in (OUTSIDE, one.address)]
        if any(one.id in owners for one in ends) or any(map(test, external)):
            yield row


def _holders(picture: Picture, kind: str, value: str, data: Data | None) -> list[AddressHolder]:
    """Devices with an address or a MAC, then those that had the address before."""
    lists = {ADDRESS: "ips", MAC: "macs"}.get(kind)
    if lists is None:
        return []
    devices = [part(record, "device") for record in picture.known.devices.values()]
    leases = _leases(data, value) if data is not None and kind == ADDRESS else []
    former = [
        AddressHolder(one.device, _name(picture, one.device), one.first, one.last, held=False)
        for one in leases
        if not one.held
    ]
    since = {one.device: (one.first, one.last) for one in leases if one.held}
    has = [(tidy(one.get("id")), one) for one in devices if value in texts(one.get(lists))]
    return [
        *(AddressHolder(name, tidy(one.get("hostname")), *since.get(name, _seen(one)), held=True) for name, one in has),
        *former,
    ]


def _leases(data: Data, address: str) -> list[Lease]:
    return Reader(Path(), data.base).leases((address,)).get(address, [])


def _mentions(picture: Picture, test: Test, value: str, data: Data | None) -> Iterator[Mention]:
    """From the facts of an inventory; for an event log, from the evidence in its records."""
    if data is not None and data.inventory:
        for device, kind, seen, first, last in data.base.execute(_FACTS, (value,)):
            if test(str(seen)):
                yield Mention(device, _name(picture, device), tidy(kind), tidy(seen), first, last)
        return
    for name, record in picture.known.devices.items():
        for claim in objects(record.get("evidence")):
            if test(seen := tidy(claim.get("seen"))):
                yield Mention(
                    name, _name(picture, name), tidy(claim.get("observation")), seen, *_times({"alert": claim})
                )


def _name(picture: Picture, device: str) -> str:
    return tidy(part(picture.known.device(device) or {}, "device").get("hostname"))


def _seen(device: Record) -> tuple[int, int]:
    return time_or(tidy(device.get("first_seen")), 0), time_or(tidy(device.get("last_seen")), 0)


def _times(record: Record) -> tuple[int, int]:
    alert = part(record, "alert")
    return time_or(tidy(alert.get("first")), 0), time_or(tidy(alert.get("last")), 0)


def _texts(value: Any) -> Iterator[str]:
    """All texts of a record, at any depth."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)
