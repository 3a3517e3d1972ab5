"""Matches answers and requests of Kerberos, and recognizes captures that lack the answers."""

from __future__ import annotations

from sensor.core.bounded import Bounded
from sensor.core.event import Event
from sensor.core.named_tables import NamedTables
from sensor.core.time_units import SECOND
from sensor.dissectors.kerberos import (
    KerberosAsReply,
    KerberosAsRequest,
    KerberosError,
    KerberosRequest,
    KerberosTgsRequest,
)

OPEN_LIMIT = 4096
REPEATED = 10 * SECOND  # longest time between two proofs of a password that belong to one search


class Exchanges:
    """The last request of each flow, to which an answer belongs. Limited; the flow with the oldest request is
    evicted.
    """

    def __init__(self) -> None:
        self.tables = NamedTables()
        self._requested: Bounded[int, KerberosRequest] = self.tables.add("requested", Bounded(OPEN_LIMIT))

    def request(self, event: Event) -> KerberosRequest | None:
        """Record a request; for an answer or error return its request, None if that was not seen."""
        if isinstance(event, KerberosRequest):
            self._requested.put(event.packet.flow, event)
            return None
        return self._requested.get(event.packet.flow)

    def initial(self, event: Event) -> KerberosAsRequest | None:
        """The same for requests of initial tickets."""
        requested = self.request(event)
        return requested if isinstance(requested, KerberosAsRequest) else None

    def service(self, event: Event) -> KerberosTgsRequest | None:
        """The same for requests of service tickets."""
        requested = self.request(event)
        return requested if isinstance(requested, KerberosTgsRequest) else None


class Unseen:
    """Initial requests whose answers the capture lacks. A client adds pre-authentication because an error requires it
    (RFC 4120, 3.1.3): if the error was not captured, the other direction is missing, over UDP too.
    """

    def __init__(self) -> None:
        self.tables = NamedTables()
        # (client, KDC) → the account of a request without pre-authentication and without an answer
        self._bare: Bounded[tuple[int, int], str] = self.tables.add("bare", Bounded(OPEN_LIMIT))

    def check(self, event: Event) -> bool:
        """Record a request, answer or error of initial tickets; True for a request whose answers are not captured."""
        packet = event.packet
        if not isinstance(event, KerberosAsRequest):
            if isinstance(event, KerberosError | KerberosAsReply):
                self._bare.pop((packet.dst, packet.src))
            return False
        ends, account = (packet.src, packet.dst), event.client.lower()
        if not event.proof:
            self._bare.put(ends, account)
            return packet.one_sided
        return packet.one_sided or self._bare.pop(ends) == account


class Proofs:
    """Requests with a proof of the password. A client that was accepted uses its ticket, one that was rejected sends
    another proof.
    """

    def __init__(self) -> None:
        self.tables = NamedTables()
        # (client, KDC) → the last such request, until a ticket is used or the KDC rejects it
        self.unused: Bounded[tuple[int, int], KerberosAsRequest] = self.tables.add("unused", Bounded(OPEN_LIMIT))

    def is_repeated(self, event: KerberosAsRequest) -> bool:
        """Record a proof; True if it is another one for the same account, over the same transport."""
        pair = (event.packet.src, event.packet.dst)
        before = self.unused.get(pair)
        self.unused.put(pair, event)
        return (
            before is not None
            and before.client.lower() == event.client.lower()
            and before.packet.proto == event.packet.proto
            and event.ts - before.ts <= REPEATED
        )
