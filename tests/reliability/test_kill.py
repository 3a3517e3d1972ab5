"""kill -9 of the log's writer, at random: no gap, no torn line for readers, and all records reported as durable are
there.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sensor.eventlog.log_cursor import LogCursor
from sensor.eventlog.log_lines import LOOKS
from sensor.eventlog.segments import segments
from tests import sampling

KILLS = int(os.environ.get("SENSOR_KILLS", str(sampling.repeated(12, 4))))
# Writes endlessly, in small segments that are compressed as they close; prints each number that is durable.
WRITER = """
import itertools, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from tests.reliability.live_logs import open_log, record
log = open_log(Path(sys.argv[1]), segment_mib=0.1, commit_ms=20)
assert not log.damages, log.damages
for number in itertools.count(int(sys.argv[3])):
    log.write(record(number, "alert" if number % 97 == 0 else "device", 300))
    if number % 97 == 0:
        assert log.sync()
        print(number, flush=True)
"""


@pytest.mark.endurance
def test_kill_at_random_points(tmp_path: Path, root: Path) -> None:
    """One log for all kills. A reader that ran all the time has the same records as one that starts afterwards."""
    path, chance = tmp_path / "events.jsonl", random.Random(5)
    reader, seen, acknowledged, following = LogCursor(path), list[int](), list[int](), 1
    for _ in range(KILLS):
        command = [sys.executable, "-c", WRITER, str(path), str(root), str(following)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=root) as writer:
            assert writer.stdout is not None
            first = writer.stdout.readline()
            assert first, "the writer could not begin"
            end = time.monotonic() + chance.uniform(0, 0.3)
            while time.monotonic() < end:
                seen += [number for number, _ in reader.read()]
            writer.send_signal(signal.SIGKILL)
            reported = [
                int(line) for line in (first + writer.stdout.read()).splitlines(keepends=True) if line.endswith(b"\n")
            ]
        assert reported
        acknowledged += reported
        following = reported[-1] + 1
    for _ in range(LOOKS):  # the last kill may have left an outdated link to a segment that is complete
        while more := reader.read():
            seen += [number for number, _ in more]
    reader.close()
    again = LogCursor(path)
    records = []
    while lines := again.read():
        records += [json.loads(line) for _, line in lines]
    again.close()
    assert [one["sensor"]["seq"] for one in records] == list(range(1, len(records) + 1))
    assert seen == list(range(1, len(records) + 1))
    assert (again.missing, again.damaged, reader.missing, reader.damaged) == (0, 0, 0, 0)
    alerts = {int(one["msg"].split()[1]) for one in records if one["kind"] == "alert"}
    assert alerts >= set(acknowledged)
    assert len(segments(path)) > 3
