"""The engine's side of traffic records: delivers them batch by batch. Without the extra ``hunt``, no records are
kept.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from sensor.core.alert import Alert
from sensor.core.event import Event
from sensor.core.flow import Flow
from sensor.core.packet import Packets
from sensor.core.record import Record
from sensor.core.record_parts import time_text
from sensor.core.time_units import SECOND
from sensor.decode.kernels import Work
from sensor.records.files.gate import Gate
from sensor.records.files.transfers import Transfers
from sensor.records.messages import MESSAGES, RUN_BITS
from sensor.records.recorder import Recorder
from sensor.records.schema import ALERT_FLOW
from sensor.records.tail import Tail

# Data is delivered when this many bytes wait, or after this much packet time.
BYTES, EVERY_NS = 256 << 10, SECOND
KINDS = frozenset(("device", "alert", "recommendation"))
END = ("ip", "port", "mac", "device", "hostname", "type")
PARTS = {
    "device": ("id", "hostname", "type", "vendor", "model", "os", "vlan", "ips", "macs", "roles"),
    "alert": ("id", "detector", "title", "attack"),
    "recommendation": ("id", "setting", "title", "fix"),
    "src": END,
    "dst": END,
}
_ENCODER = msgspec.json.Encoder()


class Origin(msgspec.Struct, frozen=True):
    """Origin of the records. ``networks``: internal blocks beside the private ones; ``interfaces``: names of the
    sources, by number; ``geoip``: paths of databases of countries and autonomous systems.
    """

    sensor: str
    site: str
    networks: Sequence[str]
    interfaces: Sequence[str]
    geoip: Sequence[str] = ()


def note_of(record: Record) -> dict[str, Any]:
    """The parts of a record that the tables have: the evidence stays in the event log."""
    note: dict[str, Any] = {name: getattr(record, name) for name in ("ts", "kind", "action", "severity", "msg")}
    note |= {"sensor": record.sensor.id, "site": record.sensor.site or None}
    for name, keys in PARTS.items():
        body = getattr(record, name)
        if isinstance(body, dict):
            note[name] = {key: body[key] for key in keys if key in body}
    if isinstance(record.targets, list):
        note["targets"] = [{key: end[key] for key in END if key in end} for end in record.targets]
    return note


def flow_of(proof: object) -> int:
    """The flow of a message or a change of a flow; 0 if there is none."""
    if isinstance(proof, Flow):
        return proof.uid
    return proof.packet.flow if isinstance(proof, Event) else 0


class Keeping:
    """``flows``: slots of the flow table."""

    def __init__(
        self,
        folder: Path,
        origin: Origin,
        flows: int,
        *,
        wait: bool,
        complain: Callable[[str], None],
        files: bool = True,
    ) -> None:
        """``wait``: for the disk, in a replay; ``files``: include hashes of transferred files. Raises OSError if
        nothing can be written.
        """
        self.folder, self.recorder, self._origin = folder, Recorder(flows), origin
        # Called with each event that a Python dissector produced.
        self.take: Callable[[Event], None] = self.recorder.add
        self._transfers = Transfers(self.take)
        self._gate = Gate(flows, self._transfers) if files else None
        kinds = [[message.name, [[name, int(how)] for name, how in message.fields]] for message in MESSAGES]
        context = {"version": 1, "run": secrets.randbits(RUN_BITS), "kinds": kinds} | msgspec.to_builtins(origin)
        self._tail = Tail(folder, context, wait=wait, dropped=self._lose, complain=complain)
        self._due = self._rows = 0

    def emit(self, record: Record) -> None:
        """Add a record of the event log."""
        if record.kind in KINDS:
            self.recorder.note(_ENCODER.encode(note_of(record)))

    def name_flows(self, name: str, alert: Alert, ts: int) -> None:
        """Add the connections in the evidence of an alert. ``name``: its id; ``ts``: time of this state, ns."""
        flows = sorted({flow_of(proof) for proof in alert.proof} - {0})
        if flows:
            note = {"kind": ALERT_FLOW.name, "ts": time_text(ts), "alert": name, "flows": flows}
            origin = {"sensor": self._origin.sensor, "site": self._origin.site or None}
            self.recorder.note(_ENCODER.encode(note | origin))

    def batch(self, packets: Packets | None, work: Work) -> None:
        """Add a batch that the engine has processed."""
        recorder = self.recorder
        try:
            self._files(packets, work)
        finally:
            recorder.batch(packets, work.messages, work.changes)
        if recorder.size() >= BYTES or recorder.now >= self._due or recorder.now < self._due - 2 * EVERY_NS:
            self._hand_over(whole=False)

    def _files(self, packets: Packets | None, work: Work) -> None:
        """Track file transfers."""
        if self._gate is None:
            return
        if packets is not None:
            self._transfers.advance(self.recorder.now)
            self._gate.batch(packets)
        self._gate.ended(work.changes)

    def missed(self, lost: int, shed: int) -> None:
        """Set the number of packets and messages missed so far."""
        self.recorder.lost, self.recorder.shed = lost, shed

    def close(self, seconds: float | None = None) -> None:
        """Deliver the remaining data."""
        if self._gate is not None:
            self._gate.finish()
        self._transfers.finish()
        self._hand_over(whole=True)
        self._tail.close(seconds)

    def _hand_over(self, *, whole: bool) -> None:
        """Deliver a block, even an empty one: it carries the time."""
        recorder = self.recorder
        rows, self._rows = recorder.rows - self._rows, recorder.rows
        self._due = recorder.now + EVERY_NS
        self._tail.put(recorder.take(whole), recorder.now, rows)

    def _lose(self, rows: int) -> None:
        self.recorder.dropped += rows
