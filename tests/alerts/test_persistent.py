"""What goes on for hours is one alert and one incident, although detections report it once an hour."""

from __future__ import annotations

from pathlib import Path

from pcaps._capture import CLIENT, SERVER, Host, Payloads
from pcaps._frame_writer import PackedCapture
from sensor.capture.files import open_captures
from sensor.config import load_config
from sensor.core.record import Record
from sensor.runtime.assembly import assemble
from tests.perf.captures import make

START, HOURS = 1_700_000_000, 8
CLIENT_HOST = Host("pc", "00:00:5e:10:01:01", "10.9.1.5")
POOL = Host("pool", "00:00:5e:10:02:01", "203.0.113.77")
LOGIN: Payloads = [
    (CLIENT, b'{"id":1,"method":"mining.subscribe","params":["miner/1"]}\n'),
    (SERVER, b'{"id":1,"result":[["mining.notify","a"],"b",4],"error":null}\n'),
    (CLIENT, b'{"id":2,"method":"mining.authorize","params":["worker","x"]}\n'),
]


def mined(folder: Path, minutes: list[int]) -> list[tuple[str, str]]:
    """Kind and action of all alerts about mining, and of incidents, if a host logs in to a pool in these minutes."""
    capture, records = PackedCapture(START, "02:00:5e:10:00:01", 0), list[Record]()
    for minute in minutes:
        capture.tcp(60 * minute, CLIENT_HOST, POOL, 3333, LOGIN)
    make(folder / "mining.pcap", capture.frames)
    pipeline, source = assemble(load_config(None), records.append), open_captures([str(folder / "mining.pcap")])
    for batch in source.batches():
        pipeline.process(batch)
        batch.release()
    source.close()
    pipeline.finish()
    return [(one.kind, one.action) for one in records if one.kind == "incident" or _is_of_mining(one)]


def _is_of_mining(record: Record) -> bool:
    return isinstance(record.alert, dict) and record.alert["detector"] == "command_and_control.mining"


def test_mining_for_hours_is_one_alert(tmp_path: Path) -> None:
    """A login every seven minutes; repeats are updates of one alert and change nothing else."""
    actions = mined(tmp_path, list(range(0, 60 * HOURS, 7)))
    assert [one for one in actions if one[1] != "update"] == [("alert", "open"), ("incident", "open")]
    assert HOURS - 2 <= actions.count(("alert", "update")) <= HOURS


def test_mining_on_the_next_day_is_another_alert(tmp_path: Path) -> None:
    """The first alert was closed in the meantime, and so was its incident."""
    actions = mined(tmp_path, [0, 3, 60 * 24, 60 * 24 + 3])
    assert actions.count(("alert", "open")) == actions.count(("incident", "open")) == 2
    assert actions.count(("alert", "close")) == actions.count(("incident", "close")) == 1
