"""IPv6 address denial: a host answers the duplicate address detection of new hosts (RFC 4862, 5.4), so that they get no
address.

A host that uses an address answers the probe for it, which is one conflict. An attacker answers for every address that
a new host tries, although no host used them before. Switches that probe the addresses of known hosts are answered by
these, so addresses that were in use before the probe do not count.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sensor.core import addresses, detector
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Bounded, Recent
from sensor.core.detector import Context, EventDetector
from sensor.core.event import Event
from sensor.core.model import Field
from sensor.core.observation import Subject
from sensor.core.time_units import SECOND
from sensor.counting.tally import Distinct
from sensor.detectors.shared.hosts import who
from sensor.dissectors.ndp import NdpNeighbourAdvertisement, NdpNeighbourSolicitation

PROBES_LIMIT, USED_LIMIT, HOSTS_LIMIT, ADDRESSES_LIMIT = 2048, 8192, 1024, 64
ANSWER = 3 * SECOND  # a host waits one second for an answer (RFC 4862, 5.1), and may probe again
REPORTED_S = 300


class Options(detector.Options):
    """When denied addresses are an attack."""

    addresses: int = Field(
        3, ge=2, le=ADDRESSES_LIMIT, description="threshold: new addresses of one host that others claimed at once"
    )
    window_s: int = Field(600, ge=10, le=3600, description="time window in seconds")


class AddressDenial(EventDetector):
    """Watches probes for addresses, and the claims that follow."""

    title = "IPv6 address denial (answers to address probes)"
    severity = Severity.medium
    techniques = ("T1499", "T1498.001")
    advice = (
        "Find the switch port of the MAC that claims these addresses, and disconnect it. Enable IPv6 neighbor "
        "discovery inspection on the switches."
    )
    false_positives = (
        "A proxy for neighbor discovery that answers for every address by mistake; a switch that tracks hosts with "
        "probes without a source address, when the capture begins."
    )
    decisive = {"addresses": "addresses"}
    Options = Options
    watches = (NdpNeighbourSolicitation, NdpNeighbourAdvertisement)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        # (VLAN, address) → MAC and time of the last probe
        self._probes: Bounded[tuple[int, int], tuple[int, int]] = self.tables.add("probes", Bounded(PROBES_LIMIT))
        # (VLAN, address) of hosts that used it without a probe of another before
        self._used: Bounded[tuple[int, int], bool] = self.tables.add("used", Bounded(USED_LIMIT))
        self._denied: Distinct[tuple[int, int], int] = self.tables.add(
            "denied", Distinct(self.options.window_s * SECOND, HOSTS_LIMIT, ADDRESSES_LIMIT)
        )
        self._reported: Recent[tuple[int, int]] = self.tables.add("reported", Recent(HOSTS_LIMIT, REPORTED_S * SECOND))

    def inspect(self, event: Event) -> Iterator[Alert]:
        vlan = event.packet.vlan
        if isinstance(event, NdpNeighbourSolicitation):
            if event.sender:
                self._uses(vlan, event.sender, event.mac, event.ts)
                return
            if self._prober(vlan, event.target, event.ts) in (0, event.mac):
                self._probes.put((vlan, event.target), (event.mac, event.ts))
                return
            address, mac = event.target, event.mac
        elif isinstance(event, NdpNeighbourAdvertisement):
            address, mac = event.target, event.mac
        else:
            return
        host = self._prober(vlan, address, event.ts)
        if host in (0, mac) or (vlan, address) in self._used:
            self._uses(vlan, address, mac, event.ts)
            return
        denied = self._denied.add((vlan, host), address, event.ts)
        if denied >= self.options.addresses and self._reported.fresh((vlan, host), event.ts):
            yield self._alert(event, mac, host, denied)

    def _prober(self, vlan: int, address: int, ts: int) -> int:
        """The MAC that probed for this address within the last seconds; 0 if none did."""
        mac, at = self._probes.get((vlan, address)) or (0, 0)
        return mac if 0 <= ts - at <= ANSWER else 0

    def _uses(self, vlan: int, address: int, mac: int, ts: int) -> None:
        if self._prober(vlan, address, ts) in (0, mac):
            self._used.put((vlan, address), True)

    def _alert(self, event: Event, mac: int, host: int, denied: int) -> Alert:
        vlan, want = event.packet.vlan, self.options
        victim = Subject(host, 0, vlan)
        tried = [addresses.text(each) for each in self._denied.values((vlan, host))]
        alert = self.alert(
            event,
            actor=Subject(mac, 0, vlan),
            target=victim,
            summary=f"{addresses.mac_text(mac)} claims every address that {who(self.context, victim)} probes for",
            why=(
                f"{denied} new addresses were claimed by others within {want.window_s} s (threshold {want.addresses})",
                f"including {', '.join(tried[:3])}, which no host used before",
            ),
            numbers={"addresses": denied, "threshold": want.addresses, "window_s": want.window_s},
            network={"proto": "icmpv6", "vlan": vlan, "direction": "internal"},
        )
        alert.key = f"{self.id}|{vlan}|{addresses.mac_text(host)}"  # the claiming MAC may change
        return alert
