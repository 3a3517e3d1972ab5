"""Reflection and amplification attack, at the reflector: an internal host sends answers to external hosts that are much
larger than the requests.

Counted by host and service: answered inbound UDP flows of services with large answers, where the answers are many times
the size of the requests. An open resolver or public time server does this as well, and should not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from sensor.core import addresses, detector
from sensor.core.alert import Alert, Severity
from sensor.core.detector import Context
from sensor.core.flow import Change, Flow
from sensor.core.ip_protocols import UDP
from sensor.core.model import Field
from sensor.core.time_units import SECOND
from sensor.counting.changes import CLIENT_INSIDE, SERVER_INSIDE, Changes
from sensor.counting.contacts import combine, fold
from sensor.counting.flow_detector import FlowDetector
from sensor.counting.ports import ports_in
from sensor.counting.rates import RateWindow
from sensor.detectors.shared.hosts import client_of, is_fixed_function, network_of, server_of, who

KEY_BITS = 8
MINUTE = 60 * SECOND
UNIT = 256  # bytes: many answers are smaller than a kilobyte
# Services whose answers are larger than requests; see the reflected flood.
SERVICES = (
    13, 17, 19, 53, 69, 111, 123, 137, 161, 177, 389, 427, 520, 623, 1434, 1604, 1900, 2362, 3283, 3478, 3702, 5093,
    5353, 5683, 10001, 10074, 11211, 17185, 27015, 30718, 32414, 33848, 37810, 47808,
)  # fmt: skip


class Options(detector.Options):
    """When answers are an amplification attack."""

    kilobytes: int = Field(512, ge=16, description="threshold: kilobytes of such answers of one host within a minute")
    factor: float = Field(5.0, gt=1, description="minimum ratio of answer size to request size")


class Finding(NamedTuple):
    """Kilobytes answered within a minute."""

    kilobytes: int


class Reflector(FlowDetector):
    """Watches inbound flows when they end."""

    title = "Internal host abused as a reflector (amplification)"
    severity = Severity.high
    techniques = ("T1498.002",)
    floods = True
    advice = (
        "Block this service from the internet at once: the alleged client is the victim. Look for other "
        "exposed hosts of the same kind."
    )
    false_positives = "A public service with large answers; your own scanner that queries from outside."
    decisive = {"kilobytes": "kilobytes"}
    Options = Options

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._services = ports_in(SERVICES)
        self._rates = self.tables.add("rates", RateWindow(MINUTE, KEY_BITS))

    def candidates(self, changes: Changes) -> Iterable[tuple[int, Finding]]:
        contacts = changes.contacts.compress(changes.contacts["service"] & 0xFF == UDP)
        inbound = contacts["flags"] & (CLIENT_INSIDE | SERVER_INSIDE) == SERVER_INSIDE
        wanted = (contacts["kind"] == Change.ENDED) & inbound
        at = contacts["row"][wanted & self._services[contacts["service"] >> 8]]
        rows = changes.rows.take(at)
        large = rows["server_bytes"] >= self.options.factor * np.maximum(rows["client_bytes"], 1)
        at, rows = at[large], rows.compress(large)
        if not len(at):
            return []
        kilobytes = rows["server_bytes"] >> np.uint64(10)
        sizes = np.minimum((rows["server_bytes"] + UNIT // 2) // UNIT, 127).astype(np.int8)
        keys = combine(fold(rows["server_hi"], rows["server_lo"]), rows["server_port"].astype(np.uint64))
        clients, enough = fold(rows["client_hi"], rows["client_lo"]), self.options.kilobytes * 1024 // UNIT
        found = self._rates.follow(keys, clients, rows["ts"], sizes, enough, 1)
        summed = {int(at[i]): total * UNIT // 1024 for i, total, _ in found}
        # Requests with the same port of the victim are one flow.
        minutes = np.maximum(rows["last"] - rows["first"], MINUTE) / MINUTE
        alone = np.flatnonzero(kilobytes >= self.options.kilobytes * minutes)
        summed |= {int(at[i]): int(kilobytes[i] / minutes[i]) for i in alone.tolist()}
        return [(row, Finding(total)) for row, total in sorted(summed.items())]

    def evaluate(self, flow: Flow, numbers: Finding) -> Iterator[Alert]:
        actor, victim, service = server_of(flow), client_of(flow), f"udp/{flow.server_port}"
        yield self.alert(
            flow,
            actor=actor,
            target=victim,
            summary=(
                f"{who(self.context, actor)} sent {numbers.kilobytes} kB of amplified {service} answers to "
                f"external hosts such as {addresses.text(flow.client)}"
            ),
            why=(
                (
                    f"{numbers.kilobytes} kB of answers within a minute to external requests (threshold "
                    f"{self.options.kilobytes})"
                ),
                f"each at least {self.options.factor:g} times as large as its request",
            ),
            numbers={
                "kilobytes": numbers.kilobytes,
                "threshold": self.options.kilobytes,
                "factor": self.options.factor,
            },
            key=(service,),
            severity=Severity.critical if is_fixed_function(self.context, actor) else Severity.high,
            actor_port=flow.server_port,
            network=network_of(self.context, flow),
        )
