"""A permanent connection is missing: two hosts that exchanged data continuously no longer do so, although one of them
is still active, such as a sensor without its collector, or a lock without its server.

Learned over days: the longest pause between two flows of a client, server and service. Disabled by default.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
import numpy as np

from sensor.core import detector
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Bounded
from sensor.core.detector import Context
from sensor.core.flow import Change, Flow
from sensor.core.ip_protocols import PROTOCOLS
from sensor.core.model import Field
from sensor.core.recent import RecentSet
from sensor.core.time_units import HOUR, SECOND
from sensor.counting.changes import CLIENT_INSIDE, SERVER_INSIDE, Changes
from sensor.counting.contacts import combine
from sensor.counting.flow_detector import FlowDetector
from sensor.detectors.shared.hosts import client_of, network_of, server_of, who

CHANNELS_LIMIT, MACHINES_LIMIT = 8192, 8192
RECENT_BITS, GRAIN = 14, 60 * SECOND
LOOK_EVERY = 60 * SECOND
EPHEMERAL = 32768


class Options(detector.Options):
    """When silence is reported."""

    enabled: bool = Field(False, description="disabled by default: services move and hosts are switched off")
    learn_h: float = Field(
        168, ge=1, le=2160, description="learning period of a channel in hours; a week includes a weekend"
    )
    beats: int = Field(100, ge=10, description="number of earlier flows, at most one a minute")
    longest_s: int = Field(7200, ge=60, description="maximum pause of a permanent channel in seconds")
    patience: float = Field(3.0, gt=1, description="multiple of its longest pause after which it is silent")


class Channel(msgspec.Struct):
    """A client, server and service: first and last flow, number of flows, longest pause; the last flow; whether its
    silence was reported.
    """

    first: int
    last: int
    flow: Flow
    beats: int = 1
    longest: int = 0
    reported: bool = False


class SilentChannel(FlowDetector):
    """Watches answered flows between internal hosts, one a minute for each channel; looks for silent ones once a
    minute.
    """

    title = "Expected communication missing"
    severity = Severity.low
    techniques = ()
    advice = (
        "Check whether the client works and the server accepts its data. An intruder may have cut the "
        "connection to evade monitoring."
    )
    false_positives = "A service moved to another server; a device with a new purpose."
    Options = Options

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._recent = self.tables.add("recent", RecentSet(RECENT_BITS))
        self._channels: Bounded[tuple[int, int, int], Channel] = self.tables.add("channels", Bounded(CHANNELS_LIMIT))
        self._received: Bounded[int, int] = self.tables.add("received", Bounded(MACHINES_LIMIT))
        self._looked = 0

    def candidates(self, changes: Changes) -> Iterable[tuple[int, None]]:
        rows = changes.contacts
        both = (rows["flags"] & (CLIENT_INSIDE | SERVER_INSIDE)) == CLIENT_INSIDE | SERVER_INSIDE
        rows = rows.compress(
            both & (rows["kind"] == Change.ANSWERED) & (rows["service"] >> 8 < EPHEMERAL) & ~changes.flooded
        )
        if not len(rows):
            return []
        keys = combine(combine(rows["client"], rows["server"]), rows["service"].astype(np.uint64))
        return [
            (at, None) for at in rows["row"][self._recent.fresh(keys, np.ascontiguousarray(rows["ts"]), GRAIN)].tolist()
        ]

    def evaluate(self, flow: Flow, numbers: None) -> Iterator[Alert]:
        key = (flow.client, flow.server, flow.proto << 16 | flow.server_port)
        self._received.put(flow.client, flow.ts)
        self._received.put(flow.server, flow.ts)
        channel = self._channels.get(key)
        if channel is None:
            self._channels.put(key, Channel(flow.ts, flow.ts, flow))
        else:
            channel.longest = max(channel.longest, flow.ts - channel.last)
            channel.last, channel.flow, channel.reported = max(channel.last, flow.ts), flow, False
            channel.beats += 1
        return iter(())

    def tick(self, now: int) -> Iterator[Alert]:
        if abs(now - self._looked) < LOOK_EVERY:
            return
        self._looked, self.due = now, now + LOOK_EVERY
        for channel in self._channels.values():
            if not channel.reported and self._is_silent(channel, now):
                channel.reported = True
                yield self._silent(channel, now)

    def _is_silent(self, channel: Channel, now: int) -> bool:
        """Only if one of the two was active since: otherwise a host left, or the sensor captures nothing."""
        want, patience = self.options, int(max(channel.longest, GRAIN) * self.options.patience)
        if (
            channel.beats < want.beats
            or channel.last - channel.first < want.learn_h * HOUR
            or channel.longest > want.longest_s * SECOND
        ):
            return False
        if now - channel.last < patience:
            return False
        return any(
            (self._received.get(end) or 0) - channel.last > patience // 2
            for end in (channel.flow.client, channel.flow.server)
        )

    def _silent(self, channel: Channel, now: int) -> Alert:
        flow = channel.flow
        actor, target = client_of(flow), server_of(flow)
        service, quiet = f"{PROTOCOLS.get(flow.proto, '')}/{flow.server_port}", (now - channel.last) / SECOND
        alert = self.alert(
            flow,
            actor=actor,
            target=target,
            summary=(
                f"{who(self.context, actor)} stopped communicating with {who(self.context, target)} "
                f"({service}) {quiet / 60:.0f} min ago"
            ),
            why=(
                (
                    f"no flow for {quiet / 60:.0f} min; the longest pause in "
                    f"{(channel.last - channel.first) / HOUR:.0f} h was {channel.longest / 60e9:.0f} min"
                ),
                f"{channel.beats} flows were seen before, and one of the two still communicates with others",
            ),
            numbers={
                "silent_s": round(quiet),
                "threshold": round(channel.longest * self.options.patience / SECOND),
                "beats": channel.beats,
            },
            key=(target.address, service),
            confidence=0.7,
            target_port=flow.server_port,
            network=network_of(self.context, flow),
        )
        alert.ts = now  # the evidence is older; the silence is current
        return alert
