"""Which claims of an address answer ARP requests: those of a proxy are each the only answer to one (RFC 1027)."""

from __future__ import annotations

import msgspec

from sensor.core.bounded import Bounded
from sensor.core.named_tables import NamedTables
from sensor.core.time_units import SECOND
from sensor.dissectors.arp import ArpAnnouncement, ArpReply, ArpRequest

REQUESTED_LIMIT, PUSHED_LIMIT = 4096, 16384
ANSWERED = 2 * SECOND  # maximum delay of an answer


class _Pending(msgspec.Struct):
    """Requests of a host for an address: time of the last one, how many are unanswered, and the MAC that answered."""

    ts: int
    open: int
    by: int = 0


class ArpRequests:
    """Requests and their answers, of all segments; the tables belong to the detector."""

    def __init__(self, tables: NamedTables) -> None:
        # By segment, address and requesting host.
        self._requested: Bounded[tuple[int, int, int], _Pending] = tables.add(
            "requested_addresses", Bounded(REQUESTED_LIMIT)
        )
        # Segment, MAC and address → whether a claim was not the only answer to a request.
        self._pushed: Bounded[tuple[int, int, int], bool] = tables.add("pushed", Bounded(PUSHED_LIMIT))

    def request(self, event: ArpRequest) -> None:
        """A host requests an address."""
        key = event.packet.vlan, event.target, event.sender
        pending = self._requested.get(key)
        waiting = pending.open if pending is not None and event.ts - pending.ts <= ANSWERED else 0
        self._requested.put(key, _Pending(event.ts, waiting + 1))

    def is_answer(self, reply: ArpReply) -> bool:
        """Whether the receiver requested it just before."""
        pending = self._requested.get((reply.packet.vlan, reply.sender, reply.target))
        return pending is not None and 0 <= reply.ts - pending.ts <= ANSWERED

    def claim(self, event: ArpReply | ArpAnnouncement) -> None:
        """A MAC claims an address: as the only answer to a request, or it pushes its claim."""
        vlan, address, mac = event.packet.vlan, event.sender, event.sender_mac
        pending = self._requested.get((vlan, address, event.target))
        if pending is None or isinstance(event, ArpAnnouncement) or event.ts - pending.ts > ANSWERED:
            self._pushed.put((vlan, mac, address), True)
        elif pending.by not in (0, mac) or not pending.open:
            self._pushed.put((vlan, mac, address), True)
            self._pushed.put((vlan, pending.by, address), True)
        else:
            pending.open, pending.by = pending.open - 1, mac
            if (vlan, mac, address) not in self._pushed:
                self._pushed.put((vlan, mac, address), False)

    def only_answers(self, vlan: int, mac: int, address: int) -> bool:
        """Whether all claims of a MAC were the only answer to a request."""
        return self._pushed.get((vlan, mac, address)) is False
