"""Published queries of Microsoft Defender's advanced hunting, in SQL, on the office."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sensor.records.query import Query
from tests.records.kit_records import office_records

pytestmark = pytest.mark.usefixtures("queries_within")


@pytest.fixture(scope="module")
def query(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Query]:
    made = Query(office_records(tmp_path_factory))
    yield made
    made.close()


COLUMNS = {
    "DeviceInfo": {"Timestamp", "DeviceId", "DeviceName", "DeviceType", "Vendor", "Model", "OSPlatform",
    "MachineGroup"},
    "DeviceNetworkInfo": {"Timestamp", "DeviceId", "DeviceName", "MacAddress", "IPAddresses"},
    "DeviceNetworkEvents": {
        "Timestamp", "DeviceId", "DeviceName", "ActionType", "RemoteIP", "RemotePort", "RemoteUrl", "LocalIP",
        "LocalPort", "Protocol", "LocalIPType", "RemoteIPType",
    },
    "AlertInfo": {"Timestamp", "AlertId", "Title", "Category", "Severity", "ServiceSource", "DetectionSource",
    "AttackTechniques"},
    "AlertEvidence": {
        "Timestamp", "AlertId", "Title", "Categories", "AttackTechniques", "ServiceSource", "DetectionSource",
        "Severity", "EntityType", "EvidenceRole", "EvidenceDirection", "DeviceId", "DeviceName", "LocalIP", "RemoteIP",
    },
}  # fmt: skip


@pytest.mark.parametrize("view", COLUMNS)
def test_views_have_the_published_columns(query: Query, view: str) -> None:
    answer = query.run(f"SELECT * FROM {view} LIMIT 1")
    assert set(answer.columns) == COLUMNS[view]
    assert answer.rows


def test_failed_connections_of_a_scanner(query: Query) -> None:
    rows = query.run(
        "SELECT DeviceName, count(DISTINCT RemoteIP || RemotePort) AS Targets FROM DeviceNetworkEvents"
        " WHERE ActionType = 'ConnectionFailed' AND Protocol = 'Tcp' AND RemoteIPType = 'Private' GROUP "
        "BY 1 ORDER BY 2 DESC"
    ).rows
    assert rows[0][0] == "tp-lab"
    assert rows[0][1] > 50


def test_a_server_sees_what_it_accepted(query: Query) -> None:
    rows = query.run(
        "SELECT DISTINCT LocalIP, LocalPort FROM DeviceNetworkEvents WHERE ActionType = "
        "'InboundConnectionAccepted' AND LocalPort = 554"
    ).rows
    assert ["10.20.10.61", 554] in rows


def test_an_alert_is_one_row_and_its_evidence_joins(query: Query) -> None:
    alerts = query.run("SELECT AlertId, Category, Severity FROM AlertInfo").rows
    assert len({alert for alert, *_ in alerts}) == len(alerts)
    assert {severity for *_, severity in alerts} <= {"Informational", "Low", "Medium", "High"}
    assert "Discovery" in {category for _, category, _ in alerts}
    joined = query.run(
        "SELECT i.AlertId, e.DeviceName FROM AlertInfo i JOIN AlertEvidence e USING (AlertId)"
        " WHERE e.EntityType = 'Machine' AND e.EvidenceDirection = 'Source' AND i.Category = 'Discovery'"
    ).rows
    assert "tp-lab" in {name for _, name in joined}
