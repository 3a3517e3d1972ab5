"""Records are followed as they are written: each row once, whatever happens to the files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sensor.cli._tail_filter import RECORDS
from sensor.cli.main import main
from sensor.records.follow import Follower
from sensor.records.hunt_tests import write_rows
from sensor.records.schema import TRAFFIC
from sensor.records.upkeep import Upkeep
from sensor.records.writer import Writer


def _conn(ts: float, port: int, src: str = "10.0.0.5") -> dict[str, Any]:
    return {
        "ts": ts, "src_ip": src, "dst_ip": "10.0.0.9", "dst_port": port, "proto": "tcp", "src_bytes": 1,
        "dst_bytes": 2, "duration": 0.5,
    }  # fmt: skip


def ports(follower: Follower) -> list[int]:
    return [row["dst_port"] for row in follower.rows()]


def test_each_row_comes_once(tmp_path: Path) -> None:
    """Rows are in order of time within a file; existing rows, other tables and merged files are skipped."""
    write_rows(tmp_path, {"conn": [_conn(0, 1)]})
    follower = Follower(tmp_path, ["conn"])
    assert ports(follower) == []
    write_rows(tmp_path, {"conn": [_conn(9, 3), _conn(8, 2)], "dns": [{"ts": 8, "query": "a.example"}]})
    assert ports(follower) == [2, 3]
    assert ports(follower) == []
    writer = Writer(tmp_path, print)
    assert Upkeep(writer, 7, 5).compact(final=True) == 0
    writer.close()
    for port in range(10, 24):
        write_rows(tmp_path, {"conn": [_conn(port, port)]})
    assert ports(follower) == [*range(10, 24)]
    writer = Writer(tmp_path, print)
    assert Upkeep(writer, 7, 5).compact(final=True) == 1
    writer.close()
    assert ports(follower) == []


def test_a_damaged_file_ends_nothing(tmp_path: Path) -> None:
    follower = Follower(tmp_path, ["conn"])
    write_rows(tmp_path, {"conn": [_conn(1, 1)]})
    for path in (tmp_path / "conn").iterdir():
        path.write_bytes(b"PAR1")
    write_rows(tmp_path, {"conn": [_conn(2, 2)]})
    assert ports(follower) == [2]


def test_the_tables_that_tail_names_are_those_there_are() -> None:
    assert {*RECORDS} == {table.name for table in TRAFFIC}


@pytest.fixture
def tail(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    assert main(["replay", str(root / "pcaps" / "office.pcapng"), "--state", str(tmp_path)]) == 0
    capsys.readouterr()

    def run(*words: str) -> tuple[int, list[str]]:
        code = main(["tail", *words, "--state", str(tmp_path)])
        return code, capsys.readouterr().out.splitlines()

    return run


def test_sensor_tail(tail: Any) -> None:
    """The last matching rows of several tables are printed in one timeline."""
    code, lines = tail("--kind", "conn,rtsp", "--json", "--dst", "10.20.10.61", "-n", "6")
    rows = [json.loads(line) for line in lines]
    assert (code, len(rows), {row["dst_ip"] for row in rows}) == (0, 6, {"10.20.10.61"})
    assert {row["table"] for row in rows} == {"conn", "rtsp"}
    assert [row["ts"] for row in rows] == sorted(row["ts"] for row in rows)
    assert len([line for line in tail("--kind", "rtsp")[1] if " rtsp " in line]) == 8
    assert tail("--kind", "rtsp", "--severity", "high")[0] == 2
    assert tail("--kind", "rtsp", "--kind", "alert")[0] == 2
    for invalid in ("conn,alert", "alert,conn", "nosuch"):
        with pytest.raises(SystemExit) as ended:
            main(["tail", "--kind", invalid])
        assert ended.value.code == 2
