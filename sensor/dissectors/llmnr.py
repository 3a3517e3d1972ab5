"""Link-local multicast name resolution (RFC 4795) over UDP: queries for names, and the hosts that answer them.

A name is learned from a host that answers with its own address, and from one that queries a name with type ANY, which
is how a host verifies that its own name is unique (section 4.1). All other queries are about other hosts. Ignores
authority and additional records, and messages over TCP.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address

from sensor.core.addresses import V4_MASK, is_v4
from sensor.core.dissector import Dissector, Interest, Parsed
from sensor.core.dns_codes import AAAA, ANY, PTR, A
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.shared.dns_message import Record, read
from sensor.dissectors.shared.sender_facts import fact

PORT = 5355
CONFLICT, TENTATIVE = 0x0400, 0x0100


class LlmnrQuery(Event):
    """A query for a name. ``claim``: the host verifies that its own name is unique; ``conflict``: it reports that the
    name has several owners.
    """

    id: int
    name: str
    type: int
    claim: bool
    conflict: bool


class LlmnrResponse(Event):
    """A host answers that it owns the name. ``tentative``: it has not yet verified that the name is unique."""

    id: int
    name: str
    type: int
    rcode: int
    tentative: bool
    answers: tuple[Record, ...]


class Llmnr(Dissector):
    """Repeats are recognized regardless of the message id: Windows queries twice, over both families."""

    interest = Interest(udp=(PORT,), repeats_s=5, volatile=(0, 2))

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        data = packet.payload
        message = read(data, packet.truncated, False)
        if message is None:
            return iter(())
        if message.operation:  # others must be ignored (RFC 4795, 2.1.1)
            raise Malformed("unknown operation")
        id_, flags = data[0] << 8 | data[1], message.flags
        name, type_ = (message.questions[0].name, message.questions[0].type) if message.questions else ("", 0)
        if message.response:
            parsed: list[Parsed] = [
                LlmnrResponse(packet, id_, name, type_, flags & 15, bool(flags & TENTATIVE), message.records)
            ]
            host = _own_name(packet, message.records) if packet.sport == PORT and not flags & 15 else ""
        else:
            claim = type_ == ANY
            parsed = [LlmnrQuery(packet, id_, name, type_, claim, bool(flags & CONFLICT))]
            host = name if claim else ""
        if host:
            parsed.append(fact(packet, "llmnr.hostname", host))
        return iter(parsed)


def _own_name(packet: Packet, records: tuple[Record, ...]) -> str:
    """The name that the answers give to the sender's address; empty if there is none."""
    sender = packet.src
    for record in records:
        if record.type in (A, AAAA) and record.address == sender:
            return record.name
        if record.type == PTR and record.name == _reverse(sender):
            return record.value
    return ""


@functools.lru_cache(maxsize=1024)
def _reverse(address: int) -> str:
    """The name for the reverse lookup of an address (RFC 1035, 3.5; RFC 3596, 2.5)."""
    return (IPv4Address(address & V4_MASK) if is_v4(address) else IPv6Address(address)).reverse_pointer
