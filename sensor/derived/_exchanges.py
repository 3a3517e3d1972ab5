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
        self._asked: Bounded[int, KerberosRequest] = Bounded(OPEN_LIMIT)

    def request(self, event: Event) -> KerberosRequest | None:
        """Notes a request; gives the one that an answer or error belongs to, None where it was not seen."""
        if isinstance(event, KerberosRequest):
            self._asked.put(event.packet.flow, event)
            return None
        return self._asked.get(event.packet.flow)

    def initial(self, event: Event) -> KerberosAsRequest | None:
        """The same where an initial ticket was asked for."""
        asked = self.request(event)
        return asked if isinstance(asked, KerberosAsRequest) else None

    def service(self, event: Event) -> KerberosTgsRequest | None:
        """The same where a ticket for a service was asked for."""
        asked = self.request(event)
        return asked if isinstance(asked, KerberosTgsRequest) else None
