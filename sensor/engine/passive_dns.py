"""Which names stand behind an address: learned from the answers of DNS and from the server names that clients ask for
there. Bounded in addresses and names.

Whoever answers DNS, and whoever opens a connection, can say what he likes here: a name behind an address makes a
finding milder or tells it better, and is never what a finding rests on.
"""

from __future__ import annotations

from sensor.core.bounded import Bounded
from sensor.core.wants import Listener, field
from sensor.dissectors.dns import DnsResponse
from sensor.dissectors.quic import QuicClientHello
from sensor.dissectors.tls import TlsClientHello

ADDRESSES_LIMIT = 32768
NAMES_LIMIT = 4


class PassiveDns:
    """The names of addresses, the newest first."""

    def __init__(self, addresses: int = ADDRESSES_LIMIT) -> None:
        self._names: Bounded[int, tuple[str, ...]] = Bounded(addresses)

    def names_of(self, address: int) -> tuple[str, ...]:
        """At most four names in lower case; empty where none was seen."""
        return self._names.get(address) or ()

    def learn(self, address: int, name: str) -> None:
        known = self._names.get(address)
        if known is None:
            self._names.put(address, (name,))
        elif known[0] != name:
            self._names.put(address, (name, *(other for other in known if other != name))[:NAMES_LIMIT])

    def listeners(self) -> list[Listener]:
        """What the pipeline is to tell this memory."""
        opened = [
            Listener("passive_dns", kind, self._opened, field("sni").filled())
            for kind in (TlsClientHello, QuicClientHello)
        ]
        return [
            Listener("passive_dns", DnsResponse, self._answered, field("name").filled() & field("answers").filled()),
            *opened,
        ]

    def _answered(self, event: DnsResponse) -> None:
        """The name that was asked for stands for all addresses of the answer, over however many aliases."""
        if event.name:
            for record in event.answers:
                if record.address:
                    self.learn(record.address, event.name)

    def _opened(self, event: TlsClientHello | QuicClientHello) -> None:
        if event.sni:
            self.learn(event.packet.dst, event.sni.lower())
