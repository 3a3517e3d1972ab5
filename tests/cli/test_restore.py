"""sensor restore: a backup is restored completely or not at all."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from sensor.delivery.forwarder import Lock
from sensor.eventlog.paths import RUN_LOG
from sensor.eventlog.segments import folder_of, segments
from sensor.inventory.store.database import StoreError
from sensor.inventory.store.reader import Reader
from sensor.inventory.store.store import Store
from sensor.lifecycle.places import DATABASES
from sensor.posture.vulnerabilities.database import open_to_read
from tests.cli.faults import reports
from tests.golden import Golden
from tests.lifecycle.household import SECRET, furnish, snapshot
from tests.runtime.test_keeper import Run


@pytest.fixture
def house(inventory: Path, tmp_path: Path) -> Path:
    furnish(inventory, tmp_path / "etc")
    return inventory


@pytest.fixture
def backup(run_cli, house: Path, tmp_path: Path) -> Path:
    """The whole state folder in one file."""
    file = tmp_path / "a.tar.zst"
    arguments = ("--state", str(house), "--config", str(tmp_path / "etc"), "--with-log", "--with-evidence")
    assert run_cli("backup", str(file), *arguments).code == 0
    return file


@pytest.fixture
def kept(house: Path) -> dict[str, bytes]:
    """The files of the state folder, except the link and the status, which are created again."""
    found = snapshot(house)
    return {name: data for name, data in found.items() if name != RUN_LOG and not name.endswith(".status.json")}


def devices(state: Path) -> list[str]:
    reader = Reader(state)
    try:
        return sorted(record["key"] for record in reader.records())
    finally:
        reader.close()


def test_on_a_new_machine(run_cli, backup: Path, house: Path, kept, tmp_path: Path) -> None:
    """Every file is restored, and a sensor continues with it; the configuration goes to the given folder, without
    secrets.
    """
    result = run_cli("restore", str(backup), "--state", str(tmp_path / "new"), "--config", str(tmp_path / "newetc"))
    assert result.code == 0, result.err
    assert [int(number) for number in re.findall(r"\d+", result.out)[:2]] == [4, 19]
    assert snapshot(tmp_path / "new").keys() == kept.keys()
    assert {name: data for name, data in snapshot(tmp_path / "new").items() if name not in DATABASES} == {
        name: data for name, data in kept.items() if name not in DATABASES
    }
    assert devices(tmp_path / "new") == devices(house)
    with Run(tmp_path / "new") as run:
        assert run.restored == 4
    with contextlib.closing(open_to_read(tmp_path / "new")) as base:
        assert base.execute("SELECT probability FROM scores").fetchone()[0] == 0.9
    assert sorted(snapshot(tmp_path / "newetc")) == ["conf.d/10-site.yaml", "partners.txt", "sensor.yaml"]
    assert not any(SECRET.encode() in data for data in snapshot(tmp_path / "newetc").values())


def test_what_was_there_is_kept_beside_it(
    golden: Golden, run_cli, backup: Path, house: Path, kept, tmp_path: Path
) -> None:
    """Existing files are neither deleted nor mixed with restored ones."""
    (house / "rules" / "later.yaml").write_text("rules: []\n")
    (house / "mutes.yaml").write_text("mutes: [] # later\n")
    (house / "own-notes.txt").write_text("not ours")
    result = run_cli("restore", str(backup), "--state", str(house))
    assert result.code == 0, result.err
    (aside,) = house.glob("before-restore-*")
    assert f" {aside}\n" in result.out
    golden(result.out, "configuration")
    assert (aside / "mutes.yaml").read_text() == "mutes: [] # later\n"
    assert sorted(path.name for path in (aside / "rules").iterdir()) == ["later.yaml", "ours.yaml"]
    assert len(segments(aside / RUN_LOG)) == 2
    assert (house / "mutes.yaml").read_text() == "mutes: []\n"
    assert sorted(path.name for path in (house / "rules").iterdir()) == ["ours.yaml"]
    assert (house / "own-notes.txt").read_text() == "not ours"
    assert not (house / "inventory.db-wal").exists()
    assert devices(house) == devices(aside)
    assert sorted(path.name for path in house.iterdir() if path.name.startswith(".")) == []


def test_a_log_that_is_not_in_it(run_cli, house: Path, tmp_path: Path) -> None:
    """A log that does not belong to the restored cursors is set aside; numbers continue, so that no output takes new
    records for old ones.
    """
    file = tmp_path / "small.tar.zst"
    assert run_cli("backup", str(file), "--state", str(house)).code == 0
    assert run_cli("restore", str(file), "--state", str(house)).code == 0
    log = house / RUN_LOG
    assert [path.name for path in folder_of(log).iterdir()] == ["next"]
    from sensor.config import Retention
    from sensor.eventlog.live_log import LiveLog

    live = LiveLog(log, Retention())
    assert live._appender.next == 51
    live.close()


def test_one_of_an_earlier_sensor(golden: Golden, run_cli, tmp_path: Path) -> None:
    """Tables of an older version are restored unchanged; the next start upgrades them, with a copy."""
    from tests.inventory.store.test_upgrade import old_store

    (tmp_path / "old").mkdir()
    old_store(tmp_path / "old", 1)
    assert run_cli("backup", str(tmp_path / "a"), "--state", str(tmp_path / "old")).code == 0
    assert run_cli("restore", str(tmp_path / "a"), "--state", str(tmp_path / "new")).code == 0
    with Run(tmp_path / "new") as run:
        assert run.restored == 1
        golden(run.reported[0], "inventory.db.version-1")


def test_dry_run(golden: Golden, run_cli, backup: Path, house: Path, tmp_path: Path) -> None:
    """Targets and files to be set aside are listed, and no file is changed."""
    before = snapshot(tmp_path)
    result = run_cli("restore", "--dry-run", str(backup), "--state", str(house))
    assert result.code == 0
    assert all(count in result.lines[0] for count in ("4 devices", "19 files"))
    assert f"  state/inventory.db → {house / 'inventory.db'}" in result.lines
    golden(result.out, "sensor.yaml")
    golden(result.out, "mutes.yaml")
    assert snapshot(tmp_path) == before
    assert run_cli("restore", "--dry-run", str(backup), "--state", str(tmp_path / "new")).code == 0
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("who", ["inventory", "log", "forwarder"])
def test_not_while_a_sensor_is_at_work(run_cli, backup: Path, house: Path, who: str) -> None:
    """Whichever file the sensor has locked, the restore is rejected, and no file is changed."""
    Store(house).close()  # tables of replays are created when the store is first opened
    before = snapshot(house)
    if who == "inventory":
        store = Store(house)
        result = run_cli("restore", str(backup), "--state", str(house))
        store.close()
    elif who == "log":
        held = os.open(folder_of(house / RUN_LOG), os.O_RDONLY)
        fcntl.flock(held, fcntl.LOCK_EX)
        result = run_cli("restore", str(backup), "--state", str(house))
        os.close(held)
    else:
        lock = Lock(house / RUN_LOG, "siem")
        result = run_cli("restore", str(backup), "--state", str(house))
        lock.close()
        (house / "events.cursors" / "siem.lock").unlink()
    assert result.code == 3
    assert reports(result, "restore.failed"), result.err
    assert "another" in result.err
    assert snapshot(house) == before


def test_one_that_fails_amid_moving_undoes_itself(
    run_cli, backup: Path, house: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever rename fails, the former state is restored."""
    before = snapshot(house)
    rename, left = Path.rename, [0]

    def sometimes(self: Path, target: Path) -> Path:
        left[0] -= 1
        if left[0] == 0:
            raise OSError(5, "Input/output error", str(self))
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", sometimes)
    for failing in range(1, 100):
        left[0] = failing
        result = run_cli("restore", str(backup), "--state", str(house))
        if result.code == 0:
            break
        assert result.code == 3
        assert reports(result, "restore.failed", "Input/output error"), result.err
        assert snapshot(house) == before
        assert not list(house.glob("before-restore-*"))
    assert failing > 10


