"""Golden and silver tickets: a ticket is encrypted with RC4, although the KDC encrypts the tickets of this service with
AES.

All initial tickets of a realm are encrypted with the key of one account, krbtgt, and the KDC chooses the strongest type
that this account has (RFC 4120, 3.1.3). Tools that forge tickets use RC4 by default, since that key is the
NT hash of krbtgt. Tickets that another realm issued are encrypted with the key of the trust, and are ignored; so are
KDCs that were seen to issue initial tickets with RC4. A ticket for another service is encrypted with the key of the
service's account (silver ticket): the same rule holds for services that receive tickets with RC4 after the KDC issued
tickets for them with AES. A ticket forged with the AES key is not detected here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sensor.core.addresses import text
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Bounded
from sensor.core.detector import Context, EventDetector
from sensor.core.event import Event
from sensor.core.time_units import SECOND
from sensor.detectors.shared.hosts import ends_of, network_of_packet, who
from sensor.detectors.shared.kerberos import AES, cipher, ends, network, server_port
from sensor.dissectors.kerberos import KerberosAsReply, KerberosPresented, KerberosTgsReply, KerberosTgsRequest

KDCS_LIMIT, SERVICES_LIMIT = 1024, 8192
TICKET_ACCOUNT, RC4 = "krbtgt/", (23, 24)
MIXED = -1  # instead of a time: the KDC issues such tickets with RC4


class ForgedTicket(EventDetector):
    """Watches tickets, as they are issued and as they are presented."""

    title = "Forged Kerberos ticket (golden or silver ticket)"
    severity = Severity.critical
    techniques = ("T1558.001", "T1550.003")
    advice = (
        "Isolate the host, and find out which account the ticket is for and what it was used for. An initial ticket: "
        "treat the domain as compromised and reset the password of krbtgt twice. A ticket for a service: reset the "
        "password of the service's account."
    )
    false_positives = (
        "Tickets issued shortly before krbtgt received its first AES key, which happens once, when the domain is "
        "raised to the level of Windows Server 2008."
    )
    watches = (KerberosAsReply, KerberosTgsRequest, KerberosTgsReply, KerberosPresented)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        # When a KDC issued or accepted an initial ticket with AES for the first time, by address and account; or MIXED.
        self._strong: Bounded[tuple[int, str], int] = self.tables.add("strong", Bounded(KDCS_LIMIT))
        # The same of tickets for a service, by the service.
        self._services: Bounded[str, int] = self.tables.add("services", Bounded(SERVICES_LIMIT))

    def inspect(self, event: Event) -> Iterator[Alert]:
        if isinstance(event, KerberosTgsReply):
            self._issued(event)
        elif isinstance(event, KerberosPresented):
            since = self._services.get(event.ticket_service.lower())
            if event.ticket_etype in RC4 and since is not None and since != MIXED:
                yield self._silver(event, since)
        else:
            yield from self._initial(event)

    def _issued(self, event: KerberosTgsReply) -> None:
        """The KDC issued a ticket for a service; the encryption type is that of the service's key."""
        service = event.service.lower()
        if event.ticket_etype in RC4:
            self._services.put(service, MIXED)
        elif event.ticket_etype in AES and self._services.get(service) is None:
            self._services.put(service, event.ts)

    def _initial(self, event: Event) -> Iterator[Alert]:
        """An initial ticket is issued or presented."""
        if not isinstance(event, KerberosAsReply | KerberosTgsRequest):
            return
        service = (event.service if isinstance(event, KerberosAsReply) else event.ticket_service).lower()
        if not service.startswith(TICKET_ACCOUNT) or "@" in service:
            return
        key = (ends(event)[1].address, service)
        since = self._strong.get(key)
        if event.ticket_etype in AES:
            if since is None:
                self._strong.put(key, event.ts)
        elif event.ticket_etype in RC4:
            if isinstance(event, KerberosAsReply):
                self._strong.put(key, MIXED)
            elif since is not None and since != MIXED:
                yield self._alert(event, since)

    def _alert(self, event: KerberosTgsRequest, since: int) -> Alert:
        client, kdc, port = ends(event)
        seconds = round((event.ts - since) / SECOND)
        return self.alert(
            event,
            actor=client,
            target=kdc,
            summary=f"{who(self.context, client)} presented a forged Kerberos ticket to {who(self.context, kdc)}",
            why=(
                f"the initial ticket is encrypted with {cipher(event.ticket_etype)}, and requests {event.service}",
                f"{text(kdc.address)} encrypts tickets of {event.ticket_service} with AES for {seconds} s",
            ),
            numbers={"tickets": 1, "threshold": 1},
            key=("golden",),
            confidence=0.9,
            actor_port=port,
            target_port=server_port(event),
            network=network(self.context, event),
        )

    def _silver(self, event: KerberosPresented, since: int) -> Alert:
        found, seconds = ends_of(event.packet), round((event.ts - since) / SECOND)
        return self.alert(
            event,
            actor=found.actor,
            target=found.target,
            summary=f"{who(self.context, found.actor)} presented a forged ticket to {who(self.context, found.target)}",
            why=(
                f"the ticket for {event.ticket_service} is encrypted with {cipher(event.ticket_etype)}",
                f"the KDC encrypts tickets for this service with AES for {seconds} s",
            ),
            numbers={"tickets": 1, "threshold": 1},
            key=("silver", event.ticket_service.lower()),
            severity=Severity.high,
            confidence=0.85,
            actor_port=found.actor_port,
            target_port=found.target_port,
            network=network_of_packet(self.context, event.packet, "kerberos"),
            techniques=("T1558.002", "T1550.003"),
        )
