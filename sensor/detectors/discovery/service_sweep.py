"""Service sweep: one source contacts the same administration service on many hosts and does nothing there, whether they
answer or not.

Monitoring contacts the same hosts every day: only hosts that this source never contacted on this port count, as far as
is remembered. A backup or an administrator stays and works: only failed contacts and those that ended after a few
packets count.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from sensor.core import addresses, detector
from sensor.core.alert import Alert, Severity
from sensor.core.detector import Context
from sensor.core.flow import Change, Flow
from sensor.core.ip_protocols import PROTOCOLS, TCP
from sensor.core.model import Field
from sensor.core.observation import Subject
from sensor.core.recent import RecentSet
from sensor.core.time_units import DAY, SECOND
from sensor.counting.changes import FAILED, Changes
from sensor.counting.contacts import combine
from sensor.counting.flow_detector import FlowDetector
from sensor.counting.ports import ports_in
from sensor.detectors.shared.addresses import addresses_in, counted
from sensor.detectors.shared.hosts import client_of, is_fixed_function, network_of, server_of, some, who
from sensor.detectors.shared.named_hosts import AddressBlocks, Blocks

KEY_BITS, PAIR_BITS, PAIRS_BITS = 12, 15, 16
# SSH, Telnet, RPC, NetBIOS, SMB, RDP, VNC, WinRM, SNMP, RTSP, raw printing, and device web pages on other ports than
# 80.
PORTS = (22, 23, 135, 139, 161, 445, 554, 2323, 3389, 5900, 5985, 5986, 8554, 9100)


class Options(detector.Options):
    """When contacts are a sweep."""

    hosts: int = Field(
        15, ge=3, description="threshold: internal hosts that one source contacted on one port for the first time"
    )
    window_s: int = Field(600, ge=10, le=7200, description="time window in seconds")
    ports: tuple[int, ...] = Field(PORTS, description="ports of administration services, printers and cameras")
    few_packets: int = Field(12, ge=3, description="maximum number of client packets of a probe")
    exempt: Blocks = Field((), description="addresses and CIDR blocks of your own scanners, monitoring and management")


class Finding(NamedTuple):
    """Number of contacted hosts, and a sample."""

    hosts: int
    sample: list[int]


class ServiceSweep(FlowDetector):
    """Watches failed and short contacts with internal hosts."""

    title = "Sweep for an administration service"
    severity = Severity.medium
    techniques = ("T1046", "T1021")
    advice = (
        "Identify the program on the source. Check for logins on hosts that answered: worms and intruders do this next."
    )
    false_positives = (
        "Monitoring, inventory and management systems on their first day (list them in `exempt`); "
        "print managers that search for printers."
    )
    decisive = {"hosts": "hosts"}
    Options = Options

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._ports = ports_in(self.options.ports)
        self._hosts = self.tables.add("hosts", self.window(self.options.window_s * SECOND, KEY_BITS, PAIR_BITS))
        self._hosts.rule(threshold=self.options.hosts)
        self._contacted = self.tables.add("contacted", RecentSet(PAIRS_BITS))
        self._exempt = AddressBlocks(self.options.exempt)

    def candidates(self, changes: Changes) -> Iterable[tuple[int, Finding]]:
        contacts = changes.contacts
        at = np.flatnonzero(
            ((contacts["op"] == FAILED) | (contacts["kind"] == Change.ENDED))
            & self._ports[contacts["service"] >> 8]
            & (contacts["flags"] >> 1 & 1 > 0)
            & ~changes.flooded
        )
        rows = changes.rows.take(contacts["row"][at])
        short = (
            (rows["kind"] == Change.ENDED)
            & (rows["answered"] > 0)
            & (rows["client_packets"] <= self.options.few_packets)
        )
        at = at[(contacts["op"][at] == FAILED) | short]
        if not len(at):
            return []
        keys = combine(contacts["client"][at], contacts["service"][at].astype(np.uint64))
        servers = contacts["server"][at]
        ts = contacts["ts"][at]
        fresh = self._contacted.look(combine(keys, servers), np.ascontiguousarray(ts), DAY) == RecentSet.FIRST
        at, keys, servers, ts = at[fresh], keys[fresh], servers[fresh], ts[fresh]
        return [
            (int(contacts["row"][at[i]]), Finding(hosts, sample))
            for i, hosts, _, sample in counted(self._hosts, keys, servers, ts)
        ]

    def evaluate(self, flow: Flow, numbers: Finding) -> Iterator[Alert]:
        if flow.client in self._exempt:
            return
        want, actor, target = self.options, client_of(flow), server_of(flow)
        targets = [Subject(0, address, flow.vlan) for address in addresses_in(numbers.sample)] or [target]
        service = f"{PROTOCOLS.get(flow.proto, flow.proto)}/{flow.server_port}"
        yield self.alert(
            flow,
            actor=actor,
            target=target,
            targets=targets,
            summary=f"{who(self.context, actor)} probed {service} on {numbers.hosts} hosts",
            why=(
                (
                    f"{numbers.hosts} hosts within {want.window_s} s that it had not contacted on {service} before "
                    f"(threshold {want.hosts})"
                ),
                f"each contact failed or ended after at most {want.few_packets} packets",
                f"among them {some([addresses.text(each.address) for each in targets])}",
            ),
            numbers={"hosts": numbers.hosts, "threshold": want.hosts, "window_s": want.window_s},
            key=(service,),
            severity=self._severity(flow, actor),
            confidence=0.8,
            target_port=flow.server_port,
            network=network_of(self.context, flow),
        )

    def _severity(self, flow: Flow, actor: Subject) -> Severity:
        """Requests without a session are device discovery, and scans from the internet background noise: low."""
        if is_fixed_function(self.context, actor):
            return Severity.high
        return Severity.medium if self.context.networks.inside(flow.client) and flow.proto == TCP else Severity.low
