"""Abuse of a printer's raw port (9100): its file system, firmware or settings are accessed, by PJL or PostScript; or a
device that does not print uses it.

Drivers send jobs, query the status, and write to the display. Files are read, listed and deleted by attackers and by a
few vendor tools, and a path traversal is used by attackers only. Firmware comes from the vendor's tool.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Recent
from sensor.core.detector import Context
from sensor.core.event import Event
from sensor.core.flow import Change, Flow
from sensor.core.ip_protocols import TCP
from sensor.core.time_units import SECOND
from sensor.core.type_labels import a_type
from sensor.core.wants import Want, field
from sensor.counting.changes import Changes
from sensor.counting.flow_detector import FlowDetector
from sensor.detectors.shared.calls import CallDetector, CallOptions
from sensor.detectors.shared.hosts import client_of, ends_of, is_external, is_fixed_function, network_of, server_of, who
from sensor.dissectors.pjl import PjlCommand, PostscriptOperator

AGAIN = 3600 * SECOND
REPORTED_LIMIT = 4096
RAW = (9100, 9102)
PRINTERS = frozenset(("printer", "label_printer"))
# Devices that print: tickets, labels, charts, receipts.
PRINTING = frozenset(("medical", "industrial", "scale", "barcode_scanner", "building", "iot", "unknown"))


class Action(NamedTuple):
    """A command's action, severity, and ATT&CK technique."""

    what: str
    severity: Severity
    technique: str


COMMANDS = {
    "FSUPLOAD": Action("read a file of", Severity.medium, "T1005"),
    "FSDIRLIST": Action("listed files of", Severity.medium, "T1083"),
    "FSQUERY": Action("queried a file of", Severity.low, "T1083"),
    "FSDELETE": Action("deleted a file of", Severity.medium, "T1499"),
    "FSINIT": Action("formatted a disk of", Severity.high, "T1499"),
    "FSMKDIR": Action("created a folder on", Severity.low, "T1499"),
    "FSDOWNLOAD": Action("wrote a file to", Severity.low, "T1499"),
    "FSAPPEND": Action("appended to a file of", Severity.medium, "T1499"),
    "RNVRAM": Action("read the memory of", Severity.medium, "T1005"),
    "WNVRAM": Action("wrote to the memory of", Severity.medium, "T1499"),
    "DMCMD": Action("sent management commands to", Severity.low, "T1499"),
    "UPGRADE": Action("sent firmware to", Severity.low, "T1542"),
}
OPERATORS = {
    "read": Action("read a file of", Severity.medium, "T1005"),
    "write": Action("wrote a file to", Severity.medium, "T1499"),
    "append": Action("appended to a file of", Severity.medium, "T1499"),
    "filenameforall": Action("listed files of", Severity.medium, "T1083"),
    "deletefile": Action("deleted a file of", Severity.medium, "T1499"),
    "renamefile": Action("renamed a file of", Severity.medium, "T1499"),
    "devformat": Action("formatted a disk of", Severity.high, "T1499"),
    "setsystemparams": Action("changed settings of", Severity.low, "T1499"),
}
# PJL languages for firmware, by vendors' names.
FIRMWARE = frozenset("ACL FWUPDATE FIRMWARE FWUPGRADE BOOT RFU UPDATE PRIMEFIRM ROMDOWNLOAD".split())
# Variables whose default no print job sets: locks of panel and disks, passwords, persistence of settings, the language
# of the service panel.
SETTINGS = frozenset("PASSWORD DISKLOCK CPLOCK LOCKOUT JOBPASSWORD BACKCHANNEL NETWORKCFG SERVICEMODE".split())


