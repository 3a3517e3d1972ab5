"""Discovery of devices by their messages: a client subscribes to all topics of an MQTT broker, or requests the
resources of many hosts over CoAP.

The filter `#` matches all topics but those of the broker itself, which are below `$SYS` (MQTT 5.0, 4.7.2). A recorder
subscribes to `#`, and monitoring to `$SYS/#`; tools that explore a broker subscribe to both, and some to `#` at every
broker that they find. Resources are listed under `/.well-known/core` (RFC 6690). A gateway requests this list from the
devices it knows, which answer; a search contacts hosts that do not.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sensor.core.addresses import is_multicast
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Bounded, Recent
from sensor.core.detector import Context
from sensor.core.event import Event
from sensor.core.model import Field
from sensor.core.time_units import HOUR, SECOND
from sensor.core.wants import Want, field
from sensor.counting.tally import Distinct
from sensor.detectors.shared.calls import PAIRS_LIMIT, CallDetector, CallOptions, pair_of
from sensor.dissectors.coap import CoapRequest, CoapResponse
from sensor.dissectors.mqtt import MqttSubscribe

ALL, BROKER = "#", "$SYS"
RESOURCES = "/.well-known/core"


class Options(CallOptions):
    """Thresholds."""

    brokers: int = Field(3, ge=2, description="threshold: brokers at which one client subscribes to all topics")
    hosts: int = Field(8, ge=3, description="threshold: hosts without an answer whose resources one client requested")
    window_s: int = Field(300, ge=10, le=86400, description="time window in seconds")


class DeviceMessages(CallDetector):
    """Watches subscriptions to all topics, and requests for lists of resources."""

    title = "Discovery of devices by MQTT or CoAP"
    severity = Severity.medium
    techniques = ("T1046", "T1119")
    advice = (
        "Find out which program on this host explores the devices. Require a login at the broker, restrict the topics "
        "of each user, and separate devices from workstations."
    )
    false_positives = "A monitoring program that records all topics: add it to `managers`; an inventory of devices."
    decisive = {"brokers": "brokers", "hosts": "hosts"}
    Options = Options
    watches = (MqttSubscribe, CoapRequest, CoapResponse)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        window = self.options.window_s * SECOND
        self._brokers: Distinct[int, int] = self.tables.add("brokers", Distinct(window, PAIRS_LIMIT))
        self._hosts: Distinct[int, int] = self.tables.add("hosts", Distinct(window, PAIRS_LIMIT))
        # Client and broker → filters of the client: 1 all topics, 2 those of the broker.
        self._filters: Bounded[tuple[int, int], int] = self.tables.add("filters", Bounded(PAIRS_LIMIT))
        self._answers: Bounded[int, bool] = self.tables.add("answers", Bounded(PAIRS_LIMIT))
        self._reported: Recent[tuple[int, int]] = self.tables.add("reported", Recent(PAIRS_LIMIT, HOUR))

    def wants(self) -> dict[type[Event], Want]:
        return {CoapRequest: field("path").passes(_lists_resources)}

    def inspect(self, event: Event) -> Iterator[Alert]:
        if isinstance(event, MqttSubscribe):
            yield from self._subscribed(event)
        elif isinstance(event, CoapResponse):
            self._answers.put(event.packet.src, True)
        elif isinstance(event, CoapRequest) and _lists_resources(event.path):
            yield from self._requested(event)

    def _subscribed(self, event: MqttSubscribe) -> Iterator[Alert]:
        pair, want = pair_of(event.packet), self.options
        every = ALL in event.topics
        before = self._filters.get(pair) or 0
        filters = before | every | 2 * any(topic.startswith(BROKER) for topic in event.topics)
        if filters != before:
            self._filters.put(pair, filters)
        brokers = self._brokers.add(pair[0], pair[1], event.ts) if every else 0
        if (filters == 3 or brokers >= want.brokers) and self._reported.fresh(pair, event.ts):
            both = filters == 3
            yield self.call_alert(
                event,
                "subscribed to all topics of the broker"
                if both
                else "subscribed to all topics of several brokers, also",
                ("it subscribed to # and to $SYS",)
                if both
                else (f"{brokers} brokers within {want.window_s} s (threshold {want.brokers})",),
                {"brokers": max(brokers, 1), "threshold": 1 if both else want.brokers},
                key=("mqtt",),
                confidence=0.7,
                app="mqtt",
            )

    def _requested(self, event: CoapRequest) -> Iterator[Alert]:
        (client, host), want = pair_of(event.packet), self.options
        if is_multicast(host) or self._hosts.add(client, host, event.ts) < want.hosts:
            return
        hosts = sum(self._answers.get(one) is None for one in self._hosts.values(client))
        if hosts >= want.hosts and self._reported.fresh((client, 0), event.ts):
            yield self.call_alert(
                event,
                "requested the resources of many hosts over CoAP, also of",
                (f"{hosts} hosts without an answer within {want.window_s} s (threshold {want.hosts})",),
                {"hosts": hosts, "threshold": want.hosts, "window_s": want.window_s},
                key=("coap",),
                confidence=0.7,
                techniques=("T1046",),
                app="coap",
            )


def _lists_resources(path: str) -> bool:
    return path.startswith(RESOURCES)
