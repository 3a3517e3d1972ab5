"""Commands to controllers and outstations that disturb a process: the program is stopped, restarted, deleted or
replaced, or values are written by a host that did not write before, or in numbers (S7, DNP3, Modbus, BACnet,
EtherNet/IP, IEC 104, OPC UA, FINS, SLMP, SRTP, HART-IP), or settings of devices are changed (KNX, PROFINET).

The hosts that write rarely change in a plant: a control room writes all day, engineers download a program now and then.
A new writer is reported only after a controller was in use for some time; before, and from hosts that wrote earlier,
commands have low severity.
"""

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
from sensor.core.packet import Packet
from sensor.core.protocol_labels import protocol_label
from sensor.core.time_units import SECOND
from sensor.counting.tally import Counts, Distinct
from sensor.detectors.shared.hosts import app_of, ends_of, is_external, network_of_packet, who
from sensor.detectors.shared.named_hosts import AddressBlocks, Blocks
from sensor.dissectors.bacnet import BacnetRequest
from sensor.dissectors.dnp3 import Dnp3Request
from sensor.dissectors.enip import CipRequest
from sensor.dissectors.fins import FinsRequest
from sensor.dissectors.hart_ip import HartRequest
from sensor.dissectors.iec104 import Iec104Request
from sensor.dissectors.knx import KnxRequest
from sensor.dissectors.modbus import ModbusRequest
from sensor.dissectors.opcua import OpcuaRequest
from sensor.dissectors.profinet import ProfinetRequest
from sensor.dissectors.s7comm import SimaticRequest
from sensor.dissectors.slmp import SlmpRequest
from sensor.dissectors.srtp import SrtpRequest

CONTROLLERS_LIMIT, WRITERS_LIMIT, REPORTED_LIMIT = 1024, 4096, 1024
REPORTED_S, OBJECTS_S = 600, 60
# Commands that switch: an operator switches a few objects at a time (set points are sent by programs).
SWITCHES = frozenset(("single command", "double command", "step command"))
# Commands that stop a controller or change its program, by protocol, and the technique.
STOPS = frozenset(("stop", "stop application", "device communication control", "change mode"))
RESTARTS = frozenset((
    "start", "cold restart", "warm restart", "initialize application", "reinitialize device", "reset", "reset process",
    "restart device", "factory reset",
))  # fmt: skip
PROGRAMS = frozenset((
    "download request", "insert blocks", "delete blocks", "activate configuration", "delete file",
    "download all request", "write individual address", "program memory", "program user memory", "write key",
    "write program", "clear program", "write file", "set name",
))  # fmt: skip
STOP, RESTART, PROGRAM = ("T0858", "T0855", "T1489"), ("T0816", "T0855", "T1529"), ("T0843", "T0855", "T1565")
WRITE, MANY, SILENCE = ("T0855", "T0836", "T1565"), ("T0806", "T0836", "T0855", "T1565"), ("T0814", "T0855", "T1489")
DIAGNOSTICS = 8  # a Modbus function that also tests a controller
LISTEN_ONLY = 4  # diagnostics: the controller stays silent until it restarts


class Options(detector.Options):
    """When writing is reported."""

    settled_s: int = Field(
        600, ge=10, le=86400, description="seconds for which a controller must have been in use before a new writer"
    )
    writes: int = Field(100, ge=10, description="threshold: writes of one host to one controller in the time window")
    window_s: int = Field(10, ge=1, le=600, description="time window for writes in seconds")
    objects: int = Field(
        20, ge=5, description="threshold: objects of one station that one host commanded within a minute (IEC 104)"
    )
    reading_s: int = Field(
        30, ge=5, le=86400, description="seconds for which other hosts must have read before a host that only writes"
    )
    engineering: Blocks = Field(
        (),
        description="addresses and CIDR blocks of stations and control servers that may write and download",
    )