class RawJobAbuse(FlowDetector, CallDetector):
    """Watches PJL commands, and clients of the raw port."""

    title = "Printer raw port abuse (PJL, PostScript)"
    severity = Severity.medium
    adjusts_severity = True
    techniques = ("T1542", "T1499")
    advice = (
        "Restrict port 9100 to print servers. Check the printer's settings, stored jobs and firmware. "
        "Set a password and disable the PJL file system."
    )
    false_positives = "Vendor tools that load fonts or firmware, or back up settings: add their hosts to `managers`."
    Options = CallOptions
    watches = (PjlCommand, PostscriptOperator)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._reported: Recent[tuple[object, ...]] = self.tables.add("reported", Recent(REPORTED_LIMIT, AGAIN))

    def wants(self) -> dict[type[Event], Want]:
        return {PjlCommand: field("command").is_in(*COMMANDS, "ENTER", "DEFAULT", "SET")}

    def inspect(self, event: Event) -> Iterator[Alert]:
        if isinstance(event, PjlCommand):
            action, command, argument = _action(event), event.command, event.argument
        elif isinstance(event, PostscriptOperator):
            action, command, argument = OPERATORS.get(event.operator), event.operator, ""
        else:
            return
        packet = event.packet
        if action is None or not self._reported.fresh(
            (packet.src, packet.dst, command, argument, ".." in event.name), packet.ts
        ):
            return
        language = "PJL command" if isinstance(event, PjlCommand) else "PostScript operator"
        ends, climbs = ends_of(packet), ".." in event.name
        outside = is_external(self.context, ends.actor, ends.target)
        device = is_fixed_function(self.context, ends.actor)
        why = [f"{language} {command} {argument}".rstrip() + (f" of {event.name[:120]!r}" if event.name else "")]
        if climbs:
            why.append("the path leaves the printer's own folder (path traversal)")
        if outside:
            why.append("the source is external")
        elif device:
            why.append("a fixed-function device does not manage printers")
        grade = Severity.high if climbs or outside or device else action.severity
        yield self.call_alert(
            event, action.what, why, key=(command,), severity=grade, techniques=(action.technique,), app="pjl"
        )

    def candidates(self, changes: Changes) -> Iterable[tuple[int, None]]:
        answered = changes.of(Change.ANSWERED)
        port = answered.rows["server_port"]
        picked = (port >= RAW[0]) & (port <= RAW[1]) & (answered.rows["proto"] == TCP)
        return [(at, None) for at in answered.at[picked].tolist()]

    def evaluate(self, flow: Flow, numbers: None) -> Iterator[Alert]:
        """A flow to the raw port of a printer from a host that does not print."""
        printer, client = self.context.device(server_of(flow)), self.context.device(client_of(flow))
        outside = is_external(self.context, client_of(flow), server_of(flow))
        kind = client.type if client is not None and client.fixed_function and client.type not in PRINTING else ""
        if (
            printer is None
            or printer.type not in PRINTERS
            or not (outside or kind)
            or not self._reported.fresh((flow.client, flow.server, "job"), flow.ts)
        ):
            return
        actor, target = client_of(flow), server_of(flow)
        yield self.alert(
            flow,
            actor=actor,
            target=target,
            summary=f"{who(self.context, actor)} connected to the raw port of {who(self.context, target)}",
            why=(
                "the source is external" if outside else f"{a_type(kind)} does not print",
                f"port {flow.server_port} accepts any data, and it answered",
            ),
            numbers={"port": flow.server_port, "threshold": 1},
            key=(target.address, "job"),
            severity=Severity.high if outside else Severity.medium,
            confidence=0.8,
            actor_port=flow.client_port,
            target_port=flow.server_port,
            network=network_of(self.context, flow),
            techniques=("T1499",),
        )


def _action(event: PjlCommand) -> Action | None:
    """The action of a command, None if it is part of printing."""
    if event.command == "ENTER":
        return COMMANDS["UPGRADE"] if event.argument in FIRMWARE else None
    if event.command in ("DEFAULT", "SET"):
        return Action("changed settings of", Severity.medium, "T1499") if event.argument in SETTINGS else None
    return COMMANDS.get(event.command)
