"""The tables that are made of no messages: connections, devices and alerts, and what was covered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from sensor.core.flow import Reason
from sensor.records import columns
from sensor.records.batch import Batch
from sensor.records.block import HEAD, Rows
from sensor.records.schema import ALERT, CONN, COVERAGE, DEVICE_HISTORY

_DECODER = msgspec.json.Decoder(dict[str, Any])
SYN, ACK = 2, 16
TCP = 6
OTHER_VLANS = 0xFFFF
PAIRS = {
    "flow": "flow", "src_hi": "client_hi", "src_lo": "client_lo", "dst_hi": "server_hi", "dst_lo": "server_lo", "src_mac": "client_mac",
    "dst_mac": "server_mac", "sport": "client_port", "dport": "server_port", "vlan": "vlan", "source": "source", "proto": "proto", "ts": "first",
}  # fmt: skip


def conn(rows: Rows, batch: Batch) -> pa.Table:
    """Flows that ended."""
    ended = rows.heads
    heads = np.zeros(len(ended), HEAD)
    for name, theirs in PAIRS.items():
        heads[name] = ended[theirs]
    reasons = {int(reason): reason.name.lower() for reason in Reason}
    more = {
        "service": columns.texts(rows, 0),
        "direction": batch.world.identity.directions(heads),
        "duration": pa.array(np.maximum(ended["last"] - ended["first"], 0) / 1e9),
        "state": pa.array(STATES, pa.string()).take(pa.array(states(ended))),
        "src_bytes": pa.array(ended["client_bytes"].astype(np.int64)),
        "dst_bytes": pa.array(ended["server_bytes"].astype(np.int64)),
        "src_packets": pa.array(ended["client_packets"].astype(np.int64)),
        "dst_packets": pa.array(ended["server_packets"].astype(np.int64)),
        "sni": columns.texts(rows, 1),
        "ja4": columns.texts(rows, 2),
        "end_reason": columns.named(ended["reason"], reasons.get),
    }
    return columns.filled(CONN, batch.common(heads) | more, len(heads))


STATES = ("OTH", "S0", "S1", "SF", "REJ", "RSTO", "RSTR", "RSTOS0", "SHR", "RSTRH")
_OTH, _S0, _S1, _SF, _REJ, _RSTO, _RSTR, _RSTOS0, _SHR, _RSTRH = range(len(STATES))


def states(ended: npt.NDArray[np.void]) -> npt.NDArray[np.int32]:
    """Indexes into ``STATES``: Zeek's connection states, as far as the flow table knows them."""
    answered, flags, reset = ended["answered"] > 0, ended["first_flags"], ended["reset_by"]
    tcp, reason = ended["proto"] == TCP, ended["reason"]
    opened, turned = (flags & (SYN | ACK)) == SYN, (flags & (SYN | ACK)) == (SYN | ACK)
    finished = reason == Reason.FINISHED
    both = (ended["client_packets"] > 0) & (ended["server_packets"] > 0)
    cases = [
        (~tcp & both, _SF), (~tcp & (ended["server_packets"] > 0), _SHR), (~tcp, _S0), (turned & (reset == 2), _RSTRH), (turned & ~answered, _SHR),
        (~opened, _OTH), (~answered & (reset == 2), _REJ), (~answered & (reset == 1), _RSTOS0), (~answered, _S0),
        (finished, _SF), (reset == 1, _RSTO), (reset == 2, _RSTR),
    ]  # fmt: skip
    return np.select([case for case, _ in cases], [state for _, state in cases], _S1).astype(np.int32)


def notes(rows: Rows) -> Iterator[dict[str, Any]]:
    """Records of the event log."""
    spans = rows.words[:, 0]
    for at, size in zip((spans >> np.uint64(32)).tolist(), (spans & np.uint64(0xFFFFFFFF)).tolist(), strict=True):
        yield _DECODER.decode(rows.text[at : at + size])


def device_history(told: Sequence[Mapping[str, Any]]) -> pa.Table:
    """The content of device records."""
    rows = []
    for record in told:
        body = record["device"]
        rows.append(
            _of_record(record)
            | {"device": body["id"], "name": body.get("hostname"), "os": body.get("os")}
            | {name: body.get(name) for name in ("type", "vendor", "model", "vlan", "ips", "macs")}
        )
    return _rows(DEVICE_HISTORY, rows)


def alert(told: Sequence[Mapping[str, Any]]) -> pa.Table:
    """The content of alert records."""
    rows = []
    for record in told:
        body, ends = record["alert"], dict[str, Any]()
        for end in ("src", "dst"):
            one = record.get(end) or {}
            ends |= {f"{end}_ip": one.get("ip"), f"{end}_device": one.get("device")}
        techniques = [one["technique"] for one in body.get("attack", ()) if "technique" in one]
        rows.append(
            _of_record(record)
            | {
                "alert": body["id"],
                "detector": body.get("detector"),
                "title": body.get("title"),
                "severity": record["severity"],
            }
            | {"techniques": techniques or None, "message": record["msg"]}
            | ends
        )
    return _rows(ALERT, rows)


def _of_record(record: Mapping[str, Any]) -> dict[str, Any]:
    """What device and alert records have in common."""
    return {"ts": record["ts"], "action": record["action"], "sensor": record["sensor"], "site": record["site"]}


def _rows(table: Any, rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    schema = columns.arrow_schema(table)
    made: dict[str, Any] = {}
    for field in schema:
        values = [row.get(field.name) for row in rows]
        if pa.types.is_timestamp(field.type):
            values = [np.datetime64(value.rstrip("Z"), "us") if value else None for value in values]
        made[field.name] = pa.array(values, field.type)
    return columns.filled(table, made, len(rows))


def coverage(counts: npt.NDArray[np.void], batch: Batch) -> pa.Table:
    """What was counted, by interface and VLAN."""
    world, rows = batch.world, len(counts)
    names = dict(enumerate(world.interfaces))
    made: dict[str, Any] = {
        "ts": columns.times(counts["first"]),
        "until": columns.times(counts["last"]),
        "sensor": pa.array([world.sensor] * rows, pa.string()),
        "site": pa.array([world.site or None] * rows, pa.string()),
        "interface": columns.named(counts["source"], lambda source: names.get(source, str(source))),
        "vlan": columns.where((counts["vlan"] > 0) & (counts["vlan"] != OTHER_VLANS), counts["vlan"].astype(np.int64)),
        "dropped_records": pa.array(counts["dropped"].astype(np.int64)),
    }
    made |= {name: pa.array(counts[name].astype(np.int64)) for name in ("packets", "bytes", "lost", "shed")}
    return columns.filled(COVERAGE, made, rows)
