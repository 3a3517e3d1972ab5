"""An address that answered before does not answer repeated ARP requests: the device is off or disconnected."""

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
from sensor.detectors.shared.hosts import is_fixed_function, who
from sensor.dissectors.arp import ArpAnnouncement, ArpReply, ArpRequest

TARGETS_LIMIT, REPORTED_LIMIT = 8192, 1024
REPORTED_S = 3600


class Options(detector.Options):
    """When silence is reported."""

    tries: int = Field(8, ge=3, le=64, description="threshold: ARP requests without an answer")
    window_s: int = Field(300, ge=30, le=3600, description="time window in seconds")


class Unresponsive(EventDetector):
    """Watches ARP requests for addresses that answered before, where replies are in the capture; low severity for
    fixed-function devices, else info.
    """

    title = "Device unresponsive"
    severity = Severity.info
    techniques = ()
    advice = (
        "Check that the device is on, its switch port is up and in the right VLAN, and whether its address changed; "
        "otherwise remove the address from the programs that still request it."
    )
    false_positives = "Hosts that are switched off in the evening; a capture that shows few replies."
    decisive = {"tries": "tries"}
    Options = Options
    watches = (ArpRequest, ArpReply, ArpAnnouncement)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._answered: Bounded[tuple[int, int], int] = self.tables.add("answered", Bounded(TARGETS_LIMIT))
        self._tries: Distinct[tuple[int, int], int] = self.tables.add(
            "tries", Distinct(self.options.window_s * SECOND, TARGETS_LIMIT, 64)
        )
        self._reported: Recent[tuple[int, int]] = self.tables.add(
            "reported", Recent(REPORTED_LIMIT, REPORTED_S * SECOND)
        )

    def inspect(self, event: Event) -> Iterator[Alert]:
        if not isinstance(event, ArpRequest | ArpReply | ArpAnnouncement):
            return
        vlan, want = event.packet.vlan, self.options
        if event.sender:
            self._tries.forget((vlan, event.sender))
        if isinstance(event, ArpReply):
            self._answered.put((vlan, event.sender), event.sender_mac)
        if not isinstance(event, ArpRequest):
            return
        target = (vlan, event.target)
        mac = self._answered.get(target)
        if mac is None:
            return
        tries = self._tries.add(target, event.ts, event.ts)
        if tries < want.tries or not self._reported.fresh(target, event.ts):
            return
        device, client = Subject(mac, event.target, vlan), Subject(event.sender_mac, event.sender, vlan)
        yield self.alert(
            event,
            actor=device,
            target=client,
            summary=f"{who(self.context, device)} did not answer {tries} ARP requests",
            why=(
                (
                    f"{tries} ARP requests for {addresses.text(event.target)} within {want.window_s} s without an "
                    f"answer (threshold {want.tries})"
                ),
                "it answered before",
            ),
            numbers={"tries": tries, "threshold": want.tries, "window_s": want.window_s},
            key=(vlan,),
            severity=Severity.low if is_fixed_function(self.context, device) else Severity.info,
            network={"proto": "arp", "vlan": vlan, "direction": "internal"},
        )
