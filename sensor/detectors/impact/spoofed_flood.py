"""A host sends a flood with spoofed source addresses, some of them invalid.

A program with random sources draws one in eight from ranges that no host uses. Gateways forward many sources, but
routers and providers drop invalid ones, so several different ones from one MAC within a minute are a flood at its
origin, regardless of the targets.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from sensor.core import addresses, detector
from sensor.core.alert import Alert, Severity
from sensor.core.detector import Context
from sensor.core.flow import Change, Flow
from sensor.core.ip_protocols import PROTOCOLS
from sensor.core.model import Field
from sensor.core.observation import Subject
from sensor.core.phrases import some
from sensor.core.time_units import SECOND
from sensor.counting.changes import Changes
from sensor.counting.contacts import fold
from sensor.counting.flow_detector import FlowDetector
from sensor.counting.windows import DistinctWindow
from sensor.detectors.shared.addresses import addresses_in, counted, illegal_sources
from sensor.detectors.shared.hosts import is_fixed_function, network_of, server_of, who

KEY_BITS, PAIR_BITS = 9, 12


class Options(detector.Options):
    """When invalid sources are a flood."""

    sources: int = Field(6, ge=3, description="threshold: invalid source addresses of one MAC")
    segment: int = Field(
        12, ge=3, description="threshold: invalid source addresses in one VLAN, where the MACs are spoofed as well"
    )
    window_s: int = Field(60, ge=10, le=3600, description="time window in seconds")


class Finding(NamedTuple):
    """Number of invalid sources, a sample, and whether they belong to a whole segment."""

    sources: int
    sample: list[int]
    segment: bool


class SpoofedFlood(FlowDetector):
    """Watches new flows whose source is not a host address."""

    title = "Flood with spoofed source addresses"
    severity = Severity.high
    techniques = ("T1498.001", "T1499.001", "T1499")
    floods = True
    advice = (
        "Find the switch port of this MAC: the host there, or one behind it, attacks others. Isolate it, and enable "
        "source address validation on switches and routers (BCP 38)."
    )
    false_positives = (
        "A traffic generator in a router or firewall test; a mirror port that also carries the external side of a NAT."
    )
    decisive = {"sources": "impossible_sources", "segment": "impossible_sources"}
    Options = Options

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._by_mac = self.tables.add("by_mac", self._window(self.options.sources))
        self._by_vlan = self.tables.add("by_vlan", self._window(self.options.segment))

    def _window(self, threshold: int) -> DistinctWindow:
        window = self.window(self.options.window_s * SECOND, KEY_BITS, PAIR_BITS)
        window.rule(threshold=threshold)
        return window

    def candidates(self, changes: Changes) -> Iterable[tuple[int, Finding]]:
        new, places = changes.of(Change.NEW), changes.once(illegal_sources)
        if not len(places):
            return []
        at, rows = new.at[places], new.rows.take(places)
        sources = fold(rows["client_hi"], rows["client_lo"])
        found = [
            (int(at[i]), Finding(count, sample, False))
            for i, count, _, sample in counted(self._by_mac, rows["client_mac"], sources, rows["ts"])
        ]
        segments = rows["vlan"].astype(np.uint64)
        found += [
            (int(at[i]), Finding(count, sample, True))
            for i, count, _, sample in counted(self._by_vlan, segments, sources, rows["ts"])
        ]
        return sorted(found)

    def evaluate(self, flow: Flow, numbers: Finding) -> Iterator[Alert]:
        want, target, proto = self.options, server_of(flow), PROTOCOLS.get(flow.proto, str(flow.proto))
        hidden = numbers.segment or not flow.client_mac
        actor = Subject(flow.client_mac, flow.client, flow.vlan) if hidden else Subject(flow.client_mac, 0, flow.vlan)
        where = f"VLAN {flow.vlan}" if flow.vlan else "this segment"
        name = f"a host in {where}" if hidden else who(self.context, actor)
        threshold = want.segment if numbers.segment else want.sources
        alert = self.alert(
            flow,
            actor=actor,
            target=target,
            summary=(
                f"{name} sent a {proto.upper()} flood with {numbers.sources} invalid source addresses, among the "
                f"targets {addresses.text(flow.server)}"
            ),
            why=(
                f"{numbers.sources} invalid source addresses within {want.window_s} s (threshold {threshold})",
                f"including {some(list(map(addresses.text, addresses_in(numbers.sample))))}",
                *(["the MAC addresses change as well"] if numbers.segment and flow.client_mac else []),
                *([] if flow.client_mac else ["the packets are in a tunnel, or the link has no MAC addresses"]),
            ),
            numbers={"impossible_sources": numbers.sources, "threshold": threshold, "window_s": want.window_s},
            severity=Severity.critical if not hidden and is_fixed_function(self.context, actor) else Severity.high,
            network=network_of(self.context, flow),
        )
        alert.key = f"{self.id}|{flow.vlan if hidden else addresses.mac_text(flow.client_mac)}"
        yield alert
