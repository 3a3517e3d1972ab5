"""sensor backup: one file with the whole state of a sensor."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import threading
from pathlib import Path

import pytest
import zstandard

from sensor.eventlog.segments import folder_of
from sensor.inventory.store.store import Store
from sensor.lifecycle.backup import Backup
from tests.cli.faults import reports
from tests.forked import run, started
from tests.golden import Golden
from tests.lifecycle.household import SECRET, furnish
from tests.runtime.test_keeper import Run
from tests.waiting import until


@pytest.fixture
def house(inventory: Path, tmp_path: Path) -> Path:
    """An inventory of four devices with all other files of a state folder."""
    furnish(inventory, tmp_path / "etc")
    return inventory


@pytest.fixture
def back_up(run_cli, house: Path, tmp_path: Path):
    return lambda *arguments: run_cli(
        "backup",
        str(tmp_path / "a.tar.zst"),
        "--state",
        str(house),
        "--config",
        str(tmp_path / "etc" / "sensor.yaml"),
        *arguments,
    )


def opened(path: Path) -> dict[str, bytes]:
    """Files of an archive, read by an independent program."""
    with (
        path.open("rb") as file,
        zstandard.ZstdDecompressor().stream_reader(file) as plain,
        tarfile.open(fileobj=plain, mode="r|") as tar,
    ):
        return {member.name: tar.extractfile(member).read() for member in tar}


def test_what_is_in_it(golden: Golden, back_up, tmp_path: Path) -> None:
    """A backup has everything except log, evidence, secrets and files that are rebuilt; the manifest has the size and
    hash of each file.
    """
    result = back_up()
    assert result.code == 0
    files = opened(tmp_path / "a.tar.zst")
    assert list(files) == [
        "state/inventory.db", "state/vulnerabilities.db", "state/mutes.yaml", "state/posture.jsonl",
        "state/tickets.json", "state/rules/ours.yaml", "state/intel/lists.yaml", "state/profiles/camera.json",
        "log/cursors/siem.json", "log/dead/siem.jsonl", "log/segments/next", "log/notes.jsonl",
        "config/conf.d/10-site.yaml", "config/partners.txt", "config/sensor.yaml", "manifest.json",
    ]  # fmt: skip
    manifest = json.loads(files.pop("manifest.json"))
    assert (manifest["id"], manifest["site"], manifest["devices"], manifest["log"], manifest["evidence"]) == (
        "hq",
        "HQ",
        4,
        False,
        False,
    )
    assert {one["name"]: (one["size"], one["sha256"]) for one in manifest["files"]} == {
        name: (len(data), hashlib.sha256(data).hexdigest()) for name, data in files.items()
    }
    assert not any(SECRET.encode() in data for data in files.values())
    assert b"file:/etc/sensor/siem.key" in files["config/sensor.yaml"]
    assert (tmp_path / "a.tar.zst").stat().st_mode & 0o777 == 0o600
    assert "4 devices, 15 files" in result.out
    golden(result.out, "--with-evidence")


def test_log_and_evidence_where_they_are_requested(back_up, house: Path, tmp_path: Path) -> None:
    """With the option, segments are copied as they are; of the segment being written only complete lines."""
    current = max(folder_of(house / "events.jsonl").glob("*.jsonl"))
    with current.open("ab") as file:
        file.write(b'{"ts":"half a li')
    assert back_up("--with-log", "--with-evidence").code == 0
    files = opened(tmp_path / "a.tar.zst")
    assert {name for name in files if name.startswith(("log/segments/0", "evidence/", "log/muted"))} == {
        "log/segments/00000000000000000001.jsonl", "log/segments/00000000000000000041.jsonl",
        "evidence/alert-abc234.pcapng", "log/muted.jsonl",
    }  # fmt: skip
    assert files["log/segments/00000000000000000041.jsonl"].count(b"\n") == 10
    assert files["log/segments/00000000000000000041.jsonl"].endswith(b"}\n")


def test_the_same_state_gives_the_same_files(back_up, tmp_path: Path) -> None:
    """The same state gives the same order and the same bytes; only the time in the manifest differs."""
    back_up("--with-log")
    first = opened(tmp_path / "a.tar.zst")
    back_up("--with-log", "--force")
    second = opened(tmp_path / "a.tar.zst")
    first.pop("manifest.json"), second.pop("manifest.json")
    assert list(first.items()) == list(second.items())


def test_it_is_made_while_a_sensor_writes(back_up, house: Path, tmp_path: Path) -> None:
    """The inventory is copied in a consistent state, and the sensor is not blocked."""
    with Run(house) as run:
        stop = threading.Event()

        def busy() -> None:
            for number in range(100_000):
                if stop.is_set():
                    return
                run.keeper.store.set_meta("busy", str(number))

        thread = threading.Thread(target=busy)
        thread.start()
        try:
            result = back_up()
        finally:
            stop.set()
            thread.join()
    assert result.code == 0, result.err
    copied = tmp_path / "copy"
    copied.mkdir()
    (copied / "inventory.db").write_bytes(opened(tmp_path / "a.tar.zst")["state/inventory.db"])
    store = Store(copied)
    assert len(list(store.devices(10))) == 4
    assert store.note == ""
    store.close()


def test_what_is_there_is_not_replaced_without_a_request(back_up, tmp_path: Path) -> None:
    """An existing file is kept without --force; a backup that fails leaves the old file and no temporary files."""
    (tmp_path / "a.tar.zst").write_text("precious")
    result = back_up()
    assert result.code == 2
    assert "exists" in result.err
    assert (tmp_path / "a.tar.zst").read_text() == "precious"
    assert back_up("--force").code == 0


def test_a_damaged_inventory_is_no_backup(back_up, house: Path, tmp_path: Path) -> None:
    """A damaged inventory is reported, and no backup is written; an existing file of that name stays."""
    (tmp_path / "a.tar.zst").write_text("older")
    (house / "inventory.db-wal").unlink(missing_ok=True)
    data = bytearray((house / "inventory.db").read_bytes())
    data[8192:20000] = b"\xff" * (20000 - 8192)
    (house / "inventory.db").write_bytes(data)
    before = sorted(path.name for path in tmp_path.iterdir())
    result = back_up("--force")
    assert result.code == 3
    assert reports(result, "backup.failed"), result.err
    assert "inventory.db" in result.err
    assert sorted(path.name for path in tmp_path.iterdir()) == before
    assert (tmp_path / "a.tar.zst").read_text() == "older"


@pytest.mark.parametrize(
    ("name", "output"), [("missing/a.tar.zst", ("backup.failed",)), ("folder", ("backup.failed",))]
)
def test_where_it_cannot_be_written(run_cli, house: Path, tmp_path: Path, name: str, output: tuple[str, ...]) -> None:
    """The path and the system's error are reported, with exit code 3."""
    (tmp_path / "folder").mkdir()
    result = run_cli("backup", str(tmp_path / name), "--force", "--state", str(house))
    assert result.code == 3
    assert reports(result, *output), result.err


