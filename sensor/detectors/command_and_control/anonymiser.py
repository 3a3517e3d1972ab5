"""Use of anonymization networks: Tor by its handshakes, certificates and names, web gateways into Tor, I2P, and similar
programs.

A Tor client puts a random name (``www.`` and base32 letters) into each TLS handshake and never resolves it by DNS. Up
to TLS 1.2 the relay's certificate contains two more random names, the subject (.net) and the issuer (.com). From TLS
1.3 on only the names in handshakes remain.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sensor.core import addresses, detector
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Bounded, Recent
from sensor.core.detector import Context, EventDetector
from sensor.core.domains import registered
from sensor.core.event import Event
from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.model import Field
from sensor.core.time_units import HOUR, SECOND
from sensor.core.wants import Want, field
from sensor.counting.tally import Distinct
from sensor.detectors.shared.hosts import Numbers, app_of, ends_of, is_fixed_function, network_of_packet, who
from sensor.detectors.shared.names import generated
from sensor.detectors.shared.requested_names import ASKING, asks, asks_under, name_of, verb_of
from sensor.dissectors.dns import DnsQuery, DnsResponse
from sensor.dissectors.tls import TlsCertificate, TlsClientHello

NAMES_LIMIT, CLIENTS_LIMIT = 4096, 4096
RANDOM = 0.4
MULTI_HOP, PROXY = "T1090.003", "T1090"
_RELAY_NAME = lazy_pattern(r"www\.([a-z2-7]{4,25})\.(?:com|net)\Z")
_SUBJECT = lazy_pattern(r"\ACN=www\.[a-z2-7]{6,25}\.net\Z")
_ISSUER = lazy_pattern(r"\ACN=www\.[a-z2-7]{6,25}\.com\Z")
HIDDEN = ("onion", "i2p")
# Domains of Tor gateways and of anonymization software: name, technique.
SERVICES = {
    **dict.fromkeys(
        (
            "onion.to onion.ws onion.pet onion.ly onion.cab onion.link onion.casa tor2web.org tor2web.io tor2web.fi"
        ).split(),
        ("a Tor web gateway", MULTI_HOP),
    ),
    **dict.fromkeys("torproject.org torproject.net".split(), ("the Tor project", MULTI_HOP)),
    **dict.fromkeys("geti2p.net i2p2.no i2p-projekt.de".split(), ("the I2P project", MULTI_HOP)),
    **dict.fromkeys(
        "psiphon.ca psiphon3.com getlantern.org ultrasurf.us freegate.org hidemyass.com".split(),
        ("a censorship circumvention program", PROXY),
    ),
}


class Options(detector.Options):
    """When a Tor client is reported."""

    names: int = Field(2, ge=1, description="threshold: random server names in TLS handshakes within an hour")
    again_s: int = Field(3600, ge=60, description="seconds until the same host may be reported again")


class Anonymiser(EventDetector):
    """Watches TLS handshakes, certificates and requested names."""

    title = "Anonymization network (Tor, I2P)"
    severity = Severity.medium
    adjusts_severity = True
    techniques = (MULTI_HOP,)
    advice = (
        "Ask the user for the reason. If no user knows about it, look for malware that hides its C2 "
        "server. Block the relays at the border."
    )
    false_positives = "Users who run Tor intentionally; visits to the web pages of such projects (low severity)."
    decisive = {"names": "names"}
    Options = Options
    watches = (*ASKING, TlsCertificate)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._queried: Bounded[str, int] = self.tables.add("queried", Bounded(NAMES_LIMIT))
        self._names: Distinct[int, str] = self.tables.add("names", Distinct(HOUR, CLIENTS_LIMIT, 16))
        self._reported: Recent[tuple[int, str]] = self.tables.add(
            "reported", Recent(CLIENTS_LIMIT, self.options.again_s * SECOND)
        )

    def wants(self) -> dict[type[Event], Want]:
        random, listed = asks(_is_relay_name), asks_under((*HIDDEN, *SERVICES))
        return {
            TlsCertificate: field("subject").matches(_SUBJECT) & field("issuer").matches(_ISSUER),
            **{kind: random[kind] | listed[kind] for kind in ASKING},
        }

    def inspect(self, event: Event) -> Iterator[Alert]:
        if isinstance(event, TlsCertificate):
            if _SUBJECT.match(event.subject) and _ISSUER.match(event.issuer):
                return self._certificate(event)
            return iter(())
        name = name_of(event)
        if not name:
            return iter(())
        if name[:4] == "www." and (found := _RELAY_NAME.match(name)) and generated(found[1]) >= RANDOM:
            if isinstance(event, DnsQuery | DnsResponse):
                self._queried.put(name, event.ts)
            elif isinstance(event, TlsClientHello) and name not in self._queried:
                return self._handshake(event, name)
        if name.rpartition(".")[2] in HIDDEN:
            return self._named(event, name, "a Tor onion service", MULTI_HOP, Severity.medium)
        service = SERVICES.get(registered(name))
        return self._named(event, name, *service, Severity.low) if service else iter(())

    def _certificate(self, event: TlsCertificate) -> Iterator[Alert]:
        why = (
            (
                f"the certificate is for {event.common_name} and signed by {event.issuer.removeprefix('CN=')}: "
                "random names as Tor relays use them"
            ),
        )
        yield from self._made(
            event,
            "connected to a Tor relay",
            why,
            {"subject": event.common_name},
            MULTI_HOP,
            Severity.medium,
            0.95,
            relay=True,
            answer=not event.from_client,
        )

    def _handshake(self, event: TlsClientHello, name: str) -> Iterator[Alert]:
        count = self._names.add(event.packet.src, name, event.ts)
        if count < self.options.names:
            return
        why = (
            (
                f"{count} TLS handshakes within an hour had random server names without a DNS query (threshold "
                f"{self.options.names})"
            ),
            f"last: {name} at {addresses.text(event.packet.dst)}",
        )
        yield from self._made(
            event,
            "connected to Tor relays",
            why,
            {"names": count, "threshold": self.options.names},
            MULTI_HOP,
            Severity.medium,
            0.8,
            relay=True,
        )

    def _named(self, event: Event, name: str, what: str, technique: str, severity: Severity) -> Iterator[Alert]:
        why = (f"{name} belongs to {what}",)
        did, answer = f"{verb_of(event)} {name}, {what}", isinstance(event, DnsResponse)
        yield from self._made(event, did, why, {"name": name}, technique, severity, 0.7, answer=answer)

    def _made(
        self,
        event: Event,
        what: str,
        why: tuple[str, ...],
        numbers: Numbers,
        technique: str,
        severity: Severity,
        confidence: float,
        *,
        relay: bool = False,
        answer: bool = False,
    ) -> Iterator[Alert]:
        """``relay``: the server is one of the network; it is reported once, and so is a requested name."""
        actor, target, sport, dport = ends_of(event.packet, answer=answer)
        if not self._reported.fresh((actor.address, addresses.text(target.address) if relay else what), event.ts):
            return
        if is_fixed_function(self.context, actor):
            severity = Severity(severity + 1)
        yield self.alert(
            event,
            actor=actor,
            target=target,
            summary=f"{who(self.context, actor)} {what}",
            why=why,
            numbers={"threshold": 1, **numbers},
            key=(technique, "relays" if relay else "names"),
            severity=severity,
            confidence=confidence,
            techniques=(technique,),
            actor_port=sport,
            target_port=dport,
            network=network_of_packet(self.context, event.packet, app_of(event), answer=answer),
        )


def _is_relay_name(name: str) -> bool:
    """Whether a name has the form of those in the certificates of Tor relays."""
    return name[:4] == "www." and _RELAY_NAME.match(name) is not None
