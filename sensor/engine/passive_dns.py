"""The names of an address: learned from DNS answers, from the server names that clients request there, and from the
Host field of HTTP requests if no other name is known. Limited in addresses and names.

DNS servers and clients can choose these names: a name may lower the severity of a finding or describe it better, and is
never its evidence.
"""

from __future__ import annotations

from sensor.core.bounded import Bounded
from sensor.core.named_tables import NamedTables
from sensor.core.wants import Listener, field, held
from sensor.dissectors.dns import DnsResponse
from sensor.dissectors.http import HttpRequest
from sensor.dissectors.quic import QuicClientHello
from sensor.dissectors.tls import TlsClientHello

ADDRESSES_LIMIT = 32768
NAMES_LIMIT = 4


class PassiveDns:
    """The names of addresses, newest first."""

    def __init__(self, addresses: int = ADDRESSES_LIMIT) -> None:
        self.tables = NamedTables()
        self._names: Bounded[int, tuple[str, ...]] = self.tables.add("names", Bounded(addresses))

    def names_of(self, address: int) -> tuple[str, ...]:
        """At most four names in lower case; empty if none was seen."""
        return self._names.get(address) or ()

    def learn(self, address: int, name: str) -> None:
        known = self._names.get(address)
        if known is None:
            self._names.put(address, (name,))
        elif known[0] != name:
            self._names.put(address, (name, *(other for other in known if other != name))[:NAMES_LIMIT])

    def listeners(self) -> list[Listener]:
        """The events that this table subscribes to."""
        opened = [
            Listener("passive_dns", kind, self._opened, field("sni").filled())
            for kind in (TlsClientHello, QuicClientHello)
        ]
        return [
            Listener("passive_dns", DnsResponse, self._answered, field("name").filled() & field("answers").filled()),
            *opened,
            Listener(
                "passive_dns",
                HttpRequest,
                self._requested,
                field("host").passes(_is_name) & ~field("forwarded").filled() & ~held(self._names, "packet.dst"),
            ),
        ]

    def _answered(self, event: DnsResponse) -> None:
        """Record the queried name for all addresses of the answer, over any number of CNAMEs."""
        if event.name:
            for record in event.answers:
                if record.address:
                    self.learn(record.address, event.name)

    def _opened(self, event: TlsClientHello | QuicClientHello) -> None:
        if event.sni:
            self.learn(event.packet.dst, event.sni.lower())

    def _requested(self, event: HttpRequest) -> None:
        """Of proxies, which receive requests for others, no name is learned: their requests begin with a scheme."""
        own = event.path.startswith("/") and not event.forwarded and event.packet.dst not in self._names
        if own and _is_name(event.host):
            self.learn(event.packet.dst, event.host.lower())


def _is_name(host: str) -> bool:
    """Whether a Host field has a name with a domain, and no address."""
    return "." in host and host[-1:].isalpha()
