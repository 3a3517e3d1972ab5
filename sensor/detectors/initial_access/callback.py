"""Callback after an exploit attempt: the attacked host connects to its attacker, offers a shell, or downloads code.

Two kinds of evidence together: requests with a known exploit identify the attacked host, the attacker, and the hosts
that the exploit contains; new flows towards these, shells and downloads by the attacked host follow within minutes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from sensor.core import detector
from sensor.core.addresses import parse, text
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Bounded, Recent
from sensor.core.detector import Context, EventDetector
from sensor.core.event import Event
from sensor.core.flow import Change, Flow
from sensor.core.ip_protocols import TCP
from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.model import Field
from sensor.core.observation import Subject
from sensor.core.time_units import SECOND
from sensor.core.wants import Want, field, held
from sensor.counting.changes import Changes
from sensor.counting.flow_detector import FlowDetector
from sensor.detectors.shared.exploits import attempted, attempts_in
from sensor.detectors.shared.hosts import network_of, who
from sensor.dissectors.http import HttpBody, HttpRequest
from sensor.dissectors.rat import RatMessage

VICTIMS_LIMIT = 1024
REPORTED_LIMIT = 4096
NAMED_LIMIT = 4
PAIR_SLOTS = 1 << 16
MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_NAMED = lazy_pattern(
    r"(?:ldaps?|rmi|dns|iiop|https?|ftp|tftp)://([0-9a-fA-F.:\[\]]{7,45}?)(?:[:/]|$|\})|/dev/tcp/([\d.]{7,15})/|"
    r"\b(?:nc|ncat|tftp)\s[^;|&]{0,20}?(\d[\d.]{6,14})"
)
# Download tools of scripts and servers, and executable files.
_FETCHER = lazy_pattern(
    r"^(?:Java/|curl/|Wget/|python-|Python-urllib|libwww-perl|PowerShell|Go-http|busybox|certutil|"
    r"Microsoft-CryptoAPI/.{0,4}certutil)|WindowsPowerShell",
    re.IGNORECASE,
)
_CODE = lazy_pattern(
    r"\.(?:class|jar|sh|py|pl|elf|exe|dll|ps1|bat|hta|vbs|so|mips|mipsel|arm\d?|x86|bin)(?:[?#]|$)", re.IGNORECASE
)


class Options(detector.Options):
    """How long after an attack a callback counts."""

    within_s: int = Field(300, ge=5, le=86400, description="seconds after the attack in which a callback counts")
    again_s: int = Field(3600, ge=60, description="seconds until the same callback may be reported again")


class _Attack(msgspec.Struct):
    """The last attack on a host: time, attacker, signature, and the addresses it contains."""

    ts: int
    attacker: Subject
    what: str
    signature: str
    port: int
    named: tuple[int, ...]

    def place(self, address: int) -> str:
        """The name of a contacted address in an alert."""
        if address == self.attacker.address:
            return "its attacker"
        return f"{text(address)}, an address in the exploit" if address in self.named else text(address)


class Callback(FlowDetector, EventDetector):
    """Watches requests and shells, and new TCP flows against the direction of recent attacks."""

    title = "Callback to the attacker after an exploit attempt"
    severity = Severity.critical
    techniques = ("T1190", "T1059")
    advice = (
        "Treat the host as compromised: isolate it, preserve its memory and the downloaded file, block the contacted "
        "address, and review its traffic since."
    )
    false_positives = (
        "An authorized vulnerability scanner that verifies vulnerabilities; hosts under test that "
        "connect to each other."
    )
    watches = (HttpRequest, HttpBody, RatMessage)
    Options = Options

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._known = context.intel.signatures("exploits")
        self._window = self.options.within_s * SECOND
        self._attacks: Bounded[int, _Attack] = self.tables.add("attacks", Bounded(VICTIMS_LIMIT))
        self._reported: Recent[tuple[int, int, int]] = self.tables.add(
            "reported", Recent(REPORTED_LIMIT, self.options.again_s * SECOND)
        )
        self._pairs, self._times = np.zeros(PAIR_SLOTS, np.uint64), np.zeros(PAIR_SLOTS, np.int64)

    # Requests and shells.

    def wants(self) -> dict[type[Event], Want]:
        fetches = held(self._attacks, "packet.src") & (
            field("user_agent").matches(_FETCHER) | field("path").matches(_CODE)
        )
        request, body = attempted(self._known)
        return {
            HttpRequest: request | fetches,
            HttpBody: body,
            RatMessage: field("from_client").filled() & held(self._attacks, "packet.src"),
        }

    def inspect(self, event: Event) -> Iterator[Alert]:
        if isinstance(event, RatMessage):
            yield from self._shell(event)
        elif isinstance(event, HttpRequest | HttpBody):
            for known, shown in attempts_in(self._known, event):
                if known.level > Severity.low:
                    self._attacked(event, known.what, known.id, shown)
            if (
                isinstance(event, HttpRequest)
                and len(self._attacks)
                and (_FETCHER.search(event.user_agent) or _CODE.search(event.path))
            ):
                yield from self._fetch(event)

    def _attacked(self, event: HttpRequest | HttpBody, what: str, signature: str, shown: str) -> None:
        packet = event.packet
        if packet.src == packet.dst:  # a host that tests itself: all its connections go to the source of the attack
            return
        named = [word for groups in _NAMED.findall(f"{shown} {event.path}") for word in groups if word]
        attack = _Attack(
            packet.ts,
            Subject(packet.src_mac, packet.src, packet.vlan),
            what,
            signature,
            packet.dport,
            tuple(_addresses(named)),
        )
        self._attacks.put(packet.dst, attack)

    def _shell(self, event: RatMessage) -> Iterator[Alert]:
        packet = event.packet
        attack = self._recent(packet.src, packet.ts)
        if attack is not None and event.from_client:
            yield from self._alert(event, attack, packet.dst, packet.dport, f"offered a shell ({event.word}) to", {})

    def _fetch(self, event: HttpRequest) -> Iterator[Alert]:
        packet = event.packet
        attack = self._recent(packet.src, packet.ts)
        if attack is None or (
            packet.dst != attack.attacker.address and packet.dst not in attack.named and not _CODE.search(event.path)
        ):
            return
        yield from self._alert(
            event,
            attack,
            packet.dst,
            packet.dport,
            f"downloaded {event.path[:80]} as {event.user_agent[:40]!r} from",
            {},
        )

    # New flows.

    def candidates(self, changes: Changes) -> Iterable[tuple[int, None]]:
        """New TCP flows in the opposite direction of a recent flow of both ends: rare in any network."""
        every = changes.of(Change.NEW)
        tcp = (every.rows["proto"] == TCP).nonzero()[0]
        if not len(tcp):
            return []
        new, rows = every.at[tcp], every.rows.take(tcp)
        there, back = _pairs(rows)
        ts = rows["ts"]
        slots = (back >> np.uint64(48)).astype(np.int64)
        pairs, times = self._pairs[slots], self._times[slots]
        places = (there >> np.uint64(48)).astype(np.int64)
        own, written = _written(places, slots)
        pairs[own], times[own] = there[written], ts[written]
        known = (pairs == back) & (ts - times < self._window)
        self._pairs[places], self._times[places] = there, ts
        return [(row, None) for row in new[known].tolist()]

    def evaluate(self, flow: Flow, numbers: None) -> Iterator[Alert]:
        attack = self._recent(flow.client, flow.ts)
        if attack is None or flow.server != attack.attacker.address:
            return
        yield from self._alert(
            flow, attack, flow.server, flow.server_port, "opened a connection to", network_of(self.context, flow)
        )

    def _recent(self, victim: int, ts: int) -> _Attack | None:
        attack = self._attacks.get(victim)
        return attack if attack is not None and 0 <= ts - attack.ts <= self._window else None

    def _alert(
        self, proof: Event | Flow, attack: _Attack, called: int, port: int, did: str, network: dict[str, str | int]
    ) -> Iterator[Alert]:
        packet = proof if isinstance(proof, Flow) else proof.packet
        mac, address = (packet.client_mac, packet.client) if isinstance(packet, Flow) else (packet.src_mac, packet.src)
        if not self._reported.fresh((address, called, port), proof.ts):
            return
        victim = Subject(mac, address, packet.vlan)
        after = (proof.ts - attack.ts) / SECOND
        expected = called == attack.attacker.address or called in attack.named
        yield self.alert(
            proof,
            actor=attack.attacker,
            target=victim,
            summary=(
                f"{who(self.context, victim)} {did} {attack.place(called)}, {after:.1f} s after an exploit attempt by "
                f"{who(self.context, attack.attacker)}"
            ),
            why=(
                f"{text(attack.attacker.address)} sent {attack.what} to port {attack.port} ({attack.signature})",
                (
                    f"{after:.1f} s later {text(address)} {did} port {port} of {text(called)} (time window "
                    f"{self.options.within_s} s)"
                ),
            ),
            numbers={
                "after_s": round(after, 3),
                "threshold": self.options.within_s,
                "port": port,
                "called": text(called),
            },
            key=(text(address),),
            severity=Severity.critical if expected else Severity.high,
            confidence=0.9 if expected else 0.75,
            network=network,
        )


def _addresses(words: list[str]) -> Iterator[int]:
    for word in words[:NAMED_LIMIT]:
        try:
            yield parse(word.strip("[]"))
        except ValueError:
            continue


def _pairs(rows: npt.NDArray[np.void]) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
    """For each row a number for (client, server), and one for (server, client)."""
    client, server = ((rows[end + "_hi"] * MULTIPLIER ^ rows[end + "_lo"]) * MULTIPLIER for end in ("client", "server"))
    client, server = client ^ client >> np.uint64(29), server ^ server >> np.uint64(29)
    return (client * np.uint64(3) + server) * MULTIPLIER, (server * np.uint64(3) + client) * MULTIPLIER


def _written(
    places: npt.NDArray[np.int64], slots: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Rows whose slot an earlier row of the same batch wrote, and the row that wrote it last: batch boundaries must not
    matter.
    """
    count = len(places)
    order = np.arange(count)
    writes = np.sort(places * count + order)
    last = writes[np.maximum(np.searchsorted(writes, slots * count + order) - 1, 0)]
    own = (last // count == slots) & (last % count < order)
    return own.nonzero()[0], (last % count)[own]
