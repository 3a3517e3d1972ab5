"""Pass the ticket and overpass the hash: a Kerberos ticket issued to one host is presented by another, or requested as
tools with a hash do.

An initial ticket stays on the host it was issued to; forwarded ones (delegation) are other tickets and do not count.
Tools that create a ticket from a stolen hash request one encryption type and send pre-authentication at once, where
clients first offer all types (RFC 4120, 3.1.1), and in a domain with AES they request RC4, since that key is the NT
hash. An error that requires pre-authentication shows such a first request if the request itself is not captured.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from sensor.core import detector
from sensor.core.addresses import is_v4, text
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Bounded, Recent
from sensor.core.detector import Context, EventDetector
from sensor.core.event import Event
from sensor.core.model import Field
from sensor.core.observation import Subject
from sensor.core.packet import Packet
from sensor.core.time_units import SECOND
from sensor.core.wants import Want, field
from sensor.derived.shared.exchanges import Exchanges
from sensor.detectors.shared.hosts import who
from sensor.detectors.shared.kerberos import AES, cipher, ends, is_machine, network, only_weak, server_port
from sensor.dissectors.kerberos import (
    KerberosAsReply,
    KerberosAsRequest,
    KerberosError,
    KerberosReply,
    KerberosRequest,
    KerberosTgsRequest,
)

TICKETS_LIMIT = 16384
OPENED_LIMIT = 8192
PREAUTH_REQUIRED = 25  # RFC 4120, 7.5.9


class Options(detector.Options):
    """How long tickets are remembered, and exemptions."""

    life_s: int = Field(36000, ge=600, le=604800, description="seconds for which an initial ticket is remembered")
    opening_s: int = Field(
        300,
        ge=1,
        le=3600,
        description="seconds in which an ordinary client sent a request without pre-authentication before",
    )
    exempt: tuple[str, ...] = Field((), description="accounts of programs configured for one encryption type")


class _Holder(NamedTuple):
    """The host a ticket was issued to, the account, and the time."""

    subject: Subject
    account: str
    ts: int


class PassTheTicket(EventDetector):
    """Watches initial tickets, and requests that present them."""

    title = "Pass-the-ticket or overpass-the-hash"
    severity = Severity.high
    techniques = ("T1550.003", "T1558")
    advice = (
        "Isolate the host that presents the ticket and identify its user. Change the password of the account twice, "
        "which invalidates its tickets, and look for credential theft on the host it was issued to."
    )
    false_positives = (
        "A host that changes its address or has several; clusters; Unix programs with a keytab and one encryption type."
    )
    Options = Options
    watches = (KerberosAsRequest, KerberosAsReply, KerberosTgsRequest, KerberosError)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._exchanges = self.tables.include("exchanges", Exchanges())
        self._holders: Bounded[str, _Holder] = self.tables.add("holders", Bounded(TICKETS_LIMIT))
        self._opened: Recent[tuple[int, str]] = self.tables.add(
            "opened", Recent(OPENED_LIMIT, self.options.opening_s * SECOND)
        )
        # (client, KDC) → time of an error to a request that is not captured
        self._missed: Bounded[tuple[int, int], int] = self.tables.add("missed", Bounded(OPENED_LIMIT))
        self._exempt = frozenset(name.lower() for name in self.options.exempt)

    def wants(self) -> dict[type[Event], Want]:
        return {KerberosError: field("code") == PREAUTH_REQUIRED}

    def inspect(self, event: Event) -> Iterator[Alert]:
        if isinstance(event, KerberosError):
            if event.code == PREAUTH_REQUIRED and self._exchanges.initial(event) is None:
                self._missed.put((event.packet.dst, event.packet.src), event.ts)
        elif isinstance(event, KerberosTgsRequest):
            yield from self._shown(event)
        elif isinstance(event, KerberosAsRequest):
            self._exchanges.request(event)
            if not event.proof:
                self._opened.fresh((event.packet.src, event.client.lower()), event.ts)
            elif event.packet.one_sided and only_weak(event.etypes):
                yield from self._made_from_hash(event, event)
        elif isinstance(event, KerberosAsReply):
            requested = self._exchanges.initial(event)
            client, _, _ = ends(event)
            self._holders.put(event.ticket, _Holder(client, event.client, event.ts))
            if requested is not None:
                yield from self._made_from_hash(event, requested)

    def _shown(self, event: KerberosTgsRequest) -> Iterator[Alert]:
        """A ticket in a request, which may have been issued to another host."""
        holder = self._holders.get(event.ticket) if event.ticket else None
        if holder is None or not 0 <= event.ts - holder.ts <= self.options.life_s * SECOND:
            return
        client, kdc, _ = ends(event)
        if (
            client.address == holder.subject.address
            or is_v4(client.address) != is_v4(holder.subject.address)
            or self._same(client, holder.subject)
        ):
            return
        name, owner = who(self.context, client), who(self.context, holder.subject)
        why = (
            f"the KDC issued this ticket of {holder.account} to {owner} {round((event.ts - holder.ts) / SECOND)} s ago",
            f"{text(client.address)} presented it to request {event.service}; initial tickets stay on their host",
        )
        summary = f"{name} presented a Kerberos ticket of {holder.account} that was issued to {owner}"
        yield self._alert(
            event,
            summary,
            why,
            ("stolen", holder.account),
            Severity.critical,
            0.95,
            (kdc, holder.subject),
            self.techniques,
        )

    def _same(self, one: Subject, other: Subject) -> bool:
        """Whether both are the same device with several addresses."""
        near, far = self.context.device(one), self.context.device(other)
        return near is not None and far is not None and near.id == far.id

    def _made_from_hash(
        self, event: KerberosAsReply | KerberosAsRequest, requested: KerberosAsRequest
    ) -> Iterator[Alert]:
        """A single encryption type, with immediate pre-authentication. ``event``: the request itself if the answer is
        not captured; whether the domain supports AES is then unknown.
        """
        account, packet = event.client.lower(), requested.packet
        if (
            len(requested.etypes) != 1
            or requested.proof != "timestamp"
            or requested.host
            or is_machine(account)
            or account in self._exempt
        ):
            return
        granted = event if isinstance(event, KerberosAsReply) else None
        if (granted and granted.ticket_etype not in AES) or not self._first(packet, account):
            return
        weak, name = only_weak(requested.etypes), cipher(requested.etypes[0])
        why = [f"it offered {name} only and sent pre-authentication at once, as tools with a hash or key do"]
        if granted and weak:
            why.append(
                f"the domain supports {cipher(granted.ticket_etype)}; the {name} key is the NT hash of the account"
            )
        elif not granted:
            why.append("the answer was not captured")
        yield self._made(event, tuple(why), account, sure=bool(granted and weak), weak=weak)

    def _made(
        self, event: KerberosRequest | KerberosReply, why: tuple[str, ...], account: str, *, sure: bool, weak: bool
    ) -> Alert:
        client, kdc, _ = ends(event)
        summary = (
            f"{who(self.context, client)} requested a Kerberos ticket of {event.client} from "
            f"{who(self.context, kdc)} as tools with its hash do"
        )
        severity, confidence = (Severity.medium, 0.75) if sure else (Severity.low, 0.5)
        techniques = ("T1550.003", "T1550.002") if weak else self.techniques
        return self._alert(event, summary, why, ("made", account), severity, confidence, (kdc,), techniques)

    def _first(self, packet: Packet, account: str) -> bool:
        """Whether this client did not request the account without pre-authentication before."""
        missed = self._missed.pop((packet.src, packet.dst))
        lost = missed is not None and packet.ts - missed <= self.options.opening_s * SECOND
        return self._opened.fresh((packet.src, account), packet.ts) and not lost

    def _alert(
        self,
        event: KerberosRequest | KerberosReply,
        summary: str,
        why: tuple[str, ...],
        key: tuple[str, ...],
        severity: Severity,
        confidence: float,
        targets: tuple[Subject, ...],
        techniques: tuple[str, ...],
    ) -> Alert:
        client, kdc, port = ends(event)
        return self.alert(
            event,
            actor=client,
            target=kdc,
            targets=targets,
            summary=summary,
            why=why,
            numbers={"tickets": 1, "threshold": 1},
            key=key,
            severity=severity,
            confidence=confidence,
            actor_port=port,
            target_port=server_port(event),
            network=network(self.context, event),
            techniques=techniques,
        )
