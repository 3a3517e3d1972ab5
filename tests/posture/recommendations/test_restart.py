"""Recommendations survive restarts and crashes: none is opened again, counts continue, and a fix closes it."""

from __future__ import annotations

import json
import re
import sqlite3
import struct
import subprocess
import sys
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sensor.cli.main import main
from sensor.core.addresses import parse_mac
from sensor.inventory.store.database import FILE
from sensor.inventory.store.operator_changes import OperatorChanges
from tests.forked import started
from tests.golden import Golden
from tests.kit import ethernet, ipv4, udp
from tests.waiting import until

START = 1_700_000_000
MINUTE, HOUR, DAY = 60, 3600, 86400
PBX, PHONE = "00:17:c8:1a:2b:3c", "00:15:65:5e:53:02"
HEAD = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
WEAK, GOOD = 'Digest realm="office", nonce="n%d"', 'Digest realm="office", nonce="n%d", qop="auth", algorithm=SHA-256'


def challenges(scheme: str, seconds: Iterable[int]) -> bytes:
    """A PBX challenges a phone at each of these seconds, as records of a capture file."""
    records = b""
    for second in seconds:
        text = (
            "SIP/2.0 401 Unauthorized\r\nVia: SIP/2.0/UDP 10.0.0.20:5060\r\nFrom: "
            f"<sip:212@10.0.0.5>\r\nTo: <sip:212@10.0.0.5>\r\nCall-ID: c{second}\r\n"
            f"CSeq: 1 REGISTER\r\nServer: PBX\r\nWWW-Authenticate: {scheme % second}\r\nContent-Length: 0\r\n\r\n"
        )
        packet = ipv4(udp(text.encode(), 5060, 5060), 17, "10.0.0.5", "10.0.0.20")
        frame = ethernet(packet, 0x0800, src=parse_mac(PBX), dst=parse_mac(PHONE))
        records += struct.pack("<IIII", START + second, 0, len(frame), len(frame)) + frame
    return records


def command(folder: Path, name: str, capture: str) -> list[str]:
    return ["replay", "--state", str(folder), "--events", str(folder / f"{name}.jsonl"), capture]


def replayed(folder: Path, name: str, data: bytes) -> list[dict[str, Any]]:
    """The recommendations about authentication of a replay."""
    capture = folder / f"{name}.pcap"
    capture.write_bytes(HEAD + data)
    assert main(command(folder, name, str(capture))) == 0
    return reported(folder, name)


def killed(folder: Path, name: str, data: bytes) -> list[dict[str, Any]]:
    """The same for a process that reads a pipe and is killed once it stored its recommendations."""
    words = [sys.executable, "-m", "sensor", *command(folder, name, "-")]
    with started(words, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        assert process.stdin is not None
        process.stdin.write(HEAD + data)
        process.stdin.flush()
        until(lambda: kept(folder) and reported(folder, name))
        process.kill()
    return reported(folder, name)


def reported(folder: Path, name: str) -> list[dict[str, Any]]:
    records = map(json.loads, (folder / f"{name}.jsonl").read_text(encoding="utf-8").splitlines())
    return [
        one for one in records if one["kind"] == "recommendation" and one["recommendation"]["setting"] == "sip_weak"
    ]


def kept(folder: Path) -> list[str]:
    """The settings in the store."""
    try:
        with closing(sqlite3.connect(f"file:{folder / FILE}?mode=ro", uri=True)) as base:
            return [row[0] for row in base.execute("SELECT setting FROM advice ORDER BY setting")]
    except sqlite3.OperationalError:
        return []


def test_killed_and_started_again(golden: Golden, tmp_path: Path) -> None:
    """It is opened once, reported a day later with all counts, and closed by traffic in another run."""
    [opened] = killed(tmp_path, "first", challenges(WEAK, range(0, 3 * MINUTE, 10)))
    assert (opened["action"], kept(tmp_path)) == ("open", ["sip_weak"])
    [update] = replayed(tmp_path, "second", challenges(WEAK, (HOUR, HOUR + 10, DAY + HOUR)))
    about = update["recommendation"]
    assert (update["action"], about["id"], about["first"]) == (
        "update",
        opened["recommendation"]["id"],
        opened["recommendation"]["first"],
    )
    assert about["count"] >= opened["recommendation"]["count"] + 3
    [closed] = replayed(tmp_path, "third", challenges(GOOD, (DAY + 3 * HOUR, DAY + 3 * HOUR + 10)))
    assert (closed["action"], closed["recommendation"]["id"]) == ("close", opened["recommendation"]["id"])
    golden(closed["recommendation"]["closed"])
    assert kept(tmp_path) == []
    assert replayed(tmp_path, "fourth", challenges(GOOD, (2 * DAY,))) == []


def test_the_proof_is_that_of_the_run_that_saw_it(tmp_path: Path) -> None:
    """The closing record contains the evidence and the time of the run that opened it."""
    [opened] = replayed(tmp_path, "first", challenges(WEAK, range(0, 3 * MINUTE, 10)))
    [closed] = replayed(tmp_path, "second", challenges(GOOD, (3 * HOUR,)))
    assert closed["evidence"] == opened["evidence"]
    assert closed["evidence"][0]["facts"]["nonce"] == "n0"
    assert (closed["src"]["ip"], closed["network"]) == ("10.0.0.5", opened["network"])


def test_what_is_not_fixed_stays(tmp_path: Path) -> None:
    """A run without traffic of the setting neither closes nor deletes it."""
    replayed(tmp_path, "first", challenges(WEAK, range(0, 3 * MINUTE, 10)))
    assert replayed(tmp_path, "second", challenges("NTLM %d", (3 * HOUR,))) == []
    assert kept(tmp_path) == ["sip_weak"]


def test_a_device_that_is_purged_leaves_no_advice(tmp_path: Path) -> None:
    """A purged device loses its recommendations in the store and in a running process."""
    replayed(tmp_path, "first", challenges(WEAK, range(0, 3 * MINUTE, 10)))
    with closing(sqlite3.connect(tmp_path / FILE)) as base:
        [(device, key)] = base.execute("SELECT id, key FROM devices WHERE key = ?", (f"mac:{PBX}",)).fetchall()
    changes = OperatorChanges(tmp_path, "anna", 7)
    changes.purge([(key, device)], "it was lent")
    changes.close()
    assert replayed(tmp_path, "second", challenges("NTLM %d", ())) == []
    assert kept(tmp_path) == []


def test_what_is_none_is_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An invalid row is reported, and the others are loaded."""
    replayed(tmp_path, "first", challenges(WEAK, range(0, 3 * MINUTE, 10)))
    with closing(sqlite3.connect(tmp_path / FILE)) as base:
        base.execute("INSERT INTO advice VALUES ('dev-1', 'telnet', '{}')")
        base.commit()
    [closed] = replayed(tmp_path, "second", challenges(GOOD, (3 * HOUR,)))
    assert closed["action"] == "close"
    assert re.findall(rf"{FILE}: \w+ ([0-9,]+) ", capsys.readouterr().err) == ["1"]
