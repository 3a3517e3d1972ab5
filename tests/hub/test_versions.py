"""Workers and sensors of other versions: two versions back are accepted, older and newer ones are rejected. So a hub is
upgraded one worker after the other, and its sensors later.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from sensor.hub import batch, database
from sensor.hub.database import DatabaseError, connected
from sensor.hub.intake import Intake
from sensor.hub.schema import MIGRATIONS, VERSION
from sensor.outputs.hub_protocol.credentials import load_credentials
from sensor.outputs.hub_protocol.messages import Head, batch_id, runs_of, sealed
from tests.hub.hub_kit import SITE, HubServers
from tests.hub.test_quarantine import lines

NOW = datetime(2026, 11, 29, tzinfo=UTC)
_COLUMNS = """
SELECT table_name, column_name, data_type, is_nullable, column_default IS NOT NULL OR is_identity = 'YES'
FROM information_schema.columns WHERE table_schema = 'public' AND table_name !~ '^events_' ORDER BY 1, 2"""


def set_version(monkeypatch: pytest.MonkeyPatch, version: int) -> None:
    """Set the schema version that a worker knows."""
    monkeypatch.setattr(database, "VERSION", version)
    monkeypatch.setattr(database, "MIGRATIONS", MIGRATIONS[:version])


def message(key: str, version: str = "1") -> batch.Message:
    content = lines(5, sensor="office-1")
    head = Head("office-1", SITE, "0.1.0", "e1", runs_of(range(1, 6)), int(NOW.timestamp()) * 10**9)
    name = batch_id(key, head.epoch, head.runs, content)
    return batch.Message(key, name, version, NOW, sealed(head, content))


def test_a_worker_two_versions_back_writes(
    servers: HubServers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stores a batch in the current tables, and keeps their version; three versions back are rejected."""
    servers.empty()
    key = load_credentials(servers.joined("office-1", tmp_path)).pair.public
    set_version(monkeypatch, VERSION - 2)
    with connected(servers.hub.settings.database) as base:
        [outcome] = Intake(base).take([message(key)])
    assert outcome.reason == ""
    set_version(monkeypatch, VERSION - 3)
    with pytest.raises(DatabaseError):
        connected(servers.hub.settings.database)
    monkeypatch.undo()
    assert servers.queried("SELECT count(*) FROM events") == [(5,)]
    assert servers.queried("SELECT max(version) FROM hub_version") == [(VERSION,)]


def test_the_tables_of_two_versions_back_are_a_part_of_ours(
    servers: HubServers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Columns of an older worker have the same type; new columns have a default."""
    with servers.base() as base:
        base.execute("DROP DATABASE IF EXISTS earlier")
        base.execute("CREATE DATABASE earlier")
    url = servers.hub.settings.database.url.removesuffix("/postgres") + "/earlier"
    earlier = servers.hub.settings.database.model_copy(update={"url": url})
    set_version(monkeypatch, VERSION - 2)
    with connected(earlier) as base:
        before = columns(base)
    monkeypatch.undo()
    with connected(earlier) as base:
        after = columns(base)
    assert before
    assert after.items() >= before.items()
    assert len(after) > len(before)
    tables = {table for table, _ in before}
    unknown = {name: column for name, column in after.items() if name not in before and name[0] in tables}
    assert [name for name, (_, nullable, filled) in unknown.items() if nullable == "NO" and not filled] == []
    with servers.base() as base:
        base.execute("DROP DATABASE earlier")


def columns(base: database.Connection) -> dict[tuple[str, str], tuple[Any, ...]]:
    return {(row[0], row[1]): row[2:] for row in base.execute(_COLUMNS)}


def test_sensors_two_versions_back_are_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    """The format of batches: two versions back are accepted, a newer one is rejected."""
    monkeypatch.setattr(batch, "VERSION", 5)
    monkeypatch.setattr(batch, "OLDEST", 3)
    found = {}
    for version in range(1, 8):
        try:
            batch.opened(message("U" + "A" * 55, str(version)))
            found[version] = ""
        except batch.Quarantined as error:
            found[version] = error.reason
    refused = dict.fromkeys((1, 2, 6, 7), "unknown_version")
    assert found == refused | {3: "", 4: "", 5: ""}
