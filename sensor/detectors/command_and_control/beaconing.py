"""A host contacts one external server at regular intervals with little data.

Measured over answered flows of each internal client, external server and service. Ordinary programs contact their
servers regularly too: servers of well-known clouds are ignored, any other name makes the alert less certain, and a bare
IP address makes it more severe.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from sensor.core import addresses, detector
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Recent
from sensor.core.detector import Context
from sensor.core.domains import under
from sensor.core.flow import Change, Flow
from sensor.core.ip_protocols import PROTOCOLS
from sensor.core.model import Field
from sensor.core.phrases import some
from sensor.core.time_units import SECOND
from sensor.counting.changes import CLIENT_INSIDE, SERVER_INSIDE, Changes
from sensor.counting.contacts import combine
from sensor.counting.flow_detector import FlowDetector
from sensor.counting.intervals import NO_SIZE, Intervals, IntervalStatistics
from sensor.counting.ports import ports_in
from sensor.detectors.shared.hosts import client_of, is_fixed_function, network_of, server_of, who

WEB, SECURE = frozenset((80, 8080)), frozenset((443, 8443))
PAIRS_LIMIT = 8192
BITS = 16
# Services that are regular by design: DNS, NTP, mail, STUN, VPN.
REGULAR = (25, 53, 123, 143, 500, 853, 993, 1194, 3478, 4500, 51820)
# Clouds of operating system and device vendors, and services that many programs contact.
CLOUDS = tuple(
    "apple.com icloud.com aaplimg.com google.com googleapis.com gstatic.com gvt1.com googlevideo.com youtube.com "
    "android.com microsoft.com windows.com live.com office.com office365.com outlook.com skype.com msedge.net "
    "windows.net azure.com azure-devices.net windowsupdate.com msftconnecttest.com msftncsi.com amazon.com "
    "amazonalexa.com amazon-dss.com amazonvideo.com facebook.com fbcdn.net whatsapp.net whatsapp.com instagram.com "
    "cloudflare.com akamaized.net akamai.net mozilla.com mozilla.org firefox.com ubuntu.com canonical.com debian.org "
    "redhat.com samsung.com samsungcloudsolution.com samsungqbe.com lgtvsdp.com lge.com sony.com sony.net "
    "playstation.net nintendo.net xboxlive.com netflix.com spotify.com roku.com sonos.com ring.com nest.com "
    "philips.com meethue.com tuyaeu.com tuyaus.com tuyacn.com tplinkcloud.com tp-link.com ui.com ubnt.com netgear.com "
    "dropbox.com slack.com zoom.us webex.com cisco.com meraki.com hp.com hpeprint.com epson.net canon.com brother.com "
    "xerox.com kyocera.com ntp.org logitech.com adobe.com avast.com eset.com mcafee.com symantec.com sophos.com "
    "crowdstrike.com cloudsink.net digicert.com letsencrypt.org signal.org telegram.org discord.gg".split()
)


class Options(detector.Options):
    """When regular contacts are beaconing."""

    beats: int = Field(12, ge=6, le=200, description="threshold: contacts at regular intervals")
    dispersion: float = Field(
        0.15,
        gt=0,
        le=1,
        description="maximum dispersion of the intervals (standard deviation divided by mean, without the extremes)",
    )
    size_dispersion: float = Field(
        0.5, gt=0, description="maximum dispersion of the bytes that the client sends in a contact"
    )
    shortest_s: float = Field(8.0, ge=5, description="minimum mean interval in seconds")
    most_bytes: int = Field(100_000, ge=100, description="maximum mean of bytes that the client sends in a contact")
    again_s: int = Field(3600, ge=60, description="seconds until the same pair may be reported again")
    clouds: tuple[str, ...] = Field(CLOUDS, description="domains of servers that ordinary programs contact regularly")
    ports: tuple[int, ...] = Field(REGULAR, description="ports of services with regular traffic")


class Beaconing(FlowDetector):
    """Follows answered outbound flows in bulk."""

    title = "Beaconing (regular C2 connections)"
    severity = Severity.medium
    adjusts_severity = True
    techniques = ("T1071.001",)
    advice = (
        "Identify the program behind these connections and the owner of the server. If neither is "
        "known, isolate the host and block the server."
    )
    false_positives = "Monitoring agents, update checks, push services and device clouds that are missing in `clouds`."
    decisive = {"beats": "beats"}
    Options = Options

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._intervals = Intervals(self.options.beats - 1, BITS + self.context.more_bits)
        self._ports = ports_in(self.options.ports)
        self._clouds = frozenset(self.options.clouds)
        self._reported: Recent[tuple[int, int, int]] = self.tables.add(
            "reported", Recent(PAIRS_LIMIT, self.options.again_s * SECOND)
        )

    def candidates(self, changes: Changes) -> Iterable[tuple[int, IntervalStatistics]]:
        rows = changes.contacts
        outbound = (rows["flags"] & (CLIENT_INSIDE | SERVER_INSIDE)) == CLIENT_INSIDE
        kinds = (rows["kind"] == Change.ANSWERED) | (rows["kind"] == Change.ENDED)
        rows = rows.compress(
            outbound & kinds & ((rows["service"] & 0xFF) != 1) & ~self._ports[rows["service"] >> 8 & 0xFFFF]
        )
        if not len(rows):
            return []
        sent = changes.rows["client_bytes"][rows["row"]].astype(np.int64)
        sizes = np.where(rows["kind"] == Change.ENDED, sent, NO_SIZE)
        found = self._intervals.follow(
            combine(combine(rows["client"], rows["server"]), rows["service"].astype(np.uint64)), rows["ts"], sizes
        )
        return [(int(rows["row"][at]), rhythm) for at, rhythm in found if self._is_beacon(rhythm)]

    def _is_beacon(self, rhythm: IntervalStatistics) -> bool:
        want = self.options
        return bool(
            rhythm.dispersion <= want.dispersion
            and rhythm.interval_s >= want.shortest_s
            and rhythm.size <= want.most_bytes
            and rhythm.size_dispersion <= want.size_dispersion
        )

    def evaluate(self, flow: Flow, numbers: IntervalStatistics) -> Iterator[Alert]:
        names = self.context.names_of(flow.server)
        if any(under(name, self._clouds) for name in names):
            return
        if self._reported.fresh((flow.client, flow.server, flow.server_port), flow.ts):
            yield self._alert(flow, numbers, names)

    def _alert(self, flow: Flow, numbers: IntervalStatistics, names: tuple[str, ...]) -> Alert:
        """``names``: those that resolved to the server."""
        want, actor, target = self.options, client_of(flow), server_of(flow)
        service = f"{PROTOCOLS.get(flow.proto, '')}/{flow.server_port}"
        known = f"{some(list(names))} resolved to this address" if names else "no host name resolved to this address"
        return self.alert(
            flow,
            actor=actor,
            target=target,
            summary=(
                f"{who(self.context, actor)} contacted {names[0] if names else addresses.text(flow.server)} on "
                f"{service} every {numbers.interval_s:.0f} s, {numbers.beats} times"
            ),
            why=(
                (
                    f"{numbers.beats} contacts, {numbers.interval_s:.1f} s apart on average, with a dispersion of "
                    f"{numbers.dispersion:.2f}; threshold {want.beats} contacts below {want.dispersion}"
                ),
                (
                    f"the client sent {numbers.size:.0f} bytes each time, with a dispersion of "
                    f"{numbers.size_dispersion:.2f}"
                ),
                known,
            ),
            numbers={
                "beats": numbers.beats,
                "threshold": want.beats,
                "interval_s": round(numbers.interval_s, 1),
                "dispersion": round(numbers.dispersion, 3),
                "bytes": round(numbers.size),
            },
            key=(addresses.text(flow.server), service),
            severity=self._severity(flow, bool(names)),
            confidence=0.6 if names else 0.8,
            actor_port=flow.client_port,
            target_port=flow.server_port,
            network=network_of(self.context, flow),
            techniques=_techniques(flow.server_port),
        )

    def _severity(self, flow: Flow, named: bool) -> Severity:
        """Fixed-function devices contact their vendors: a named server is a weak indication; a bare IP address is more
        severe, most for such a device.
        """
        if named:
            return Severity.low
        return Severity.high if is_fixed_function(self.context, client_of(flow)) else Severity.medium


def _techniques(port: int) -> tuple[str, ...]:
    """By port: HTTP, HTTPS, or an unknown protocol."""
    if port in SECURE:
        return ("T1071.001", "T1573")
    return ("T1071.001",) if port in WEB else ("T1071.001", "T1071", "T1095")
