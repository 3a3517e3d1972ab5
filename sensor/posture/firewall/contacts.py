"""Connections to block, from alerts and from the learned baseline."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from sensor.core import addresses
from sensor.core.foreign import Record, part, tidy
from sensor.core.ip_protocols import TCP, UDP
from sensor.core.record_parts import objects
from sensor.posture.firewall.model import Block, Host, Match
from sensor.posture.firewall.refuse import Refusals
from sensor.posture.firewall.requests import Contact
from sensor.posture.firewall.simulate import conversations
from sensor.posture.firewall.view import View
from sensor.posture.latest import Known
from sensor.posture.lookup import PREFIX, alerts_named

NUMBERS = {"tcp": TCP, "udp": UDP}
# Detectors whose alerts concern the DNS server, not the queried name.
ABOUT_SERVERS = ("command_and_control.resolver_bypass", "discovery.zone_transfer", "lateral_movement.exploit_dns")
LEARNED = "the baseline shows its clients"


class Ends(NamedTuple):
    """A client and a server of an alert."""

    client: Host
    server: Host
    service: int
    alert: str
    reason: str


def alerts_of(known: Known, what: str) -> list[Record]:
    """Alerts with an id, or those of an incident."""
    for name, record in known.incidents.items():
        if name == what or (len(what) > len("incident-") + PREFIX - 1 and name.startswith(what)):
            listed = {tidy(chapter.get("alert")) for chapter in objects(part(record, "incident").get("story"))}
            return [one for one in known.alerts.values() if tidy(part(one, "alert").get("id")) in listed]
    return alerts_named(known, what)


def alerted(view: View) -> set[tuple[str, str]]:
    """(client, server) of all alerts, by their keys."""
    return {(ends.client.key, ends.server.key) for record in view.known.alerts.values() for ends in _ends(record, view)}


def about_a_name(record: Record) -> bool:
    """Whether an alert concerns a queried name: blocking the DNS server would not help."""
    return part(record, "network").get("app") == "dns" and part(record, "alert").get("detector") not in ABOUT_SERVERS


def contacts_of(alerts: Iterable[Record], view: View) -> list[Contact]:
    """The contacts of these alerts, and those of other alerts with the same external hosts."""
    contacts = [_contact(ends, view) for record in alerts for ends in _ends(record, view)]
    outside = {contact.peer.addresses[0] for contact in contacts if contact.outside}
    others = (record for record in view.known.alerts.values() if not about_a_name(record))
    more = (_contact(ends, view) for record in others for ends in _ends(record, view))
    return list(dict.fromkeys([*contacts, *(one for one in more if one.outside and one.peer.addresses[0] in outside)]))


def contacts_with(block: Block, view: View, match: Match | None) -> list[Contact]:
    """All hosts that communicated with an address, from alerts and the baseline of internal hosts."""
    found = [
        one
        for record in view.known.alerts.values()
        for ends in _ends(record, view)
        if (one := _facing(ends, block, view)) is not None
    ]
    return [
        one
        for one in dict.fromkeys([*found, *_learned(block, view)])
        if match is None or one.service & 0xFFFF == 0 or match.covers(one.service)
    ]


def without_refused(contacts: Iterable[Contact], view: View, *, whole: bool) -> tuple[list[Contact], list[str]]:
    """Contacts that may be blocked, and why others may not. ``whole``: machines would lose all connections with their
    peers.
    """
    kept, why = [], []
    refusals = Refusals(view.seen.machines)
    verdicts: dict[tuple[Host, Host], str] = {}
    for one in contacts:
        pair = one.machine, one.peer
        if pair not in verdicts:
            verdicts[pair] = refusals.of_peer(one.peer, [one.machine]) or refusals.of_machine(
                one.machine, whole=whole and not one.outside
            )
        if verdicts[pair]:
            why.append(verdicts[pair])
        else:
            kept.append(one)
    return kept, list(dict.fromkeys(why))


def reassigned(alerts: Iterable[Record], view: View) -> list[str]:
    """Addresses in alerts that other devices have by now, as text."""
    ends = (
        (end, record)
        for record in alerts
        for end in (part(record, "src"), part(record, "dst"), *objects(record.get("targets")))
    )
    return list(dict.fromkeys(tidy(end.get("ip")) for end, record in ends if view.reassigned(end, record)))


# Alerts.


def _ends(record: Record, view: View) -> Iterator[Ends]:
    """The actor with each of its targets. The port is that of the first, and applies to others if the detector counts
    targets by port.
    """
    client, alert = view.party(part(record, "src"), record), part(record, "alert")
    first, port = part(record, "dst"), part(record, "dst").get("port")
    proto = NUMBERS.get(tidy(part(record, "network").get("proto")), 0)
    service = proto << 16 | (port if isinstance(port, int) and 0 < port < 65536 and proto else 0)
    count = alert.get("count")
    times = f", {count} times" if isinstance(count, int) and count > 1 else ""
    reason = (
        f"{_utc(tidy(alert.get('first')))} {tidy(record.get('msg'))} ({tidy(alert.get('id'))}, "
        f"{tidy(alert.get('detector'))}{times})"
    )
    servers = [view.party(end, record) for end in (first, *objects(record.get("targets")))]
    for server in dict.fromkeys(servers):
        if client is not None and server is not None and server.key != client.key:
            yield Ends(client, server, service, tidy(alert.get("id")), reason)


def _utc(text: str) -> str:
    """A record's time to the second, in UTC, for comments of rules."""
    return f"{text[:19]}Z" if len(text) > 19 else text


def _contact(ends: Ends, view: View) -> Contact:
    """The peer is the external host, otherwise the server."""
    ours = [
        view.networks.inside(party.addresses[0]) or addresses.is_multicast(party.addresses[0])
        for party in (ends.client, ends.server)
    ]
    inbound = not ours[0] and ours[1]
    machine, peer = (ends.server, ends.client) if inbound else (ends.client, ends.server)
    return Contact(machine, peer, ends.service, not all(ours), inbound, ends.alert, ends.reason)


def _facing(ends: Ends, block: Block, view: View) -> Contact | None:
    """The peer is the end in the block; None if neither is."""
    outside = not inside(block, view)
    if _within(ends.server, block):
        return Contact(
            ends.client, ends.server, ends.service, outside, inbound=False, alert=ends.alert, reason=ends.reason
        )
    if _within(ends.client, block):
        return Contact(
            ends.server, ends.client, ends.service, outside, inbound=True, alert=ends.alert, reason=ends.reason
        )
    return None


def inside(block: Block, view: View) -> bool:
    return view.networks.inside(addresses.parse_network(str(block))[0])


def _within(party: Host, block: Block) -> bool:
    first, last = addresses.parse_network(str(block))
    return any(first <= address <= last for address in party.addresses)


# The baseline.


def _learned(block: Block, view: View) -> Iterator[Contact]:
    """Clients of the hosts in a block, and the servers that these use. Empty for external hosts."""
    for one in conversations(view.seen):
        if _within(one.server, block):
            yield Contact(one.client, one.server, one.service, reason=LEARNED)
        elif _within(one.client, block):
            yield Contact(one.server, one.client, one.service, inbound=True, reason=LEARNED)
