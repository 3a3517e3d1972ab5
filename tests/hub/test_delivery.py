"""From a sensor's log through JetStream into PostgreSQL: the hub stores the log, and a sensor's cursor passes an event
only when it is committed.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from sensor.delivery.position import load_position, save_position
from sensor.delivery.status import load_status
from sensor.eventlog.segments import cursors_of
from sensor.hub.notes import Note, add_note
from sensor.hub.reading import HubFilter, list_alerts
from sensor.hub.sensors import ask_again, move
from tests.hub.hub_kit import SITE, HubServers, configuration, forwarder
from tests.offices import EVENTS


@pytest.fixture
def sender(servers: HubServers, office: Path, tmp_path: Path) -> tuple[Path, Path]:
    """Configuration and log of a newly enrolled sensor office-1; the tables are empty."""
    servers.empty()
    log = shutil.copy(office, tmp_path / "events.jsonl")
    credentials = servers.joined("office-1", tmp_path)
    return configuration(tmp_path / "sensor.yaml", servers.url, credentials, "office-1"), log


def delivered(config: Path, log: Path) -> None:
    ended = forwarder(config, log, "--once")
    _, complaints = ended.communicate(timeout=60)
    assert ended.returncode == 0, complaints.decode()


def test_the_hub_holds_the_log_as_it_is(servers: HubServers, sender: tuple[Path, Path]) -> None:
    """Every line is stored unchanged, once; numbers have no gap; the cursor is at the end."""
    config, log = sender
    delivered(config, log)
    lines = log.read_text().splitlines()
    assert [row[0] for row in servers.queried("SELECT record FROM events ORDER BY seq")] == lines
    assert servers.queried("SELECT committed::text FROM logs") == [(f"{{[1,{len(lines) + 1})}}",)]
    position = load_position(cursors_of(log) / "hub.json")
    assert position is not None
    assert (position.seq, position.delivered) == (len(lines), len(lines))


def test_last_states_are_those_of_the_log(servers: HubServers, sender: tuple[Path, Path]) -> None:
    """Devices, alerts and incidents have their last record of the log."""
    config, log = sender
    delivered(config, log)
    last: dict[str, dict[str, str]] = {"device": {}, "alert": {}, "incident": {}}
    for line in log.read_text().splitlines():
        record = json.loads(line)
        if record["kind"] in last:
            last[record["kind"]][record[record["kind"]]["id"]] = line
    for kind, expected in last.items():
        assert expected
        found = dict(servers.queried(f"SELECT id, record FROM {kind}s WHERE NOT (record = '')"))  # noqa: S608 - ours
        assert found == expected
    cameras = servers.queried("SELECT count(*) FROM devices WHERE type = 'camera' AND macs <> '{}'")
    assert cameras[0][0] > 0


def test_a_cursor_that_is_lost_sends_all_again_and_adds_nothing(servers: HubServers, sender: tuple[Path, Path]) -> None:
    """The epoch stays, so the hub recognises every number."""
    config, log = sender
    delivered(config, log)
    before = servers.queried("SELECT * FROM events ORDER BY seq")
    for cursor in cursors_of(log).glob("hub.json"), cursors_of(log).glob("hub.before"):
        for path in cursor:
            path.unlink()
    delivered(config, log)
    assert servers.queried("SELECT * FROM events ORDER BY seq") == before
    assert len(servers.queried("SELECT FROM logs")) == 1


def test_a_replaced_log_is_another_epoch(servers: HubServers, sender: tuple[Path, Path]) -> None:
    """Numbers start again, with other events: both logs are stored completely."""
    config, log = sender
    delivered(config, log)
    records = [json.loads(line) for line in log.read_text().splitlines()][:20]
    for record in records:
        record["id"] = record["id"][:-4] + "ZZZZ"
        record["ts"] = record["ts"].replace("2026-11-24", "2026-11-25")
    log.write_text("".join(json.dumps(record, separators=(",", ":")) + "\n" for record in records))
    delivered(config, log)
    committed = servers.queried("SELECT committed::text FROM logs ORDER BY number")
    assert committed == [(f"{{[1,{EVENTS + 1})}}",), ("{[1,21)}",)]
    assert servers.queried("SELECT count(*) FROM events") == [(EVENTS + 20,)]


def test_a_restored_sensor_that_reuses_numbers_loses_nothing(servers: HubServers, sender: tuple[Path, Path]) -> None:
    """A backup restores the log at number 100, with its cursor and epoch; then new events get numbers that the hub has
    already. The ids differ, so the sensor continues under another epoch.
    """
    config, log = sender
    whole = log.read_text().splitlines()
    delivered(config, log)
    kept = whole[:100]
    others = []
    for line in whole[100:]:
        record = json.loads(line)
        record["id"] = record["id"][:-4] + "YYYY"
        others.append(json.dumps(record, separators=(",", ":"), ensure_ascii=False))
    log.write_text("\n".join([*kept, *others]) + "\n")
    position = load_position(cursors_of(log) / "hub.json")
    assert position is not None
    position.seq = position.alerts = position.delivered = 100
    position.id = json.loads(kept[-1])["id"]
    save_position(cursors_of(log) / "hub.json", position, durable=True)
    delivered(config, log)
    held = {row[0] for row in servers.queried("SELECT record FROM events")}
    assert held == set(whole) | set(others)
    assert len(servers.queried("SELECT FROM logs")) == 2


def test_a_database_from_a_backup_gets_the_rest_again(servers: HubServers, sender: tuple[Path, Path]) -> None:
    """The hub lost committed events; the sensor, whose cursor has passed them, sends them again."""
    config, log = sender
    delivered(config, log)
    with servers.base() as base:
        base.execute("DELETE FROM events WHERE seq > 60")
        base.execute("UPDATE logs SET committed = '{[1,61)}'")
    lines = log.read_text().splitlines()
    added = json.loads(lines[-1])
    added["id"], added["sensor"]["seq"] = added["id"][:-4] + "XXXX", len(lines) + 1
    with log.open("a") as out:
        out.write(json.dumps(added, separators=(",", ":")) + "\n")
    delivered(config, log)
    assert servers.queried("SELECT count(*), count(DISTINCT seq) FROM events") == [(EVENTS + 1, EVENTS + 1)]
    assert servers.queried("SELECT committed::text FROM logs") == [(f"{{[1,{EVENTS + 2})}}",)]


def test_the_operator_may_ask_for_a_log_again(servers: HubServers, sender: tuple[Path, Path]) -> None:
    """`sensor hub resend`: stored events stay, missing ones arrive."""
    config, log = sender
    delivered(config, log)
    with servers.base() as base:
        base.execute("DELETE FROM events WHERE seq BETWEEN 30 AND 40")
        ask_again(base, "office-1", 20)
    lines = log.read_text().splitlines()
    added = json.loads(lines[-1])
    added["id"], added["sensor"]["seq"] = added["id"][:-4] + "XXXX", len(lines) + 1
    with log.open("a") as out:
        out.write(json.dumps(added, separators=(",", ":")) + "\n")
    delivered(config, log)
    assert servers.queried("SELECT count(*), count(DISTINCT seq) FROM events") == [(EVENTS + 1, EVENTS + 1)]
    assert servers.queried("SELECT committed::text, wanted FROM logs") == [(f"{{[1,{EVENTS + 2})}}", None)]


def test_without_a_worker_the_log_waits(servers: HubServers, sender: tuple[Path, Path]) -> None:
    """NATS alone is no hub: the cursor stays, and the sensor reports the reason."""
    config, log = sender
    servers.workers[0].stop()
    try:
        ended = forwarder(config, log, "--once")
        ended.communicate(timeout=60)
        status = load_status(log, "hub")
    finally:
        servers.workers[0].start()
    assert ended.returncode == 1
    assert status is not None
    assert (status.delivered, status.pending) == (0, EVENTS)
    delivered(config, log)
    assert servers.queried("SELECT count(*) FROM events") == [(EVENTS,)]


def test_a_full_database_loses_nothing(servers: HubServers, sender: tuple[Path, Path]) -> None:
    """PostgreSQL reports a full disk (SQLSTATE 53100): nothing is quarantined, the sensor keeps its events, and all of
    them arrive once there is space.
    """
    config, log = sender
    with servers.base() as base:
        base.execute(
            "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql "
            "AS $$ BEGIN RAISE EXCEPTION 'disk full' USING ERRCODE = '53100'; END $$"
        )
        base.execute("CREATE TRIGGER full_disk BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION full_disk()")
    try:
        configuration(config, servers.url, config.parent / "office-1.creds", "office-1", timeout_s=2)
        ended = forwarder(config, log, "--once")
        ended.communicate(timeout=120)
        status = load_status(log, "hub")
    finally:
        with servers.base() as base:
            base.execute("DROP FUNCTION full_disk CASCADE")
    assert ended.returncode == 1
    assert status is not None
    assert (status.delivered, status.refused, status.pending) == (0, 0, EVENTS)
    assert servers.queried("SELECT FROM quarantine") == []
    delivered(config, log)
    assert servers.queried("SELECT count(*), count(DISTINCT seq) FROM events") == [(EVENTS, EVENTS)]


def test_alerts_go_first_after_an_outage(servers: HubServers, sender: tuple[Path, Path]) -> None:
    """Alerts and incidents at the end of a backlog of many batches are stored before the rest."""
    config, log = sender
    configuration(config, servers.url, config.parent / "office-1.creds", "office-1", batch_events=10)
    running: subprocess.Popen[bytes] = forwarder(config, log, "--once")
    running.communicate(timeout=60)
    first = servers.queried(
        "SELECT kind, xmin::text::bigint FROM events WHERE kind IN ('alert', 'incident', 'device') ORDER BY seq"
    )
    last_urgent = max(at for kind, at in first if kind != "device")
    assert sum(at > last_urgent for kind, at in first if kind == "device") > 20
    assert servers.queried("SELECT count(*) FROM events") == [(EVENTS,)]


def test_a_sensor_of_the_wrong_site_keeps_its_events(servers: HubServers, sender: tuple[Path, Path]) -> None:
    """The sensor reports the reason; once the operator has moved it, all events arrive."""
    config, log = sender
    with servers.base() as base:
        base.execute("UPDATE sensors SET site = 'Paris', sensor_site = 'Paris'")
    refused = forwarder(config, log, "--once")
    refused.communicate(timeout=60)
    status = load_status(log, "hub")
    assert refused.returncode == 1
    assert status is not None
    assert (status.delivered, status.refused, status.pending) == (0, 0, EVENTS)
    assert "foreign_identity" in status.error
    with servers.base() as base:
        move(base, "office-1", SITE)
    delivered(config, log)
    assert servers.queried("SELECT count(*) FROM events WHERE site = %s", SITE) == [(EVENTS,)]


def test_notes_of_operators_outlast_updates(servers: HubServers, sender: tuple[Path, Path]) -> None:
    """The alert arrives again and changes; each part of the operator's note stays until it is changed."""
    config, log = sender
    delivered(config, log)
    [(alert, key)] = servers.queried("SELECT id, sensor FROM alerts ORDER BY id LIMIT 1")
    with servers.base() as base:
        assert add_note(base, Note(alert, "ann", state="closed", verdict="benign"))
        assert add_note(base, Note(alert[:-2], "bob", assignee="bob"))
        assert not add_note(base, Note("alert-", "bob", state="open"))
        assert not add_note(base, Note("alert-none", "bob", state="open"))
        base.execute("UPDATE logs SET committed = '{}'")
        base.execute("UPDATE alerts SET seq = 0, title = ''")
        base.execute("DELETE FROM events")
    for path in cursors_of(log).glob("hub.[jb]*"):
        path.unlink()
    # Other batches, which JetStream does not take for duplicates of those of a moment ago.
    configuration(config, servers.url, config.parent / "office-1.creds", "office-1", batch_events=50)
    delivered(config, log)
    assert servers.queried("SELECT title <> '' FROM alerts WHERE sensor = %s AND id = %s", key, alert) == [(True,)]
    with servers.base() as base:
        [row] = [row for row in list_alerts(base, HubFilter()) if row.id == alert]
    assert (row.state, row.verdict, row.assignee) == ("closed", "benign", "bob")
