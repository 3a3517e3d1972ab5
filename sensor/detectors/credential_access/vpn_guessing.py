"""Password guessing at VPN gateways (IKE): login after login is rejected, or group names are tried in aggressive mode.

A rejection is encrypted, but its shape is visible. IKEv2 (RFC 7296, 2.21.2): the last response of IKE_AUTH is short,
since it holds no identity, certificate and traffic selectors, and the client ends the exchange or starts again. IKEv1:
encrypted messages (XAUTH, pre-shared key) without quick mode, and the client starts again. A cleartext
AUTHENTICATION_FAILED notification counts as well. In aggressive mode of IKEv1 the group name is in cleartext, and the
response to a valid name contains a hash that can be cracked offline.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sensor.core import detector
from sensor.core.addresses import text
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Bounded, Recent
from sensor.core.detector import Context, EventDetector
from sensor.core.event import Event
from sensor.core.model import Field
from sensor.core.observation import Subject
from sensor.core.phrases import some
from sensor.core.time_units import SECOND
from sensor.counting.tally import Counts, Distinct
from sensor.detectors.shared.hosts import network_of_packet, who
from sensor.dissectors.isakmp import IkeMessage

PAIRS_LIMIT, REPORTED_LIMIT = 8192, 1024
AUTHENTICATION_FAILED = 24
# Bytes of a response that rejects: a notification takes 80, the error of EAP-MSCHAPv2 up to 150. A response that
# accepts has a digest and traffic selectors and takes more than 170, whatever the cipher.
SHORT = 160
# Exchanges of IKEv1 before and after its client is known to be accepted.
PENDING, ACCEPTED = ("main", "aggressive", "transaction"), "quick"
STARTS = ("ike_sa_init", "main", "aggressive")
Pair = tuple[int, int]


class Options(detector.Options):
    """When logins are guessing."""

    failures: int = Field(15, ge=3, description="threshold: rejected logins of one client at one gateway")
    groups: int = Field(5, ge=2, description="threshold: group names in aggressive mode")
    window_s: int = Field(300, ge=10, le=86400, description="time window in seconds")


class VpnGuessing(EventDetector):
    """Watches key exchanges."""

    title = "VPN password guessing (IKE)"
    severity = Severity.medium
    techniques = ("T1110.001", "T1110", "T1133")
    advice = (
        "Check the gateway's log for a successful login from this source, and block it. Disable aggressive mode, use "
        "certificates or a second factor, and limit failed logins."
    )
    false_positives = "A gateway or client with an outdated password that retries without pause; a network audit."
    decisive = {"failures": "count", "groups": "count"}
    Options = Options
    watches = (IkeMessage,)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        window = self.options.window_s * SECOND
        # SPI → the address that started the exchange
        self._initiators: Bounded[str, int] = self.tables.add("initiators", Bounded(PAIRS_LIMIT))
        # SPIs of exchanges with a response of the gateway
        self._answered: Bounded[str, bool] = self.tables.add("answered", Bounded(PAIRS_LIMIT))
        # (client, gateway) → SPI of the exchange that is not accepted yet
        self._pending: Bounded[Pair, str] = self.tables.add("pending", Bounded(PAIRS_LIMIT))
        self._failed: Counts[Pair] = self.tables.add("failed", Counts(window))
        self._groups: Distinct[Pair, str] = self.tables.add("groups", Distinct(window))
        self._reported: Recent[tuple[int, int, str]] = self.tables.add("reported", Recent(REPORTED_LIMIT, window))

    def inspect(self, event: Event) -> Iterator[Alert]:
        if not isinstance(event, IkeMessage):
            return
        packet, want, pair = event.packet, self.options, self._ends(event)
        if self._fails(event, pair):
            count = self._failed.add(pair, packet.ts)
            if count >= want.failures:
                why = f"{count} logins rejected within {want.window_s} s (threshold {want.failures})"
                yield from self._alert(event, pair, "guessed VPN passwords on", why, count, want.failures)
        if event.exchange == "aggressive" and event.identity and not event.response:
            count = self._groups.add(pair, event.identity, packet.ts)
            if count >= want.groups:
                names = some(self._groups.values(pair))
                why = f"{count} groups in aggressive mode within {want.window_s} s (threshold {want.groups}): {names}"
                yield from self._alert(event, pair, "tried VPN group names on", why, count, want.groups)

    def _ends(self, event: IkeMessage) -> Pair:
        """(client, gateway): the client is who began; both may use port 500."""
        packet = event.packet
        if not event.response and self._initiators.get(event.spi) is None:
            self._initiators.put(event.spi, packet.src)
        client = self._initiators.get(event.spi)
        sent = packet.src == client if client is not None else not event.response
        return (packet.src, packet.dst) if sent else (packet.dst, packet.src)

    def _fails(self, event: IkeMessage, pair: Pair) -> bool:
        """Whether a message shows that a login was rejected: in the clear, or the client ends or starts an exchange
        while another one is not accepted.
        """
        if event.response:
            self._answered.put(event.spi, True)
            if event.notify == AUTHENTICATION_FAILED:
                return True
        before = self._pending.get(pair) or ""
        if event.version == 2 and event.exchange == "ike_auth":
            short = event.size <= SHORT and event.fragments == 1
            self._pending.put(pair, event.spi if (short if event.response else self._one_way(event)) else "")
            return False
        again = event.exchange in STARTS and event.spi != before and not event.encrypted
        ends = event.version == 2 and event.exchange == "informational" and event.spi == before
        if before and not event.response and (again or ends):
            self._pending.put(pair, "")
            return True
        if event.version == 1 and event.encrypted and event.exchange in (*PENDING, ACCEPTED):
            self._pending.put(pair, event.spi if event.exchange in PENDING else "")
        return False

    def _one_way(self, event: IkeMessage) -> bool:
        """Whether the capture holds no packet of the gateway: a login is treated as rejected if another one follows."""
        return self._answered.get(event.spi) is None

    def _alert(self, event: IkeMessage, pair: Pair, done: str, why: str, count: int, most: int) -> Iterator[Alert]:
        if not self._reported.fresh((*pair, done), event.ts):
            return
        packet, one_way = event.packet, self._one_way(event)
        answer = packet.dst == pair[0]
        macs = (packet.dst_mac, packet.src_mac) if answer else (packet.src_mac, packet.dst_mac)
        client, gateway = (Subject(mac, address, packet.vlan) for mac, address in zip(macs, pair, strict=True))
        yield self.alert(
            event,
            actor=client,
            target=gateway,
            summary=f"{who(self.context, client)} {done} {who(self.context, gateway)}, {count} attempts",
            why=(
                why,
                f"IKEv{event.version}, exchange {event.exchange}",
                *(["the capture contains no packet of the gateway"] if one_way else []),
            ),
            numbers={"count": count, "threshold": most, "window_s": self.options.window_s},
            key=(text(gateway.address), done),
            confidence=0.5 if one_way else 0.7,
            network=network_of_packet(self.context, packet, "isakmp", answer=answer),
        )