@pytest.mark.slow
def test_one_that_was_killed_is_undone_by_the_next(
    golden: Golden, run_cli, backup: Path, house: Path, tmp_path: Path
) -> None:
    """After a kill between renames the state is mixed: no sensor starts on it, and the next restore first restores the
    former state.
    """
    before = snapshot(house)
    program = """
import os, sys
from pathlib import Path
from sensor.cli.main import main
rename, done = Path.rename, 0
def sometimes(self, target):
    global done
    done += 1
    if done == 9:
        os._exit(137)
    return rename(self, target)
Path.rename = sometimes
main(sys.argv[1:])
"""
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    killed = subprocess.run(
        [sys.executable, "-c", program, "restore", str(backup), "--state", house.name],
        cwd=house.parent,
        env=env,
        check=False,
    )
    assert killed.returncode == 137
    assert snapshot(house) != before
    with pytest.raises(StoreError) as raised:
        Store(house)
    golden(str(raised.value))
    result = run_cli("restore", str(backup), "--state", str(house))
    assert result.code == 0
    assert reports(result, "restore.interrupted"), result.err
    Store(house).close()
    newest = max(house.glob("before-restore-*"))
    assert {name: data for name, data in snapshot(newest).items() if name not in DATABASES} == {
        name: data for name, data in before.items() if name not in {*DATABASES, "evidence/alert-abc234.pcapng"}
    } | {"evidence/alert-abc234.pcapng": b"frames"}


@pytest.mark.parametrize(
    ("note", "text"),
    [("[", ("restore.failed",)), ('[["a","b"],["/etc/a","/etc/b"]]', ("restore.failed",))],
)
def test_a_note_that_must_not_be_followed(run_cli, backup: Path, house: Path, note: str, text: tuple[str, ...]) -> None:
    """Only files of our own journal are moved back: a forged journal may name any file."""
    (house / "restore.unfinished").write_text(note)
    if os.geteuid() == 0 and note != "[":
        os.chown(house / "restore.unfinished", 65534, 65534)
    elif note != "[":
        (house / "restore.unfinished").rename(house / "elsewhere")
        (house / "restore.unfinished").symlink_to("elsewhere")
    before = snapshot(house)
    result = run_cli("restore", str(backup), "--state", str(house))
    assert result.code == 3
    assert reports(result, *text), result.err
    assert snapshot(house) == before