def test_without_a_state_folder(run_cli, tmp_path: Path) -> None:
    """A mistyped state folder gives no empty backup: exit code 3."""
    result = run_cli("backup", str(tmp_path / "a.tar.zst"), "--state", str(tmp_path / "stat"))
    assert (result.code, result.errors) == (3, ("backup.failed",))
    assert str(tmp_path / "stat") in result.err
    assert not (tmp_path / "a.tar.zst").exists()


def test_a_wrong_configuration_is_reported_with_its_place(run_cli, house: Path, tmp_path: Path) -> None:
    """An invalid configuration is reported and nothing is written, since the state folder is unknown."""
    (tmp_path / "wrong.yaml").write_text("sate: /var/lib/sensor\n")
    result = run_cli("backup", str(tmp_path / "a.tar.zst"), "--config", str(tmp_path / "wrong.yaml"))
    assert result.code == 2
    assert reports(result, "config.unknown-key", "wrong.yaml:1:1: "), result.err
    assert not (tmp_path / "a.tar.zst").exists()


def test_files_elsewhere_are_named(golden: Golden, run_cli, house: Path, tmp_path: Path) -> None:
    """A list that the configuration names in another folder is not copied, and this is reported."""
    (tmp_path / "far.txt").write_text("198.51.100.9\n")
    (tmp_path / "etc" / "conf.d" / "20-far.yaml").write_text(f"intel: [{tmp_path / 'far.txt'}]\n")
    result = run_cli("backup", str(tmp_path / "a.tar.zst"), "--state", str(house), "--config", str(tmp_path / "etc"))
    assert result.code == 0
    golden(result.out, "secrets")
    assert "config/far.txt" not in opened(tmp_path / "a.tar.zst")


