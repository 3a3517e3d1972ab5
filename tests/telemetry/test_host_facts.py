"""Metrics beside those of the engine: files and the process."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from sensor.eventlog.segments import segments
from sensor.telemetry.host_facts import HostFacts, output
from tests.eventlog.segmented import Segmented


def engine(log: Path | None, *outputs: str) -> dict:
    return {"log": {"path": str(log) if log else ""}, "outputs": list(outputs)}


GROWS = """
import json, mmap, threading
from sensor.telemetry.host_facts import process
before = process()
held = mmap.mmap(-1, 32 << 20)
held.write(b"x" * (32 << 20))
ended = threading.Event()
threading.Thread(target=ended.wait).start()
file = open("/dev/null")
after = process()
ended.set()
print(json.dumps([before, after]))
"""


def test_the_process() -> None:
    """As in proc(5): allocated memory is resident, and an additional thread and file raise their counters by one."""
    with subprocess.Popen([sys.executable, "-c", GROWS], stdout=subprocess.PIPE) as made:
        before, after = json.loads(made.communicate()[0])
    assert before["pid"] == made.pid
    assert 31 << 20 <= after["memory_bytes"] - before["memory_bytes"] <= 80 << 20
    assert (after["descriptors"], after["threads"]) == (before["descriptors"] + 1, before["threads"] + 1)
    assert 0 < before["cpu_s"] <= after["cpu_s"]
    assert after["descriptors"] < after["descriptors_limit"]


def test_segments_of_the_log(tmp_path: Path) -> None:
    """Number, total size, and the time of the oldest record, of a compressed segment as well; the oldest may be deleted
    meanwhile.
    """
    log, one = Segmented(tmp_path / "events.jsonl"), HostFacts()
    for count in (3, 2, 4):
        log.add(count)
        log.rotate()
    log.compress()
    reported = one.added(engine(log.log))["log"]
    assert reported["segments"] == 4
    assert reported["bytes"] == sum(path.stat().st_size for path in log.log.with_suffix(".segments").iterdir())
    assert reported["oldest"] == datetime(2026, 11, 24, 9, 0, 1, tzinfo=UTC).timestamp()
    segments(log.log)[0].path.unlink()
    reported = one.added(engine(log.log))["log"]
    assert (reported["segments"], reported["oldest"]) == (3, datetime(2026, 11, 24, 9, 0, 4, tzinfo=UTC).timestamp())


def test_where_there_is_no_log(tmp_path: Path) -> None:
    """Records on standard output have no files, and neither has a deleted log; outputs of such a log have no status."""
    for log in (None, tmp_path / "gone.jsonl"):
        reported = HostFacts().added(engine(log, "siem"))
        assert set(reported["log"]) == {"path"}
    assert HostFacts().added(engine(None, "siem"))["outputs"] == {}
    assert output(tmp_path / "gone.jsonl", "siem") == {}


def test_the_table_is_cheap_to_have() -> None:
    """The table of metrics and the name of the socket do not import the engine."""
    code = (
        "import sys, sensor.telemetry, sensor.telemetry.listen; print([name for name in sys.modules if "
        "name.startswith(('numpy', 'sensor.engine', 'http'))])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
