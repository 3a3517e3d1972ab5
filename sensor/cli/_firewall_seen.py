"""What ``sensor firewall`` knows of the network: alerts and devices, what was learned of them, and where this sensor delivers to."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from sensor.cli._known import Known, known
from sensor.cli._outputs_words import PLACES
from sensor.cli._setup import complain
from sensor.cli._show import part, tidy
from sensor.config import Config
from sensor.core import addresses
from sensor.core.addresses import Networks, is_v4
from sensor.core.record_parts import objects
from sensor.eventlog.fold import Fold
from sensor.inventory.identity import is_link_local
from sensor.inventory.store.database import StoreError
from sensor.inventory.store.reader import Reader
from sensor.posture.firewall.model import Party
from sensor.posture.firewall.simulate import Machine, Seen

Record = dict[str, Any]

# Addresses of one machine that rules name.
ADDRESSES_LIMIT = 16


class View(NamedTuple):
    """Alerts and incidents, what is inside, and what was seen. ``owners``: device by address."""

    fold: Fold
    networks: Networks
    seen: Seen
    owners: Mapping[int, str]
    reader: Reader | None = None

    def party(self, end: Record) -> Party | None:
        """One end of an alert: the device that it is, the address that was seen before its others; None where it has no address."""
        address = address_of(end.get("ip"))
        record = self.fold.device(tidy(end.get("device")) or self.owners.get(address, ""))
        machine = self.seen.machines.get(tidy(part(record, "device").get("id"))) if record is not None else None
        if machine is None:
            return Party("", tidy(end.get("hostname")), tidy(end.get("type")), (address,)) if address else None
        mine = tuple(dict.fromkeys((*((address,) if address else ()), *machine.party.addresses)))
        return machine.party._replace(addresses=mine) if mine else None

    def moved(self, parties: Iterable[Party]) -> frozenset[str]:
        """Those of some devices that had other addresses of IPv4 before."""
        return frozenset(party.id for party in parties if self.reader is not None and party.id and _moved(party, self.reader))


def _moved(party: Party, reader: Reader) -> bool:
    former = [address_of(lease["address"]) for lease in reader.details(party.id).get("leases", ()) if not lease["held"]]
    return any(is_v4(address) and not is_link_local(address) for address in former)


def view_of(args: argparse.Namespace, config: Config) -> View | None:
    """None after it was said what cannot be read. A log and an inventory may both be named: alerts are those of the log."""
    return view_from(known(args, alerts=True), config)


def view_from(found: Known, config: Config) -> View | None:
    """None after it was said what cannot be read."""
    fold, habits, watched = found.fold, None, (0, 0)
    try:
        if found.reader is not None:
            habits, watched = dict(found.reader.habits()), found.reader.watched()
    except StoreError as error:
        complain(str(error))
        return None
    networks = Networks(config.networks)
    told = _told(fold, networks)
    machines = {one.party.id: one for one in (_machine(record, told) for record in fold.devices.values()) if one.party.addresses}
    outputs = {name: frozenset(_hosts(options)) for name, options in (config.outputs or {}).items()}
    owners = {address: name for name, one in machines.items() for address in one.party.addresses}
    return View(fold, networks, Seen(machines, habits, watched, outputs), owners, found.reader)


def address_of(value: Any) -> int:
    """An address of a record as a number; 0 where it is none: a log may be foreign."""
    try:
        return addresses.parse(value) if isinstance(value, str) else 0
    except ValueError:
        return 0


def _told(fold: Fold, networks: Networks) -> dict[str, list[int]]:
    """Inside addresses by device that alerts tell of: a gateway has more than its record."""
    found: dict[str, list[int]] = {}
    for record in fold.alerts.values():
        for end in (part(record, "src"), part(record, "dst"), *objects(record.get("targets"))):
            owner = part(fold.device(tidy(end.get("device"))) or {}, "device").get("id")
            if owner and networks.inside(address := address_of(end.get("ip"))):
                found.setdefault(tidy(owner), []).append(address)
    return found


def _machine(record: Record, told: Mapping[str, Iterable[int]]) -> Machine:
    device = part(record, "device")
    named = dict.fromkeys([*map(address_of, _texts(device.get("ips"))), *told.get(tidy(device.get("id")), ())])
    held = [address for address in named if address and not is_link_local(address)]
    party = Party(tidy(device.get("id")), tidy(device.get("hostname")), tidy(device.get("type")), tuple(held[:ADDRESSES_LIMIT]))
    return Machine(party, frozenset(_texts(device.get("roles"))), frozenset(_texts(device.get("services"))))


def _texts(value: Any) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def _hosts(options: Any) -> Iterator[str]:
    """Names and addresses that an output delivers to, in small letters."""
    for name in PLACES:
        value = options.get(name) if isinstance(options, Mapping) else getattr(options, name, None)
        for place in value if isinstance(value, list) else [value]:
            text = str(place or "")
            if name == "path" or not text:
                continue
            try:
                host = urlsplit(text if "//" in text else f"//{text}").hostname
            except ValueError:
                continue
            if host and re.fullmatch(r"[\w.:-]+", host):
                yield host