def test_links_in_the_state_are_not_followed(back_up, house: Path, tmp_path: Path) -> None:
    """Links in the state folder are not followed: an intruder may point them at files that only root may read, and a
    restore would disclose these. Links of a configuration are followed.
    """
    (tmp_path / "shadow").write_text("root:secret")
    for name in (
        "rules/shadow.yaml",
        "intel/shadow.list",
        "evidence/alert-shadow.pcapng",
        "events.dead/shadow.jsonl",
        "events.cursors/shadow.json",
    ):
        (house / name).symlink_to(tmp_path / "shadow")
    (house / "mutes.yaml").unlink()
    (house / "mutes.yaml").symlink_to(tmp_path / "shadow")
    (tmp_path / "common.yaml").write_text("preset: quiet\n")
    (tmp_path / "etc" / "conf.d" / "20-common.yaml").symlink_to(tmp_path / "common.yaml")
    result = back_up("--with-log", "--with-evidence")
    assert result.code == 0, result.err
    files = opened(tmp_path / "a.tar.zst")
    assert not any("shadow" in name or b"secret" in data for name, data in files.items() if name != "manifest.json")
    assert files["config/conf.d/20-common.yaml"] == b"preset: quiet\n"
    assert str(house / "mutes.yaml") in result.out.splitlines()[1]


def test_json_is_the_manifest(back_up) -> None:
    """JSON output is the manifest, which a script checks before it deletes an older backup."""
    assert json.loads(back_up("--json").out)["devices"] == 4


@pytest.mark.slow
def test_the_first_signal_leaves_nothing(house: Path, tmp_path: Path) -> None:
    """Ctrl-C during a backup removes the incomplete file."""
    big = folder_of(house / "events.jsonl") / "00000000000000000051.jsonl"
    with big.open("wb") as file:
        for _ in range(60):
            file.write(os.urandom(1 << 20).hex().encode() + b"\n")
    arguments = [
        sys.executable,
        "-m",
        "sensor",
        "backup",
        str(tmp_path / "a.tar.zst"),
        "--with-log",
        "--state",
        str(house),
    ]
    for _ in range(5):
        process = started(arguments, stderr=subprocess.PIPE)
        until(
            lambda process=process: (
                process.poll() is not None
                or any(path.stat().st_size for path in tmp_path.glob(".a.tar.zst.*/a.tar.zst"))
            )
        )
        process.send_signal(2)
        process.communicate(timeout=60)
        if process.returncode:
            break
        (tmp_path / "a.tar.zst").unlink()  # the backup was complete before the signal came: try again
    assert process.returncode == 130
    assert not list(tmp_path.glob("*a.tar.zst*"))
    assert not list(tmp_path.glob(".a.tar.zst*"))


@pytest.mark.skipif(shutil.which("zstd") is None, reason="needs zstd")
def test_tar_lists_it(back_up, tmp_path: Path) -> None:
    """The backup is an ordinary tar archive, readable without the sensor."""
    back_up()
    result = subprocess.run(
        ["tar", "--zstd", "-tf", str(tmp_path / "a.tar.zst")], capture_output=True, text=True, check=True
    )
    assert "state/inventory.db" in result.stdout.splitlines()


def test_a_bar_on_a_terminal_and_none_elsewhere(house: Path, tmp_path: Path) -> None:
    """A terminal shows progress; the log of a timer has two lines and no control characters."""
    arguments = [
        sys.executable,
        "-m",
        "sensor",
        "backup",
        "--force",
        str(tmp_path / "a.tar.zst"),
        "--state",
        str(house),
    ]
    ours, theirs = os.openpty()
    done = run(
        arguments, stdout=subprocess.PIPE, stderr=theirs, text=True, check=True, env={**os.environ, "TERM": "xterm"}
    )
    os.close(theirs)
    assert b"copying" in os.read(ours, 1 << 16)
    os.close(ours)
    assert len(done.stdout.splitlines()) == 2
    quiet = run(arguments, capture_output=True, text=True, check=True)
    assert quiet.stderr == ""
    assert "\033" not in quiet.stdout


def test_a_full_disk(back_up, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error of a write has no file name: the message names the backup."""

    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Backup, "write", fail)
    result = back_up()
    assert (result.code, result.errors) == (3, ("backup.failed",))
    assert str(tmp_path / "a.tar.zst") in result.err
