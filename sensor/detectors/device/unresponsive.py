"""An address that answered before does not answer any more, though it is asked for by ARP again and again: the device is off, or lost its network."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import Field

from sensor.core import addresses, detector
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Bounded, Recent
from sensor.core.detector import Context, EventDetector
from sensor.core.event import Event
from sensor.core.observation import Subject
from sensor.core.tally import Distinct
from sensor.detectors._words import is_fixed_function, who
from sensor.dissectors.arp import ArpAnnouncement, ArpReply, ArpRequest

SECOND = 1_000_000_000
TARGETS_LIMIT, TOLD_LIMIT = 8192, 1024
TOLD_S = 3600


class Options(detector.Options):
    """When silence is a finding."""

    tries: int = Field(8, ge=3, le=64, description="questions for the address without an answer")
    window_s: int = Field(300, ge=30, le=3600, description="seconds in which they must fall")


class Unresponsive(EventDetector):
    """Watches questions for addresses that answered before where replies are in the capture; told low for devices with one job, else for information."""

    title = "Device does not answer"
    severity = Severity.info
    techniques = ()
    advice = (
        "Look whether the device is switched on, its switch port is up and in the right VLAN, and whether it was given another address; else take the "
        "address out of the programs that still ask for it."
    )
    false_positives = "Machines that are switched off in the evening; a capture that shows replies only now and then."
    Options = Options
    watches = (ArpRequest, ArpReply, ArpAnnouncement)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._answered: Bounded[tuple[int, int], int] = Bounded(TARGETS_LIMIT)
        self._tries: Distinct[tuple[int, int], int] = Distinct(self.options.window_s * SECOND, TARGETS_LIMIT, 64)
        self._told: Recent[tuple[int, int]] = Recent(TOLD_LIMIT, TOLD_S * SECOND)

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
        if tries < want.tries or not self._told.fresh(target, event.ts):
            return
        device, asker = Subject(mac, event.target, vlan), Subject(event.sender_mac, event.sender, vlan)
        yield self.alert(
            event,
            actor=device,
            target=asker,
            summary=f"{who(self.context, device)} does not answer any more",
            why=(
                f"{tries} questions for {addresses.text(event.target)} within {want.window_s} s had no answer; counts from {want.tries} on",
                "it answered before",
            ),
            numbers={"tries": tries, "threshold": want.tries, "window_s": want.window_s},
            key=(vlan,),
            severity=Severity.low if is_fixed_function(self.context, device) else Severity.info,
            network={"proto": "arp", "vlan": vlan, "direction": "internal"},
        )
