"""Central records with real programs: a sensor uploads with the configuration of its site, the hub queries the object
store while the sensor is off, and names what is not there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

pytest.importorskip("obstore", reason="the extra s3 is not installed")
pytest.importorskip("duckdb", reason="the extra hunt is not installed")
from sensor.cli.main import main
from sensor.outputs.hub_protocol.credentials import load_credentials
from tests.central.store import S3Server, Sensor
from tests.hub.hub_kit import SITE, HubServers, configuration

pytestmark = pytest.mark.usefixtures("queries_within")

QUERY = "SELECT dst_port, count(*) AS n FROM conn GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 5"
# The office capture is of 08:00 to 08:20.
UNTIL = "2026-11-24T09:00"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    running = S3Server(tmp_path_factory.mktemp("s3"))
    yield running
    running.close()


@pytest.fixture
def fleet(servers: HubServers, store: S3Server, office: Path, tmp_path: Path) -> Path:
    """office-1 has uploaded its records, paris-1 has none; the configuration of the hub."""
    servers.empty()
    store.empty()
    credentials = servers.joined("office-1", tmp_path)
    servers.joined("paris-1", tmp_path, "Paris")
    config = configuration(tmp_path / "sensor.yaml", servers.url, credentials, "office-1")
    config.write_text(config.read_text() + yaml.safe_dump({"records": {"central": store.options()}}))
    sensor = Sensor(store, office.parent / "records", tmp_path / "records", load_credentials(credentials).pair)
    sensor.write("coverage")
    assert main(["records", "upload", "--once", "--config", str(config), "--records", str(tmp_path / "records")]) == 0
    hub = servers.folder / "central.yaml"
    settings = yaml.safe_load(servers.config.read_text())
    settings["central"] = {"store": store.options(), "cache": str(tmp_path / "cache"), "cache_gib": 0.01}
    hub.write_text(yaml.safe_dump(settings))
    return hub


def hunted(
    capsys: pytest.CaptureFixture[str], config: Path, *arguments: str
) -> tuple[int, list[Any], dict[str, dict[str, Any]]]:
    """Exit code, rows, and the answer of each sensor."""
    capsys.readouterr()
    code = main(["hub", "hunt", QUERY, "--central", "--json", "--config", str(config), *arguments])
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    answers = {line["sensor"]: line for line in lines if "state" in line}
    return code, [line["row"] for line in lines if "row" in line], answers


def test_a_hunt_while_the_sensor_is_off(fleet: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """The rows are those of the sensor's own records. A sensor without central records is unknown."""
    assert main(["hunt", "sql", QUERY, "--json", "--records", str(tmp_path / "records")]) == 0
    own = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    code, rows, answers = hunted(capsys, fleet, "--site", SITE, "--until", UNTIL)
    assert (code, rows, answers["office-1"]["state"]) == (0, own, "answered")
    code, rows, answers = hunted(capsys, fleet, "--until", UNTIL)
    assert (code, rows) == (6, own)
    assert {name: one["state"] for name, one in answers.items()} == {"office-1": "answered", "paris-1": "no_records"}
    code, rows, _ = hunted(capsys, fleet, "--until", UNTIL, "--combine", "SELECT sum(n) AS n FROM found")
    assert rows == [{"n": sum(row["n"] for row in own)}]


def test_what_is_not_there_is_named(fleet: Path, capsys: pytest.CaptureFixture[str], store: S3Server) -> None:
    """The time since the last upload, and an object that was deleted: the answer is not complete."""
    code, _, answers = hunted(capsys, fleet, "--site", SITE)
    assert (code, answers["office-1"]["whole"]) == (6, False)
    assert "2026-11-24 09:00:00" in answers["office-1"]["coverage"][0]
    store.client.delete_object(Bucket="sensor-records", Key=next(name for name in store.names() if "/files/" in name))
    cache = Path(yaml.safe_load(fleet.read_text())["central"]["cache"])
    for path in cache.glob("*/*.parquet"):
        path.unlink()
    code, _, answers = hunted(capsys, fleet, "--site", SITE, "--until", UNTIL)
    assert (code, answers["office-1"]["coverage"][0].startswith("missing: ")) == (6, True)


def test_what_is_not_configured(servers: HubServers, fleet: Path, tmp_path: Path, store: S3Server) -> None:
    """A hub and a sensor without an object store, a store that does not answer, a query that is no SELECT."""
    assert main(["hub", "hunt", QUERY, "--central", "--config", str(servers.config)]) == 2
    plain = tmp_path / "plain.yaml"
    plain.write_text("sensor: {id: office-1}\n")
    assert main(["records", "upload", "--once", "--config", str(plain)]) == 0
    closed = tmp_path / "closed.yaml"
    closed.write_text((tmp_path / "sensor.yaml").read_text().replace(store.endpoint, "http://127.0.0.1:9"))
    arguments = ["records", "upload", "--once", "--config", str(closed), "--records", str(tmp_path / "records")]
    assert main(arguments) == 3
    refused = ["hub", "hunt", "DROP TABLE conn", "--central", "--site", SITE, "--config", str(fleet)]
    assert main(refused) == 2
