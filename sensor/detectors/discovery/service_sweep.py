"""Service sweep: one source contacts the same administration service on many hosts and does nothing there, whether they
answer or not.

Monitoring contacts the same hosts every day: only hosts that this source never contacted on this port count, as far as
is remembered, and on ports that monitoring polls severity is low until the time of its next rounds has passed. A backup
or an administrator stays and works: only failed contacts and those that ended after a few packets count.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from sensor.core import addresses
from sensor.core.alert import Alert, Severity
from sensor.core.detector import Context
from sensor.core.flow import Change, Flow
from sensor.core.ip_protocols import PROTOCOLS, TCP
from sensor.core.model import Field
from sensor.core.observation import Subject
from sensor.core.phrases import some
from sensor.core.time_units import SECOND
from sensor.counting.changes import FAILED, Changes
from sensor.counting.contacts import combine
from sensor.counting.ports import ports_in
from sensor.detectors.shared import sweeps
from sensor.detectors.shared.addresses import addresses_in
from sensor.detectors.shared.hosts import client_of, is_fixed_function, network_of, server_of, who
from sensor.detectors.shared.sweeps import Finding, SweepDetector

KEY_BITS, PAIR_BITS, PAIRS_BITS = 12, 15, 15
# SSH, Telnet, S7, RPC, NetBIOS, SNMP, SMB, Modbus, RTSP, Telnet of devices, IEC 104, RDP, VNC, WinRM, RTSP, raw
# printing, DNP3, EtherNet/IP.
PORTS = (22, 23, 102, 135, 139, 161, 445, 502, 554, 2323, 2404, 3389, 5900, 5985, 5986, 8554, 9100, 20000, 44818)
# Telnet, RPC, SMB, RDP, VNC, WinRM: worms and intruders spread with them, and severity does not wait.
SPREADING = (23, 135, 139, 445, 2323, 3389, 5900, 5985, 5986)


class Options(sweeps.Options):
    """When contacts are a sweep."""

    hosts: int = Field(
        15, ge=3, description="threshold: internal hosts that one source contacted on one port for the first time"
    )
    window_s: int = Field(600, ge=10, le=7200, description="time window in seconds")
    ports: tuple[int, ...] = Field(
        PORTS, description="ports of administration services, printers, cameras and controllers"
    )
    few_packets: int = Field(12, ge=3, description="maximum number of client packets of a probe")


class ServiceSweep(SweepDetector):
    """Watches failed and short contacts with internal hosts."""

    title = "Administration service sweep"
    severity = Severity.medium
    techniques = ("T1046", "T1021")
    advice = (
        "Identify the program on the source. Check for logins on hosts that answered: worms and intruders do this next."
    )
    false_positives = (
        "Inventory and management systems, and monitoring whose rounds are more than five minutes apart, on their "
        "first day (list them in `exempt`); print managers that search for printers."
    )
    decisive = {"hosts": "hosts"}
    Options = Options

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options, pairs_bits=PAIRS_BITS)
        self._ports = ports_in(self.options.ports)
        self._hosts = self.tables.add("hosts", self.window(self.options.window_s * SECOND, KEY_BITS, PAIR_BITS))
        self._hosts.rule(threshold=self.options.hosts)

    def candidates(self, changes: Changes) -> Iterable[tuple[int, Finding | None]]:
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
        return self.followed(self._hosts, contacts["row"][at], keys, contacts["server"][at], contacts["ts"][at])

    def sweep(self, flow: Flow, finding: Finding, severity: Severity, *reasons: str) -> Alert:
        want, actor, target = self.options, client_of(flow), server_of(flow)
        targets = [Subject(0, address, flow.vlan) for address in addresses_in(finding.sample)] or [target]
        service = f"{PROTOCOLS.get(flow.proto, flow.proto)}/{flow.server_port}"
        return self.alert(
            flow,
            actor=actor,
            target=target,
            targets=targets,
            summary=f"{who(self.context, actor)} probed {service} on {finding.hosts} hosts",
            why=(
                (
                    f"{finding.hosts} hosts within {want.window_s} s that it had not contacted on {service} before "
                    f"(threshold {want.hosts})"
                ),
                f"each contact failed or ended after at most {want.few_packets} packets",
                f"including {some([addresses.text(each.address) for each in targets])}",
                *reasons,
            ),
            numbers={"hosts": finding.hosts, "threshold": want.hosts, "window_s": want.window_s},
            key=(service,),
            severity=severity,
            confidence=0.8,
            target_port=flow.server_port,
            network=network_of(self.context, flow),
        )

    def may_be_monitoring(self, flow: Flow) -> bool:
        return flow.server_port not in SPREADING

    def severity_of(self, flow: Flow) -> Severity:
        """Requests without a session are device discovery, and scans from the internet background noise: low."""
        if is_fixed_function(self.context, client_of(flow)):
            return Severity.high
        return Severity.medium if self.context.networks.inside(flow.client) and flow.proto == TCP else Severity.low
