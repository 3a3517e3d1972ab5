"""The tables that are not built from messages: connections, devices, alerts, recommendations and coverage."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from sensor.core.flow import Reason
from sensor.core.ip_protocols import TCP
from sensor.records import columns, spans
from sensor.records.batch import Batch, uids
from sensor.records.block import Rows
from sensor.records.ended import STATES, states
from sensor.records.ended import heads as heads_of
from sensor.records.schema import ALERT, ALERT_ENTITY, ALERT_FLOW, CONN, COVERAGE, DEVICE_HISTORY, RECOMMENDATION
from sensor.records.traces import LETTERS

_DECODER = msgspec.json.Decoder(dict[str, Any])
OTHER_VLANS = 0xFFFF
ENTITY = ("ip", "port", "mac", "device", "hostname", "type")


def conn(rows: Rows, batch: Batch) -> pa.Table:
    """Ended flows."""
    ended = rows.heads
    heads = heads_of(ended)
    traced = ended["traced"] > 0
    reasons = {int(reason): reason.name.lower() for reason in Reason}
    more = {
        "service": columns.texts(rows, 0),
        "direction": batch.world.identity.directions(heads),
        "duration": pa.array(np.maximum(ended["last"] - ended["first"], 0) / 1e9),
        "state": columns.chosen(pa.array(STATES, pa.string()), states(ended)),
        "history": columns.named(ended["letters"], history),
        "src_bytes": pa.array(ended["client_bytes"].astype(np.int64)),
        "dst_bytes": pa.array(ended["server_bytes"].astype(np.int64)),
        "src_packets": pa.array(ended["client_packets"].astype(np.int64)),
        "dst_packets": pa.array(ended["server_packets"].astype(np.int64)),
        "src_payload": columns.where(traced, ended["client_data"].astype(np.int64)),
        "dst_payload": columns.where(traced, ended["server_data"].astype(np.int64)),
        "missed_bytes": columns.where(traced & (ended["proto"] == TCP), ended["missed"].astype(np.int64)),
        "sni": columns.texts(rows, 1),
        "ja4": columns.texts(rows, 2),
        "community_hash": columns.hashes(heads),
        "end_reason": columns.named(ended["reason"], reasons.get),
    }
    common = batch.common(heads)
    if batch.world.geoip is not None:
        for end in ("src", "dst"):
            more |= batch.world.geoip.columns(end, common[f"{end}_ip"])
    return columns.filled(CONN, common | more, len(heads))


def history(letters: int) -> str | None:
    """Zeek's connection history, stored as four bits per letter; null if there is none."""
    codes = [letters >> shift & 15 for shift in range(60, -1, -4)]
    return "".join(LETTERS[code - 1] for code in codes if code) or None


def notes(rows: Rows) -> Iterator[dict[str, Any]]:
    """The records of the event log in these rows."""
    spans = rows.words[:, 0]
    for at, size in zip((spans >> np.uint64(32)).tolist(), (spans & np.uint64(0xFFFFFFFF)).tolist(), strict=True):
        yield _DECODER.decode(rows.text[at : at + size])


def device_history(records: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Table rows of device records."""
    rows = []
    for record in records:
        body = record["device"]
        rows.append(
            _of_record(record)
            | {"device": body["id"], "name": body.get("hostname"), "os": body.get("os")}
            | {name: body.get(name) for name in ("type", "vendor", "model", "vlan", "ips", "macs")}
        )
    return _rows(DEVICE_HISTORY, rows)


def alert(records: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Table rows of alert records."""
    rows = []
    for record in records:
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


def alert_entity(records: Sequence[Mapping[str, Any]]) -> pa.Table:
    """The parties of each alert: its actor and each target."""
    rows = []
    for record in records:
        whole = _of_record(record) | {"alert": record["alert"]["id"]}
        targets = record.get("targets") or [record.get("dst")]
        for role, end in (("actor", record.get("src")), *(("target", end) for end in targets)):
            if end:
                rows.append(whole | {"role": role} | {name: end.get(name) for name in ENTITY})
    return _rows(ALERT_ENTITY, rows)


def alert_flow(records: Sequence[Mapping[str, Any]], run: int) -> pa.Table:
    """The connections of each alert. ``run``: number of the engine's run."""
    rows = [
        {"ts": record["ts"], "sensor": record["sensor"], "site": record["site"], "alert": record["alert"], "uid": uid}
        for record in records
        for uid in uids(run, np.array(record["flows"], np.uint64)).to_pylist()
    ]
    return _rows(ALERT_FLOW, rows)


def recommendation(records: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Table rows of recommendation records."""
    rows = []
    for record in records:
        body, end = record["recommendation"], record.get("src") or {}
        rows.append(
            _of_record(record)
            | {"recommendation": body["id"], "severity": record["severity"], "message": record["msg"]}
            | {name: body.get(name) for name in ("setting", "title", "fix")}
            | {name: end.get(name) for name in ("device", "ip", "port")}
        )
    return _rows(RECOMMENDATION, rows)


def _of_record(record: Mapping[str, Any]) -> dict[str, Any]:
    """The columns that records of the event log have in common."""
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


def coverage(counts: npt.NDArray[np.void], batch: Batch, tables: Mapping[str, pa.Table]) -> pa.Table:
    """Packet counts by interface and VLAN. ``tables``: what is written with them."""
    world, rows = batch.world, len(counts)
    names = dict(enumerate(world.interfaces))
    made: dict[str, Any] = {
        "ts": columns.times(counts["first"]),
        "until": columns.times(counts["last"]),
        "sensor": columns.constant(world.sensor, rows),
        "site": columns.constant(world.site, rows) if world.site else pa.nulls(rows, pa.string()),
        "interface": columns.named(counts["source"], lambda source: names.get(source, str(source))),
        "vlan": columns.where((counts["vlan"] > 0) & (counts["vlan"] != OTHER_VLANS), counts["vlan"].astype(np.int64)),
        "dropped_records": pa.array(counts["dropped"].astype(np.int64)),
    }
    made |= {name: pa.array(counts[name].astype(np.int64)) for name in ("packets", "bytes", "lost", "shed")}
    made |= spans.seen(counts["vlan"], tables)
    return columns.filled(COVERAGE, made, rows)
