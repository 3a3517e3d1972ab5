"""Cryptocurrency mining: a host exchanges mining protocol messages with a pool, on any port, resolves the name of a
pool, or has a TLS session with the rhythm of mining.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sensor.core import addresses, detector
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Recent
from sensor.core.detector import Context, EventDetector
from sensor.core.event import Event
from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.model import Field
from sensor.core.time_units import SECOND
from sensor.core.wants import Want
from sensor.detectors.shared.hosts import Numbers, app_of, ends_of, is_fixed_function, network_of_packet, who
from sensor.detectors.shared.requested_names import asks
from sensor.dissectors.dns import DnsQuery, DnsResponse
from sensor.dissectors.stratum import StratumRequest, StratumWork
from sensor.dissectors.stratum_tls import StratumTls
from sensor.dissectors.tls import TlsClientHello

PAIRS_LIMIT = 4096
# Well-known mining pools and in-browser miners, by their names.
_NAMES = (
    "minexmr supportxmr nanopool ethermine flypool f2pool nicehash 2miners hashvault moneroocean xmrpool c3pool "
    "herominers unmineable antpool viabtc slushpool braiins poolin kryptex zpool miningpoolhub prohashing hiveon "
    "minergate dwarfpool sparkpool monerohash hashcity suprnova mineros coinhive coin-hive cryptoloot crypto-loot "
    "authedmine jsecoin webminepool xmr-eu xmr-eu1 xmr-us p2pool".split()
)
POOLS = lazy_pattern(rf"(?:\A|[.-])(?:{'|'.join(_NAMES)})\.[a-z.]{{2,12}}\Z")
_LAST_WORDS = frozenset(name.rpartition("-")[2] for name in _NAMES)
WEB = ("www.", "api.", "blog.", "help.", "support.")


class Options(detector.Options):
    """How often the same pair is reported."""

    again_s: int = Field(3600, ge=60, description="seconds until the same host and pool may be reported again")


class Mining(EventDetector):
    """Watches mining protocol messages, names in DNS and TLS, and the rhythm of TLS sessions."""

    title = "Cryptocurrency mining"
    severity = Severity.medium
    adjusts_severity = True
    techniques = ("T1496", "T1496.001")
    advice = (
        "Identify the program on the host and how it was installed. If no user installed it intentionally, "
        "treat the host as compromised. Block the pool."
    )
    false_positives = (
        "Intentional mining by a user; a visit to the web pages of a pool (low severity); a message broker over TLS "
        "that pushes messages of equal size and confirms those of its client (by rhythm only)."
    )
    Options = Options
    watches = (StratumRequest, StratumWork, StratumTls, DnsQuery, DnsResponse, TlsClientHello)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._reported: Recent[tuple[int, str]] = self.tables.add(
            "reported", Recent(PAIRS_LIMIT, self.options.again_s * SECOND)
        )

    def wants(self) -> dict[type[Event], Want]:
        wanted = asks(_is_pool)
        return {kind: wanted[kind] for kind in (DnsQuery, DnsResponse, TlsClientHello)}

    def inspect(self, event: Event) -> Iterator[Alert]:
        if isinstance(event, DnsQuery | DnsResponse):
            if event.name and POOLS.search(event.name):
                return self._named(event, event.name, "queried")
        elif isinstance(event, TlsClientHello):
            if event.sni and POOLS.search(event.sni):
                return self._named(event, event.sni, "opened a TLS session to")
        elif isinstance(event, StratumRequest):
            return self._called(event)
        elif isinstance(event, StratumWork):
            return self._paid(event)
        elif isinstance(event, StratumTls):
            return self._sealed(event)
        return iter(())

    def _called(self, event: StratumRequest) -> Iterator[Alert]:
        packet = event.packet
        pool = f"{addresses.text(packet.dst)}:{packet.dport}"
        if self._reported.fresh((packet.src, f"{pool} {event.method}"), event.ts):
            reasons = [f"it sent the mining method {event.method}"]
            reasons += [f"mining software {event.agent!r}"] if event.agent else []
            reasons += [f"account {event.account!r}"] if event.account else []
            yield self._made(
                event,
                f"mined cryptocurrency at the pool {pool}",
                tuple(reasons),
                {"method": event.method, "agent": event.agent or "unknown"},
                answer=False,
            )

    def _paid(self, event: StratumWork) -> Iterator[Alert]:
        packet = event.packet
        pool = f"{addresses.text(packet.src)}:{packet.sport}"
        if self._reported.fresh((packet.dst, f"{pool} work"), event.ts):
            yield self._made(
                event,
                f"mined cryptocurrency at the pool {pool}",
                (f"the pool sent a job ({event.method})",),
                {"method": event.method},
                answer=True,
            )

    def _sealed(self, event: StratumTls) -> Iterator[Alert]:
        packet = event.packet
        pool = f"{addresses.text(packet.dst)}:{packet.dport}"
        if self._reported.fresh((packet.src, f"{pool} tls"), event.ts):
            yield self._made(
                event,
                f"probably mined cryptocurrency over TLS at {pool}",
                (
                    (
                        f"the server pushed {event.jobs} records of about {event.job_size} bytes, which the client did "
                        "not answer, as pools send jobs"
                    ),
                    (
                        f"the client sent {event.shares} records of about {event.share_size} bytes, each acknowledged "
                        f"with about {event.answer_size} bytes, as miners send shares"
                    ),
                    (
                        "the intervals between them vary as those of random events (standard deviation divided by "
                        f"mean: {event.spread:.2f}; 0 if periodic)"
                    ),
                    "the content is encrypted: only sizes and times were evaluated",
                ),
                {"jobs": event.jobs, "shares": event.shares, "spread": round(event.spread, 2)},
                Severity.medium,
                confidence=0.65,
                answer=False,
            )

    def _named(self, event: DnsQuery | DnsResponse | TlsClientHello, name: str, verb: str) -> Iterator[Alert]:
        answer = isinstance(event, DnsResponse)
        if self._reported.fresh((event.packet.dst if answer else event.packet.src, name), event.ts):
            web = name.startswith(WEB) or name.count(".") == 1
            severe = Severity.low if web else None
            yield self._made(
                event,
                f"{verb} {name}, a cryptocurrency mining pool",
                (f"{name} belongs to a known mining pool",),
                {"name": name},
                severe,
                answer=answer,
            )

    def _made(
        self,
        event: Event,
        what: str,
        why: tuple[str, ...],
        numbers: Numbers,
        severity: Severity | None = None,
        confidence: float = 0.0,
        *,
        answer: bool,
    ) -> Alert:
        near, far, near_port, far_port = ends_of(event.packet, answer=answer)
        if severity is None:
            severity = Severity.high if is_fixed_function(self.context, near) else Severity.medium
        return self.alert(
            event,
            actor=near,
            target=far,
            summary=f"{who(self.context, near)} {what}",
            why=why,
            numbers={"threshold": 1, **numbers},
            key=(far.address if not isinstance(event, DnsQuery | DnsResponse) else numbers["name"],),
            severity=severity,
            confidence=confidence or (0.95 if isinstance(event, StratumRequest | StratumWork) else 0.7),
            actor_port=near_port,
            target_port=far_port,
            network=network_of_packet(self.context, event.packet, app_of(event), answer=answer),
        )


def _is_pool(name: str) -> bool:
    """Whether a name is that of a pool. The pattern is slow, and few names have a word of one."""
    return not _LAST_WORDS.isdisjoint(name.replace("-", ".").split(".")) and POOLS.search(name) is not None
