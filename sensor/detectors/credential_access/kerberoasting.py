"""Kerberoasting: service tickets in an encryption type that can be cracked offline (RC4, DES), in a domain that
supports AES.

A service ticket is encrypted with the key of the service account. With RC4 millions of guesses a second are possible,
so an attacker requests as many as possible. Three signs: many services within minutes; a user who presents an AES
ticket and still requests RC4 first, which Windows never does; and, weakly, a single such ticket of an account without
an AES key, also if only replies were captured. A request for RC4 first shows the attempt also where the domain issues
AES only. Computer accounts (``name$``, and services of computers) are not worth cracking.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sensor.core import detector
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Recent
from sensor.core.detector import Context, EventDetector
from sensor.core.event import Event
from sensor.core.model import Field
from sensor.core.phrases import some
from sensor.core.time_units import SECOND
from sensor.counting.tally import Distinct
from sensor.derived.shared.exchanges import Exchanges
from sensor.detectors.shared.hosts import who
from sensor.detectors.shared.kerberos import AES, WEAK, cipher, ends, is_machine, network, server_port
from sensor.dissectors.kerberos import KerberosTgsReply, KerberosTgsRequest

REPORTED_LIMIT = 4096
# A tool's tickets are one finding; tickets of weak accounts are one finding per account.
HARVEST = "harvest"
SEVERAL = 3  # services in requests without visible replies
# Services that usually belong to a computer account with a random password.
MACHINES = frozenset(
    (
        "krbtgt kadmin host cifs ldap gc dns rpcss restrictedkrbhost termsrv wsman e3514235-4b06-11d1-ab04-00c04fc2dcd2"
    ).split()
)


class Options(detector.Options):
    """When tickets are a harvest."""

    services: int = Field(10, ge=2, description="threshold: services for which one client receives weak tickets")
    window_s: int = Field(300, ge=10, le=86400, description="time window in seconds")
    single: bool = Field(
        True, description="report single weak tickets too, with low severity, where the domain supports AES"
    )
    exempt: tuple[str, ...] = Field(
        (), description="services (`MSSQLSvc/db01`) whose accounts are known to have no AES key"
    )


class Kerberoasting(EventDetector):
    """Watches TGS requests and the tickets issued."""

    title = "Kerberoasting"
    severity = Severity.medium
    techniques = ("T1558.003",)
    advice = (
        "Give service accounts long random passwords (group managed service accounts) and AES keys, and disable RC4 in "
        "the domain. Identify the program on the client, and change the passwords of the accounts whose tickets it "
        "received."
    )
    false_positives = (
        "Service accounts without AES keys, which their users request too (low severity; list them "
        "in `exempt`); old clients set to RC4."
    )
    decisive = {"services": "services"}
    Options = Options
    watches = (KerberosTgsRequest, KerberosTgsReply)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        window = self.options.window_s * SECOND
        self._exchanges = self.tables.include("exchanges", Exchanges())
        self._services = self.tables.add("services", Distinct[int, str](window))
        self._reported: Recent[tuple[int, str]] = self.tables.add("reported", Recent(REPORTED_LIMIT, window))
        self._exempt = frozenset(name.lower() for name in self.options.exempt)

    def inspect(self, event: Event) -> Iterator[Alert]:
        requested = self._exchanges.service(event)
        if isinstance(event, KerberosTgsRequest) and event.packet.one_sided:
            yield from self._requested(event)
        if not isinstance(event, KerberosTgsReply) or is_machine(event.service):
            return
        if event.ticket_etype not in WEAK:
            if requested is not None and not is_machine(event.client):
                yield from self._requested(requested, issued=event.ticket_etype)
            return
        service, client = event.service.lower(), event.packet.dst
        if self._is_exempt(service):
            return
        forced = requested is not None and _weak_first(requested) and not is_machine(event.client)
        count = self._services.add(client, service, event.ts)
        if count >= self.options.services:
            if self._reported.fresh((client, "many"), event.ts):
                yield self._many(event, count)
        elif forced and requested is not None:
            why = (
                f"it presented a ticket in {cipher(requested.ticket_etype)} but requested "
                f"{cipher(requested.etypes[0])} first, as cracking tools do"
            )
            yield self._one(event, (HARVEST,), Severity.medium, why, 0.85, count)
        elif self.options.single and (known := requested.ticket_etype if requested else event.etype) in AES:
            why = (
                f"the domain supports {cipher(known)}: the service account has no such key, and "
                "its password can be cracked from the ticket"
            )
            yield self._one(event, (service,), Severity.low, why, 0.5, count)

    def _is_exempt(self, service: str) -> bool:
        """Whether the service belongs to a computer account, or is configured as known."""
        return service.partition("/")[0] in MACHINES or service in self._exempt or is_machine(service)

    def _requested(self, event: KerberosTgsRequest, issued: int = 0) -> Iterator[Alert]:
        """If the KDC's packets are not captured, or it issued a stronger type, the preferred encryption type of a
        request is the only sign. The ticket contains the account.
        """
        service = event.service.lower()
        if not _weak_first(event) or self._is_exempt(service):
            return
        count = self._services.add(event.packet.src, service, event.ts)
        shown, wanted = cipher(event.ticket_etype), cipher(event.etypes[0])
        why = (
            f"it presented a ticket in {shown} but requested {wanted} first, as cracking tools do",
            f"{count} services within {self.options.window_s} s; "
            + (f"the KDC issued {cipher(issued)}" if issued else "the answers were not captured"),
        )
        severity = Severity.medium if count >= SEVERAL else Severity.low
        yield self._made(
            event, f"requested a weak service ticket for {event.service}", why, (HARVEST,), severity, 0.6, count
        )

    def _many(self, event: KerberosTgsReply, count: int) -> Alert:
        client, _, _ = ends(event)
        names = self._services.values(client.address)
        why = (
            (
                f"{count} services within {self.options.window_s} s, all in encryption types older than AES "
                f"(threshold {self.options.services})"
            ),
            f"including {some(names)}",
        )
        return self._made(
            event, f"received weak service tickets of {count} services", why, (HARVEST,), Severity.high, 0.9, count
        )

    def _one(
        self, event: KerberosTgsReply, key: tuple[str, ...], severity: Severity, why: str, confidence: float, count: int
    ) -> Alert:
        first = f"{event.client} received a ticket for {event.service} in {cipher(event.ticket_etype)}"
        return self._made(
            event, f"received a weak service ticket for {event.service}", (first, why), key, severity, confidence, count
        )

    def _made(
        self,
        event: KerberosTgsRequest | KerberosTgsReply,
        what: str,
        why: tuple[str, ...],
        key: tuple[str, ...],
        severity: Severity,
        confidence: float,
        count: int,
    ) -> Alert:
        client, kdc, port = ends(event)
        return self.alert(
            event,
            actor=client,
            target=kdc,
            summary=(
                f"{who(self.context, client)} as {event.client or 'an unknown account'} {what} from "
                f"{who(self.context, kdc)}"
            ),
            why=why,
            numbers={
                "services": count,
                "threshold": self.options.services,
                "window_s": self.options.window_s,
                "cipher": cipher(event.etypes[0] if isinstance(event, KerberosTgsRequest) else event.ticket_etype),
            },
            key=key,
            severity=severity,
            confidence=confidence,
            actor_port=port,
            target_port=server_port(event),
            network=network(self.context, event),
        )


def _weak_first(event: KerberosTgsRequest) -> bool:
    """Whether a client with AES requests an older type first."""
    return event.ticket_etype in AES and bool(event.etypes) and event.etypes[0] in WEAK
