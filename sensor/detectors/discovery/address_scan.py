"""Address scan: one source contacts many addresses on one port, and most of them do not answer.

Counted by source, protocol and port: a scanner requests the same service everywhere, while peer-to-peer programs
contact many hosts on many ports. Two tests, both over the time window: a threshold, and for internal targets a
likelihood ratio of first contacts (Jung, Paxson, Berger, Balakrishnan: Fast portscan detection using sequential
hypothesis testing, 2004), which needs fewer contacts where few hosts answer. Of the contacts with an internal
target only the first one counts: a print server polls printers that are off for days.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from sensor.core import addresses, detector
from sensor.core.alert import Alert, Severity
from sensor.core.detector import Context
from sensor.core.flow import Flow
from sensor.core.ip_protocols import PROTOCOLS, WITH_PORTS
from sensor.core.model import Field
from sensor.core.observation import Subject
from sensor.core.phrases import some
from sensor.core.time_units import HOUR, SECOND
from sensor.counting.changes import ANSWERED, SERVER_INSIDE, Changes, Rows, follow
from sensor.counting.contacts import combine, contact_attempts
from sensor.counting.flow_detector import FlowDetector
from sensor.counting.ports import ports_in
from sensor.counting.rounds import Rounds
from sensor.detectors.shared.addresses import UPDATE_PORTS, addresses_in, counted
from sensor.detectors.shared.hosts import client_of, network_of, scanned, server_of, severity_of_scan, who
from sensor.detectors.shared.named_hosts import AddressBlocks, Blocks
from sensor.detectors.shared.unanswered import unanswered

KEY_BITS, PAIR_BITS, PAIRS_BITS = 13, 16, 15
# A target that was not contacted for so long is new again.
MEMORY = HOUR
# Ports on which eDonkey, Gnutella, BitTorrent, Bitcoin and Ethereum programs contact peers that are long gone.
PEER_PORTS = (4662, 4672, 6346, 6347, *range(6881, 6890), 8333, 30303, 51413)


class Options(detector.Options):
    """When failed contacts are a scan."""

    targets: int = Field(50, ge=2, description="threshold: failed addresses on one port")
    window_s: int = Field(120, ge=10, le=3600, description="time window in seconds")
    grace_s: float = Field(3.0, gt=0, le=8, description="seconds without an answer after which a contact failed")
    share_inside: float = Field(0.4, ge=0, le=1, description="minimum share of failed contacts, for internal targets")
    share_outside: float = Field(
        0.7, ge=0, le=1, description="the same for external targets, where unreachable peers are common"
    )
    fewest: int = Field(10, ge=4, description="minimum number of failed internal addresses for the likelihood test")
    ordinary_failure: float = Field(
        0.5,
        gt=0,
        lt=1,
        description="probability that a first contact of a benign client fails; high, because of unreachable peers",
    )
    scanner_failure: float = Field(0.9, gt=0, lt=1, description="probability that a first contact of a scanner fails")
    certainty: float = Field(0.99, gt=0.5, lt=1, description="confidence at which the likelihood test decides")
    peer_ports: tuple[int, ...] = Field(
        PEER_PORTS, description="ports of peer-to-peer programs: external targets on them do not count"
    )
    update_ports: tuple[int, ...] = Field(
        UPDATE_PORTS, description="ports on which clients fetch updates from each other: targets on them do not count"
    )
    exempt: Blocks = Field((), description="addresses and CIDR blocks of your own scanners and monitoring")


class Finding(NamedTuple):
    """Addresses that failed and that answered within the window, and a sample of those that failed."""

    failed: int
    answered: int
    sample: list[int]
    received: bool = True


class AddressScan(FlowDetector):
    """Watches first contacts over TCP, UDP and ICMP echo."""

    title = "Address scan"
    severity = Severity.medium
    techniques = ("T1018", "T1046")
    advice = (
        "Identify the program on the source. If it was not planned, isolate the source and review the "
        "hosts that answered."
    )
    false_positives = (
        "Vulnerability scanners, monitoring and inventory systems (list them in `exempt`); management servers whose "
        "clients are off."
    )
    Options = Options

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        want = self.options
        window, grace = want.window_s * SECOND, int(want.grace_s * SECOND)
        self._near_ports = ~ports_in(want.update_ports)
        self._far_ports = (~ports_in((*want.peer_ports, *want.update_ports))).view(np.uint8)
        self._near = self.tables.add("near", self.window(window, KEY_BITS, PAIR_BITS, grace))
        self._far = self.tables.add("far", self.window(window, KEY_BITS, PAIR_BITS, grace))
        self._near.rule(
            threshold=want.targets,
            share=want.share_inside,
            fewest=want.fewest,
            gain=math.log(want.scanner_failure / want.ordinary_failure),
            loss=math.log((1 - want.ordinary_failure) / (1 - want.scanner_failure)),
            level=math.log(want.certainty / (1 - want.certainty)),
        )
        self._far.rule(threshold=want.targets, share=want.share_outside)
        self._contacted = self.tables.add("contacted", Rounds(MEMORY, PAIRS_BITS))
        self._silent = self.tables.add("silent", self.window(window, KEY_BITS, PAIR_BITS, grace))
        self._silent.rule(threshold=want.targets)
        self._exempt = AddressBlocks(want.exempt)

    def candidates(self, changes: Changes) -> Iterable[tuple[int, Finding]]:
        rows, flooded = changes.contacts, changes.flooded
        near, far = contact_attempts(rows, self._far_ports)
        near = self._first(near.compress(self._near_ports[rows["service"][near["at"]] >> 8]))
        found = [
            (at, Finding(failed, answered, sample))
            for at, failed, answered, sample in follow(self._near, near) + follow(self._far, far)
        ]
        return [
            (int(rows["row"][at]), finding)
            for at, finding in sorted(found + self._in_silence(changes))
            if not flooded[at]
        ]

    def _first(self, attempts: Rows) -> Rows:
        """The first contact of each pair, with its retries, and those that were answered."""
        ages, _ = self._contacted.follow(combine(attempts["key"], attempts["value"]), attempts["since"])
        return attempts.compress((ages <= 2 * self._near.grace_ns) | (attempts["op"] == ANSWERED))

    def _in_silence(self, changes: Changes) -> list[tuple[int, Finding]]:
        """The same for internal hosts over UDP if the capture shows no answers: by number alone, a weak indication."""
        at = unanswered(changes)
        at = at[changes.contacts["flags"][at] & SERVER_INSIDE > 0]
        rows = changes.contacts.take(at)
        keys = combine(rows["client"], rows["service"].astype(np.uint64)) if len(at) else rows["client"]
        return [
            (int(at[i]), Finding(failed, met, sample, False))
            for i, failed, met, sample in counted(self._silent, keys, rows["server"], rows["ts"])
        ]

    def evaluate(self, flow: Flow, numbers: Finding) -> Iterator[Alert]:
        actor = client_of(flow)
        if flow.client in self._exempt:
            return
        targets = [Subject(0, address, flow.vlan) for address in addresses_in(numbers.sample)] or [server_of(flow)]
        name, window = who(self.context, actor), self.options.window_s
        service = "ping" if flow.proto not in WITH_PORTS else f"{PROTOCOLS[flow.proto]}/{flow.server_port}"
        yield self.alert(
            flow,
            actor=actor,
            target=server_of(flow),
            targets=targets,
            summary=f"{name} {scanned(numbers.failed, service)}",
            why=(
                (
                    f"{numbers.failed} addresses rejected {service} or did not answer within {window} s; "
                    f"{numbers.answered} answered"
                ),
                *(
                    [f"threshold {self.options.targets}"]
                    if numbers.failed >= self.options.targets
                    else [self._likelihood(numbers)]
                ),
                f"including {some([addresses.text(target.address) for target in targets])}",
            ),
            numbers={
                "failed": numbers.failed,
                "answered": numbers.answered,
                "threshold": self.options.targets,
                "window_s": window,
            },
            key=(service,),
            severity=self._severity(actor, numbers),
            confidence=0.5 if not numbers.received else 0.9 if numbers.failed >= self.options.targets else 0.8,
            target_port=flow.server_port if flow.proto in WITH_PORTS else 0,
            network=network_of(self.context, flow),
            techniques=("T1595.001", "T1595", "T1046")
            if not self.context.networks.inside(flow.client)
            else ("T1018", "T1046"),
        )

    def _likelihood(self, numbers: Finding) -> str:
        return (
            f"likelihood test: {self.options.certainty:.0%} confidence; answers: {numbers.answered}, lowest number of "
            f"failures: {self.options.fewest}"
        )

    def _severity(self, actor: Subject, numbers: Finding) -> Severity:
        """A capture without answers shows no failures: low."""
        if not numbers.received:
            return Severity.low
        return severity_of_scan(self.context, actor, answered=bool(numbers.answered))
