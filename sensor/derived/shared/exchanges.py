"""Matches answers and requests of Kerberos."""

from __future__ import annotations

from sensor.core.bounded import Bounded
from sensor.core.event import Event
from sensor.core.named_tables import NamedTables
from sensor.dissectors.kerberos import KerberosAsRequest, KerberosRequest, KerberosTgsRequest

OPEN_LIMIT = 4096


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