class IndustrialCommand(EventDetector):
    """Watches requests that write or command."""

    title = "Command or write to an industrial controller"
    severity = Severity.medium
    techniques = ("T0855", "T0836", "T0858", "T0816", "T0843", "T1565", "T1489", "T1529")
    advice = (
        "Ask the operators whether the command was theirs. Compare the program and the set points of the controller "
        "with the last backup. Allow writes from named stations only, at the firewall before the controllers."
    )
    false_positives = "Maintenance and commissioning; a new control server: list such hosts in `engineering`."
    decisive = {"writes": "requests", "objects": "objects"}
    Options = Options
    watches = (
        SimaticRequest, Dnp3Request, ModbusRequest, BacnetRequest, CipRequest, Iec104Request, OpcuaRequest, KnxRequest,
        ProfinetRequest, FinsRequest, SlmpRequest, HartRequest, SrtpRequest,
    )  # fmt: skip

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._since: Bounded[int, int] = self.tables.add("since", Bounded(CONTROLLERS_LIMIT))
        self._writers: Bounded[tuple[int, int], int] = self.tables.add("writers", Bounded(WRITERS_LIMIT))
        self._readers: Bounded[tuple[int, int], int] = self.tables.add("readers", Bounded(WRITERS_LIMIT))
        self._read: Bounded[int, int] = self.tables.add("read", Bounded(CONTROLLERS_LIMIT))
        self._writes: Counts[tuple[int, int]] = self.tables.add(
            "writes", Counts(self.options.window_s * SECOND, WRITERS_LIMIT)
        )
        self._objects: Distinct[tuple[int, int], tuple[int, int]] = self.tables.add(
            "objects", Distinct(OBJECTS_S * SECOND, WRITERS_LIMIT)
        )
        self._reported: Recent[tuple[int, int, str]] = self.tables.add(
            "reported", Recent(REPORTED_LIMIT, REPORTED_S * SECOND)
        )
        self._allowed = AddressBlocks(self.options.engineering)

    def inspect(self, event: Event) -> Iterator[Alert]:
        packet = event.packet
        pair = (packet.src or packet.src_mac, packet.dst or packet.dst_mac)
        since = self._since.get(pair[1])
        if since is None:
            since = packet.ts
            self._since.put(pair[1], since)
        if packet.src in self._allowed or not _writes(event):
            self._reads(pair, packet.ts)
            return
        name = getattr(event, "name", "").replace("_", " ")
        new = self._writers.get(pair) is None
        self._writers.put(pair, packet.ts)
        count = self._writes.add(pair, packet.ts)
        settled = packet.ts - since >= self.options.settled_s * SECOND
        if techniques := _techniques(event, name):
            reason = f"{protocol_label(_protocol(event))} function {name or 'diagnostics'!r}"
            severity = Severity.medium if new and settled else Severity.low
            yield from self._alert(event, name or "diagnostics", reason, techniques, severity, 1)
        elif name in SWITCHES and (objects := self._switched(event, pair)) >= self.options.objects:
            reason = f"{objects} objects switched within {OBJECTS_S} s (threshold {self.options.objects})"
            yield from self._alert(event, "objects", reason, MANY, Severity.medium, objects)
        # OPC UA gateways copy values all day.
        elif count >= self.options.writes and not isinstance(event, OpcuaRequest):
            reason = f"{count} writes within {self.options.window_s} s (threshold {self.options.writes})"
            yield from self._alert(event, "many", reason, MANY, Severity.medium, count)
        elif new and settled:
            known = (packet.ts - since) // SECOND
            reason = f"the controller was in use for {known} s, and this host did not write to it before"
            yield from self._alert(event, "new", reason, WRITE, Severity.low, 1)
        elif new and (seconds := self._read_by_others(pair, packet.ts)) >= self.options.reading_s:
            reason = f"other hosts read from the controller for {seconds} s, and this host writes without reading"
            yield from self._alert(event, "new", reason, WRITE, Severity.low, 1)

    def _switched(self, event: Event, pair: tuple[int, int]) -> int:
        """Objects that a host switched lately."""
        return (
            self._objects.add(pair, (event.station, event.object), event.ts) if isinstance(event, Iec104Request) else 0
        )

    def _reads(self, pair: tuple[int, int], ts: int) -> None:
        """Keeps since when each host reads, and since when and by which host each controller is read."""
        if self._readers.get(pair) is None:
            self._readers.put(pair, ts)
            if self._read.get(pair[1]) is None:
                self._read.put(pair[1], ts)

    def _read_by_others(self, pair: tuple[int, int], ts: int) -> int:
        """Seconds since others began to read from a controller; 0 if the writer itself reads."""
        since = self._read.get(pair[1])
        return 0 if since is None or self._readers.get(pair) is not None else (ts - since) // SECOND

    def _alert(
        self, event: Event, what: str, reason: str, techniques: tuple[str, ...], severity: Severity, value: int
    ) -> Iterator[Alert]:
        packet: Packet = event.packet
        actor, target, near, far = ends_of(packet)
        ends = (actor.address or actor.mac, target.address or target.mac, techniques[0])
        if not self._reported.fresh(ends, packet.ts):
            return
        outside = bool(packet.src) and is_external(self.context, actor, target)
        done, threshold = self._done(what)
        yield self.alert(
            event,
            actor=actor,
            target=target,
            summary=f"{who(self.context, actor)} {done} the controller {who(self.context, target)}",
            why=(reason, *(["the actor is external"] if outside else [])),
            numbers={
                "objects" if what == "objects" else "requests": value,
                "threshold": threshold,
                "protocol": _protocol(event),
            },
            key=(addresses.text(target.address) if target.address else addresses.mac_text(target.mac), what),
            techniques=techniques,
            severity=Severity.high if outside or self._out_of_place(actor) else severity,
            confidence=0.6 if what == "new" else 0.75,
            actor_port=near,
            target_port=far,
            network=network_of_packet(self.context, packet, _protocol(event)),
        )

    def _done(self, what: str) -> tuple[str, int]:
        """What the actor did, and the threshold."""
        if what == "many":
            return "wrote many values to", self.options.writes
        if what == "objects":
            return "switched many objects of", self.options.objects
        return "wrote for the first time to" if what == "new" else f"sent {what!r} to", 1

    def _out_of_place(self, actor: Subject) -> bool:
        """Whether the actor is a device without business with controllers; controllers of buildings command others."""
        device = self.context.device(actor)
        return device is not None and device.fixed_function and device.type != "building"


def _protocol(event: Event) -> str:
    """Protocol name for the record."""
    return "s7comm" if isinstance(event, SimaticRequest) else app_of(event)


def _writes(event: Event) -> bool:
    """Whether a request changes something; of diagnostics only the one that silences a controller does."""
    if isinstance(event, BacnetRequest | ProfinetRequest):
        return bool(event.name)
    if isinstance(event, ModbusRequest) and event.function == DIAGNOSTICS:
        return event.address == LISTEN_ONLY
    return bool(getattr(event, "write", False))


def _techniques(event: Event, name: str) -> tuple[str, ...]:
    """Techniques of a command that stops or silences a controller or changes its program; none for writes of values."""
    if isinstance(event, ModbusRequest) and event.function == DIAGNOSTICS:
        return SILENCE
    return STOP if name in STOPS else RESTART if name in RESTARTS else PROGRAM if name in PROGRAMS else ()
