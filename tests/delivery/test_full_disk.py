"""Cursors, status files and dead letters on a full file system: a real one of 1 MiB, in its own mount namespace."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sensor.delivery.position import Position, load_position, save_position

STORY = """
import json, os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from sensor.core.output import Ack
from sensor.delivery.position import before_of, load_position
from sensor.delivery.status import load_status, save_status
from sensor.eventlog.cursors import cursor
from sensor.eventlog.segments import cursors_of
from tests.delivery.scripted import Desk, dead, lead, leave, runner
from tests.eventlog.segmented import Segmented

room = Path(sys.argv[1])
log = Segmented(room / "events.jsonl")
log.add(20)
# The 25th is one that the destination never takes.
desk = Desk(always=lambda entries: Ack(refused={place: "no" for place, entry in enumerate(entries) if entry.seq == 25}))
one = runner(log.log, desk)
lead(one)
one._save(at_last=True)
save_status(log.log, one.status(20))
log.add(20)
ballast = os.open(room / "ballast", os.O_WRONLY | os.O_CREAT)
try:
    while os.write(ballast, bytes(4096)):
        pass
except OSError:
    pass
os.close(ballast)
for _ in range(5):
    one.sender.again_at = 0.0
    list(one._guarded())
held = {"seq": one.position.seq, "error": one.sender.error, "tried": len(desk.tried)}
# A destination that takes all of it moves its cursor, though there is no room.
two = runner(log.log, Desk(), name="one2")
try:
    two._save()
    new = ""
except OSError as error:
    new = error.strerror
moved = runner(log.log, Desk())
moved.position.back_to(0)
moved.position.seq = moved.position.alerts = moved.position.delivered = 1234567
moved._save(at_last=True)
there = load_position(cursors_of(log.log) / "one.json")
full = {"cursor": there.seq if there else None, "sensor": cursor(log.log, "one"), "error": moved.sender.error, "new": two.sender.error}
status = moved.status(20)
status.seq = 1234567
save_status(log.log, status)
status = load_status(log.log, "one")
left = sorted(path.name for path in cursors_of(log.log).iterdir())
(room / "ballast").unlink()
one._save(at_last=True)
lead(one)
leave(one)
print(json.dumps({"held": held, "full": full, "status": status.seq, "left": left, "dead": [letter["seq"] for letter in dead(log.log)],
    "tried": desk.tried, "seq": one.position.seq, "refused": one.position.refused, "delivered": one.position.delivered}))
"""


def reported_by(story: str, folder: Path, root: Path) -> Any:
    """The output of a scenario whose folder is a file system of 1 MiB."""
    mount = f'mount -t tmpfs -o size=1m none {folder} && exec {sys.executable} -c "$0" {folder} {root}'
    if os.geteuid() != 0 or subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("needs the right to mount (root)")
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", mount, story], capture_output=True, check=False, timeout=60, cwd=root
    )
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


def test_a_disk_without_room(tmp_path: Path, root: Path) -> None:
    """Existing cursors move on, so that the log can shrink; refused records are kept back, named, sent once, and stored
    once there is space.
    """
    reported = reported_by(STORY, tmp_path, root)
    letters = tmp_path / "events.dead" / "one.jsonl"
    assert reported["held"] == {"seq": 20, "error": f"{letters}: {os.strerror(errno.ENOSPC)}", "tried": 2}
    assert reported["full"].pop("new").endswith(f": {os.strerror(errno.ENOSPC)}")
    assert reported["full"] == {
        "cursor": 1234567,
        "sensor": 1234567,
        "error": "",
    }
    assert reported["status"] == 1234567
    assert not [name for name in reported["left"] if name.endswith(".new")]
    assert reported["dead"] == [25]
    assert reported["tried"] == [list(range(1, 21)), list(range(21, 41))]
    assert (reported["seq"], reported["refused"], reported["delivered"]) == (40, 1, 39)


@pytest.mark.parametrize("size", range(0, 200, 7))
def test_a_cursor_that_is_torn_while_it_is_written_over(tmp_path: Path, size: int) -> None:
    """After a power failure during the write, a mix of the old and the new position is rejected."""
    path = tmp_path / "one.json"
    save_position(path, Position(seq=123456, alerts=123456, delivered=123456, id="a" * 26), durable=True)
    old = path.read_bytes()
    save_position(path, Position(seq=123999, alerts=123999, delivered=123999, id="b" * 26), durable=True)
    new = path.read_bytes()
    path.write_bytes(new[:size] + old[size:])
    found = load_position(path)
    assert found is None or found.seq in (123456, 123999)
    assert found is None or path.read_bytes() in (old, new)
