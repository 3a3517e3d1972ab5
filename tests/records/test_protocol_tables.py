"""DCE/RPC calls, SNMP and RTSP requests, and alerts and recommendations of the event log, as rows."""

from __future__ import annotations

import pkgutil
from pathlib import Path

import numpy as np
import pytest

from sensor.engine import pipeline as engine
from sensor.records.block import CONNECTION, Part, together
from sensor.records.ended import states
from sensor.records.export import export
from sensor.records.hunt_tests import write_rows
from sensor.records.messages import MESSAGES, Message
from sensor.records.readable import Range
from sensor.records.upkeep import Upkeep
from sensor.records.writer import Writer
from tests.records.kit_records import replayed, rows, table

SAMPLES = ("dcerpc", "snmp", "rtsp")


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.name)
def test_each_message_is_an_event_with_these_fields(message: Message) -> None:
    """Messages name their events as strings, which stay valid if a module is moved."""
    event = pkgutil.resolve_name(message.event)
    assert {name for name, _ in message.fields} <= set(event.__struct_fields__)


@pytest.fixture(scope="module")
def samples(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("samples") / "records"
    replayed(folder, *(root / "pcaps" / "dissectors" / f"{name}.pcap" for name in SAMPLES))
    return folder


def test_a_service_is_created_by_two_calls(samples: Path) -> None:
    """Each call has the server's response; the name of the program is among the arguments."""
    calls = {(row["interface"], row["operation"]): row for row in rows(samples, "rpc")}
    created = calls["svcctl", "CreateServiceW"]
    assert (created["src_ip"], created["dst_ip"], created["proto"]) == ("10.20.30.14", "10.20.30.5", "tcp")
    assert created["arguments"]
    assert all(row["rtt"] is None or row["rtt"] >= 0 for row in calls.values())
    assert ("epm", "ept_map") in calls


def test_an_agent_is_queried_and_answers(samples: Path) -> None:
    requested = [row for row in rows(samples, "snmp") if row["operation"] in {"get", "get_next", "get_bulk"}]
    assert requested[0]["dst_port"] == 161
    assert requested[0]["variables"][0].startswith("1.3.6.1.")
    assert {row["community"] for row in rows(samples, "snmp")} <= {"public", "private", "other", None}
    assert any(row["trap"] for row in rows(samples, "snmp") if row["dst_port"] == 162)


def test_a_stream_is_described_and_played(samples: Path) -> None:
    found = [(row["method"], row["status"]) for row in rows(samples, "rtsp")]
    assert found == [("OPTIONS", 200), ("DESCRIBE", 401), ("DESCRIBE", 200), ("PLAY", 200), ("TEARDOWN", None)]
    assert all("@" not in row["uri"] for row in rows(samples, "rtsp"))


def test_python_reads_the_same(root: Path, samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "reading", lambda *_: None)
    replayed(tmp_path / "records", *(root / "pcaps" / "dissectors" / f"{name}.pcap" for name in SAMPLES))
    for name in ("rpc", "snmp", "rtsp"):
        ours, theirs = (
            [{key: value for key, value in row.items() if key != "uid"} for row in rows(folder, name)]
            for folder in (samples, tmp_path / "records")
        )
        assert theirs == ours, name


def test_a_tail_of_an_earlier_version_is_read() -> None:
    """Connections of an earlier version have fewer fields: missing ones are unknown, not damaged."""
    older = np.zeros(2, CONNECTION)
    older["flow"], older["first_flags"], older["proto"], older["reset_by"] = (7, 8), 2, 6, 2
    size = CONNECTION.fields["traced"][1] if CONNECTION.fields is not None else 0
    heads = np.ascontiguousarray(older).view(np.uint8).reshape(2, -1)[:, :size].tobytes()
    part = Part(0, size, 2, 3, memoryview(heads), memoryview(bytes(48)), memoryview(b""))
    read = together([part], CONNECTION, [0, 1, 2]).heads
    assert read["flow"].tolist() == [7, 8]
    assert read["traced"].tolist() == [0, 0]
    assert states(read).tolist() == states(older).tolist()


def test_files_of_an_earlier_version_are_put_together_with_those_of_today(tmp_path: Path) -> None:
    """Old and new files are merged and exported: missing fields of old rows are unknown."""
    folder = tmp_path / "records"
    row = {"src_ip": "10.0.0.5", "dst_ip": "10.0.0.9", "dst_port": 80, "proto": "tcp"}
    write_rows(folder, {"conn": [row | {"ts": 2, "history": "ShAD", "missed_bytes": 7}]})
    writer = Writer(folder, print)
    today = table(folder, "conn")
    older = today.drop_columns(["history", "src_payload", "dst_payload", "missed_bytes"])
    with writer.manifest.transaction():
        writer.manifest.add(writer.file("conn", 0, [older]))
    export(folder, writer.manifest.files(), Range(), "csv", tmp_path / "out", ["conn"])
    assert [line.split(",").count("ShAD") for line in (tmp_path / "out" / "conn.csv").read_text().splitlines()[1:]] in (
        [1, 0],
        [0, 1],
    )
    for _ in range(14):
        with writer.manifest.transaction():
            writer.manifest.add(writer.file("conn", 0, [today]))
    assert Upkeep(writer, 7, 5).compact(final=True) == 1
    writer.close()
    assert sorted(str(one["history"]) for one in rows(folder, "conn")) == ["None", *["ShAD"] * 15]
