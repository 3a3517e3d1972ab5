"""Which request of Kerberos an answer belongs to."""

from __future__ import annotations

from sensor.core.bounded import Bounded
from sensor.core.event import Event
from sensor.dissectors.kerberos import KerberosAsRequest, KerberosRequest, KerberosTgsRequest

OPEN_LIMIT = 4096


class Exchanges:
    """The last request of each conversation: an answer belongs to it. Bounded; the conversation asked longest ago makes
    room.
    """

    def __init__(self) -> None:
        self._requested: Bounded[int, KerberosRequest] = Bounded(OPEN_LIMIT)

    def request(self, event: Event) -> KerberosRequest | None:
        """Notes a request; gives the one that an answer or error belongs to, None where it was not seen."""
        if isinstance(event, KerberosRequest):
            self._requested.put(event.packet.flow, event)
            return None
        return self._requested.get(event.packet.flow)

    def initial(self, event: Event) -> KerberosAsRequest | None:
        """The same where an initial ticket was asked for."""
        requested = self.request(event)
        return requested if isinstance(requested, KerberosAsRequest) else None

    def service(self, event: Event) -> KerberosTgsRequest | None:
        """The same where a ticket for a service was asked for."""
        requested = self.request(event)
        return requested if isinstance(requested, KerberosTgsRequest) else None
