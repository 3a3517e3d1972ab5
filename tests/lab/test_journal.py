"""The process log in a real journal: systemd-journald in its own mount namespace, queried with journalctl."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

JOURNALD = Path("/usr/lib/systemd/systemd-journald")
pytestmark = [
    pytest.mark.lab,
    pytest.mark.slow,
    pytest.mark.skipif(
        not JOURNALD.exists() or shutil.which("journalctl") is None, reason="systemd-journald is not installed"
    ),
    pytest.mark.skipif(not Path("/etc/machine-id").exists(), reason="a journal needs /etc/machine-id"),
]

# Standard error is as systemd sets it: a stream to the journal (systemd.exec(5), StandardError=journal).
MESSAGE = "it broke"
PROGRAM = """
import os, socket
stream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
stream.connect("/run/systemd/journal/stdout")
stream.sendall(b"sensor\\n\\n6\\n1\\n0\\n0\\n0\\n")
os.dup2(stream.fileno(), 2)
there = os.fstat(2)
os.environ["JOURNAL_STREAM"] = f"{there.st_dev}:{there.st_ino}"
from sensor.logs import logs
logs.configure(None)
logs.log().warning("MESSAGE", unit="dns", count=3)
for _ in range(20):
    logs.log().error("again", unit="smb")
""".replace("MESSAGE", MESSAGE)
SCRIPT = f"""
set -e
mount -t tmpfs none /run
mkdir -p /run/systemd/journal /run/log/journal
{JOURNALD} & journald=$!
for _ in $(seq 100); do [ -S /run/systemd/journal/stdout ] && break; sleep 0.1; done
"$0" -c "$1"
kill $journald; wait $journald || true
journalctl --directory /run/log/journal --output json --identifier sensor
"""


def test_fields_in_a_real_journal(root: Path) -> None:
    """Message, priority and fields are in the journal; a flood of one event is a few lines and their count."""
    command = ["unshare", "--mount", "sh", "-c", SCRIPT, sys.executable, PROGRAM]
    reported = subprocess.run(
        command,
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=os.environ | {"PYTHONPATH": str(root)},
    )
    found = [json.loads(line) for line in reported.stdout.splitlines()]
    assert found, reported.stderr
    assert {name: found[0][name] for name in ("MESSAGE", "PRIORITY", "SENSOR_UNIT", "SENSOR_COUNT", "_TRANSPORT")} == {
        "MESSAGE": f"{MESSAGE} unit=dns count=3", "PRIORITY": "4", "SENSOR_UNIT": "dns", "SENSOR_COUNT": "3",
        "_TRANSPORT": "journal",
    }  # fmt: skip
    again = [one for one in found if one["SENSOR_UNIT"] == "smb"]
    assert [one.get("SENSOR_LEFT_OUT") for one in again] == [None] * 5 + ["15"]