def test_no_room(run_cli, backup: Path, house: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk is reported before anything is unpacked."""
    before = snapshot(house)
    full = os.statvfs_result((4096, 4096, 1000, 10, 10, 100, 100, 100, 0, 255))
    monkeypatch.setattr(os, "statvfs", lambda _: full)
    result = run_cli("restore", str(backup), "--state", str(house))
    assert result.code == 3
    assert reports(result, "restore.failed", "room"), result.err
    assert snapshot(house) == before


@pytest.mark.parametrize("name", ["missing.tar.zst", "."])
def test_no_such_file(run_cli, tmp_path: Path, name: str) -> None:
    """A missing file is one line, exit code 3."""
    result = run_cli("restore", str(tmp_path / name), "--state", str(tmp_path / "new"))
    assert (result.code, len(result.err.splitlines())) == (3, 1)
    assert str(tmp_path / name) in result.err


def test_places_that_the_configuration_names(
    run_cli, house: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """State, log and evidence have separate folders in this machine's configuration: each part is restored to its
    folder, and set aside there.
    """
    far = {name: tmp_path / "far" / name for name in ("state", "log", "frames")}
    log = far["log"] / "net.jsonl"
    for name in ("mutes.yaml", "rules", "intel", "inventory.db"):
        far["state"].mkdir(parents=True, exist_ok=True)
        (house / name).rename(far["state"] / name)
    far["log"].mkdir()
    for path in house.glob("events.*"):
        path.rename(far["log"] / path.name.replace("events", "net"))
    (house / "evidence").rename(far["frames"])
    system = tmp_path / "etc" / "sensor.yaml"
    with system.open("a") as file:
        file.write(f"state: {far['state']}\nevents: {log}\nevidence: {{folder: {far['frames']}}}\n")
    monkeypatch.setattr("sensor.config_file.SYSTEM", system)
    before = {
        name: data
        for name, data in snapshot(tmp_path / "far").items()
        if name not in {"state/inventory.db", "log/net.jsonl"} and "status" not in name
    }
    assert run_cli("backup", str(tmp_path / "a"), "--with-log", "--with-evidence").code == 0
    (far["state"] / "mutes.yaml").write_text("mutes: [] # later\n")
    (far["frames"] / "alert-zzzzzz.pcapng").write_bytes(b"later")
    result = run_cli("restore", str(tmp_path / "a"))
    assert result.code == 0, result.err
    after = snapshot(tmp_path / "far")
    aside = {name: data for name, data in after.items() if "before-restore-" in name}
    assert {name: data for name, data in after.items() if name not in aside and name != "state/inventory.db"} == before
    assert sorted({name.split("/before-restore-")[0] if "/before-restore-" in name else "" for name in aside}) == [
        "",
        "log",
        "state",
    ]
    assert any(name.endswith("/frames/alert-zzzzzz.pcapng") for name in aside)
    assert devices(far["state"])
    assert system.read_text().endswith("net.jsonl\nevidence: {folder: " + str(far["frames"]) + "}\n")


def test_a_wrong_configuration_of_this_machine(
    run_cli, backup: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a valid configuration the state folder is unknown: the fault is reported with its place and advice."""
    (tmp_path / "sensor.yaml").write_text("stat: /var/lib/sensor\n")
    monkeypatch.setattr("sensor.config_file.SYSTEM", tmp_path / "sensor.yaml")
    result = run_cli("restore", str(backup))
    assert result.code == 2
    assert "sensor.yaml:1:1: " in result.err
    assert "specify it with --state" in result.err
    assert run_cli("restore", str(backup), "--state", str(tmp_path / "new")).code == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_what_root_puts_back_belongs_to_the_sensor(run_cli, backup: Path, tmp_path: Path) -> None:
    """Restored files belong to the owner of the folder; their permissions are as before, and a planted link is not
    followed.
    """
    state, trap = tmp_path / "new", tmp_path / "trap"
    state.mkdir()
    trap.mkdir()
    (state / "rules").symlink_to(trap)
    os.chown(state, 65534, 65534)
    result = run_cli("restore", str(backup), "--state", str(state))
    assert result.code == 0, result.err
    below = [path for path in state.rglob("*") if path.name != "inventory.lock" and not path.is_symlink()]
    assert {path.stat().st_uid for path in below} == {65534}
    assert not any(path.stat().st_mode & 0o022 for path in below)
    assert {path.stat().st_mode & 0o777 for path in below if path.is_dir()} == {0o750}
    assert list(trap.iterdir()) == []
    assert (state / "rules" / "ours.yaml").is_file()
    assert not (state / "rules").is_symlink()
