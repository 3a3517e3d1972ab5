"""Owner, criticality and tags of devices, set at a hub: they override those of the sensor in all lists, stay when the
sensor reports again, can be undone, and a user of one site cannot set them on devices of another.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from psycopg import sql

from sensor.cli.main import main
from sensor.hub import database
from sensor.hub.batch import Message
from sensor.hub.console.connections import Connections
from sensor.hub.console.scopes import SiteScopes
from sensor.hub.console.sources import HubSources
from sensor.hub.database import Connection, grant_reader, upgrade
from sensor.hub.device_values import DeviceValues, follow_mergers
from sensor.hub.intake import Intake
from sensor.hub.schema import MIGRATIONS, VERSION
from sensor.hub.views.backend import HubBackend
from sensor.hub.views.query import Reader
from sensor.inventory.corrections import Correction
from sensor.outputs.hub_protocol.credentials import load_credentials
from sensor.outputs.hub_protocol.messages import Head, batch_id, runs_of, sealed
from sensor.views.devices import DeviceFilter
from sensor.views.errors import Malformed, NotReadable, Unknown
from tests.console.kit import Running, csrf_of, output_of
from tests.hub.hub_kit import SITE, HubServers

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
PARIS = "Paris"
NAS, CAMERA = "dev-nas", "dev-camera"


class Sensor:
    """An enrolled sensor whose batches are stored directly. ``number``: at the hub."""

    def __init__(self, servers: HubServers, name: str, site: str, folder: Path) -> None:
        self.name, self.site, self._servers, self._sent = name, site, servers, 0
        self.key = load_credentials(servers.joined(name, folder, site)).pair.public
        [(self.number,)] = servers.queried("SELECT number FROM sensors WHERE key = %s", self.key)

    def report(self, device: dict[str, Any], action: str = "changed", reason: str = "") -> None:
        self._sent += 1
        seq, time = self._sent, (NOW + timedelta(seconds=self._sent)).isoformat().replace("+00:00", ".000000Z")
        line = json.dumps(
            {
                "id": f"e{seq}", "ts": time, "kind": "device", "action": action, "reason": reason,
                "sensor": {"id": self.name, "site": self.site, "seq": seq},
                "device": {"type": "nas", "first_seen": time, "last_seen": time} | device,
            },
            separators=(",", ":"),
        ).encode()  # fmt: skip
        head = Head(self.name, self.site, "0.1.0", "e1", runs_of([seq]), int(NOW.timestamp()) * 10**9)
        body = sealed(head, [line])
        with self._servers.base() as base:
            name = batch_id(self.key, head.epoch, head.runs, [line])
            [outcome] = Intake(base).take([Message(self.key, name, "1", NOW, body)])
        assert outcome.reason == ""


@pytest.fixture
def both(servers: HubServers, tmp_path: Path) -> tuple[Sensor, Sensor]:
    """A sensor at each site. The first has an owner and a tag for its NAS."""
    servers.empty()
    with servers.base() as base:
        if not base.execute("SELECT 1 FROM pg_roles WHERE rolname = 'hub_reader'").fetchone():
            base.execute("CREATE ROLE hub_reader NOLOGIN")
        grant_reader(base, "hub_reader", ["*"])
    own, other = (Sensor(servers, name, site, tmp_path) for name, site in (("hq-1", SITE), ("paris-1", PARIS)))
    for one in (own, other):
        one.report({"id": NAS, "hostname": "store", "owner": "Anna", "criticality": "low", "tags": ["Backup"]})
        one.report({"id": CAMERA, "type": "camera"})
    return own, other


@pytest.fixture
def base(servers: HubServers) -> Iterator[Connection]:
    with servers.base() as base:
        yield base


def put(
    base: Connection, sensor: Sensor, device: str, sites: tuple[str, ...] | None = None, **values: str
) -> list[str]:
    key = f"{sensor.number}.{device}"
    return DeviceValues(base, "eve", sites).correct(Correction(key, field, value) for field, value in values.items())


def found(base: Connection, **wanted: Any) -> set[str]:
    return {row.id for row in HubBackend(Reader(base)).devices(DeviceFilter(**wanted)).rows}


def test_values_of_a_sensor_are_filters_and_facets(both: tuple[Sensor, Sensor], base: Connection) -> None:
    """As at a sensor: the owner contains the text, tags ignore case, ``none`` is a device without a criticality."""
    nas, cameras = ({f"{one.number}.{name}" for one in both} for name in (NAS, CAMERA))
    none: set[str] = set()
    matches: list[tuple[dict[str, Any], set[str]]] = [
        ({"owner": "ann"}, nas), ({"tag": ("backup",)}, nas), ({"criticality": ("low",)}, nas),
        ({"text": "anna backup"}, nas), ({"owner": "%"}, none), ({"tag": ("backup", "x")}, none),
        ({"criticality": ("high",)}, none), ({"tag": ("back",)}, none),
    ]  # fmt: skip
    for wanted, expected in matches:
        assert found(base, **wanted) == expected, wanted
    assert found(base, criticality=("none",)) == cameras
    for filters in (DeviceFilter(), DeviceFilter(text="dev-")):
        page = HubBackend(Reader(base)).devices(filters)
        assert page.facets["criticality"] == {"none": 2, "low": 2}
        assert (page.total, page.exact) == (4, True)


def test_values_of_the_hub_override_those_of_the_sensor(both: tuple[Sensor, Sensor], base: Connection) -> None:
    """They stay when the sensor reports other ones, and end when they are undone or emptied."""
    sensor, key = both[0], f"{both[0].number}.{NAS}"
    owner, _, tags = put(base, sensor, NAS, owner="facilities", criticality="critical", tags="legal, paper")
    sensor.report({"id": NAS, "hostname": "store", "owner": "Bert", "criticality": "medium", "tags": ["x"]})
    hub = HubBackend(Reader(base))
    assert found(base, owner="facilities", criticality=("critical",), tag=("paper",), text="legal store") == {key}
    assert found(base, owner="bert") == found(base, text="bert") == set()
    [row] = hub.devices(DeviceFilter(owner="facilities")).rows
    assert (row.owner, row.criticality, row.tags, row.device["owner"]) == (
        "facilities", "critical", ["legal", "paper"], "facilities",
    )  # fmt: skip
    record = hub.device(key)
    assert record["device"]["tags"] == ["legal", "paper"]
    assert {one["field"]: one["value"] for one in record["said"]}["owner"] == "facilities"
    claims = {(one["attribute"], one["family"]) for one in record["evidence"]}
    assert claims == {(field, "operator") for field in ("owner", "criticality", "tags")}
    assert DeviceValues(base, "eve").undo(owner) == "owner=facilities"
    with pytest.raises(Unknown):
        DeviceValues(base, "eve").undo(owner)
    put(base, sensor, NAS, criticality="")
    [row] = hub.devices(DeviceFilter(owner="bert")).rows
    assert (row.owner, row.criticality, row.tags) == ("Bert", "medium", ["legal", "paper"])
    history = hub.device(key)["history"]
    assert [(one["what"], one["state"]) for one in history] == [
        ("owner=facilities", "undone"), ("criticality=critical", "said"), ("tags=legal, paper", "said"),
        ("criticality=", "said"),
    ]  # fmt: skip
    assert [one["number"] for one in history][2] == tags
    assert hub.device(f"{both[1].number}.{NAS}")["device"]["owner"] == "Anna"


def test_many_changes_of_one_field_do_not_hide_another(both: tuple[Sensor, Sensor], base: Connection) -> None:
    put(base, both[0], NAS, owner="facilities")
    for number in range(201):
        put(base, both[0], NAS, tags=f"t{number}")
    record = HubBackend(Reader(base)).device(f"{both[0].number}.{NAS}")
    assert (record["device"]["owner"], record["device"]["tags"]) == ("facilities", ["t200"])
    assert len(record["history"]) == 200


def test_values_follow_a_device_into_the_one_it_was_merged_into(both: tuple[Sensor, Sensor], base: Connection) -> None:
    """The newer value of both applies; the device of the same id at another sensor keeps its own."""
    sensor = both[0]
    put(base, sensor, NAS, owner="facilities", criticality="high")
    put(base, sensor, CAMERA, owner="security")
    put(base, both[1], NAS, owner="other")
    assert follow_mergers(base) == 0
    sensor.report({"id": CAMERA, "type": "camera"}, "merged", f"{NAS} has the same MAC")
    assert follow_mergers(base) == 2
    assert follow_mergers(base) == 0
    record = HubBackend(Reader(base)).device(f"{sensor.number}.{NAS}")["device"]
    assert (record["id"], record["owner"], record["criticality"]) == (f"{sensor.number}.{CAMERA}", "security", "high")
    assert found(base, owner="other") == {f"{both[1].number}.{NAS}"}
    merged = base.execute("SELECT hub_owner FROM devices WHERE sensor = %s AND id = %s", [sensor.number, NAS])
    assert merged.fetchall() == [(None,)]  # it has none if the sensor splits the two again


REFUSED = [
    ({"type": "hub"}, Malformed),
    ({"name": "x"}, Malformed),
    ({"owner": "x", "device": "dev-nothing"}, Unknown),
    ({"owner": "x", "device": "'; DROP TABLE devices"}, Malformed),
]


@pytest.mark.parametrize(("values", "error"), REFUSED)
def test_what_a_hub_refuses(
    both: tuple[Sensor, Sensor], base: Connection, values: dict[str, str], error: type[Exception]
) -> None:
    """Fields that identify a device are those of its sensor. A merge is an order, which only a sensor executes."""
    values = dict(values)
    device = values.pop("device", NAS)
    with pytest.raises(error):
        put(base, both[0], device, None, **values)
    with pytest.raises(NotReadable):
        DeviceValues(base, "eve").order("merge", "1.dev-a", "1.dev-b", "")
    for number in ("m1", "", "٣", "1; DROP TABLE devices"):
        with pytest.raises(Malformed):
            DeviceValues(base, "eve").undo(number)
    assert base.execute("SELECT count(*) FROM device_values").fetchone() == (0,)


def test_a_user_of_one_site_changes_nothing_of_another(
    both: tuple[Sensor, Sensor], base: Connection, servers: HubServers, tmp_path: Path
) -> None:
    """Neither a value nor an undo; and row-level security hides the changes of other sites."""
    [number] = put(base, both[0], NAS, owner="facilities")
    for refused in (lambda: put(base, both[0], NAS, (PARIS,), owner="x"), lambda: _undo(base, number)):
        with pytest.raises(Unknown):
            refused()
    assert put(base, both[1], NAS, (PARIS,), owner="pia")
    servers.limit(pia=[PARIS])
    scopes = SiteScopes(servers.shared.store)
    connections = Connections(servers.hub.settings.database)
    sources = HubSources(connections, scopes, tmp_path, "hub_reader")
    with sources.opened(sources.dataset("", "pia"), "pia") as opened:
        assert isinstance(opened.views, HubBackend)
        reader = opened.views.reader
        assert reader.rows(sql.SQL("SELECT value FROM device_values"), {}) == [("pia",)]
        with pytest.raises(Unknown), opened.changing_devices("pia") as changes:
            changes.undo(number)
    connections.close()
    assert found(base, owner="facilities") == {f"{both[0].number}.{NAS}"}


def _undo(base: Connection, number: str) -> str:
    return DeviceValues(base, "pia", (PARIS,)).undo(number)


def test_a_worker_two_versions_back_keeps_values(
    both: tuple[Sensor, Sensor], base: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It does not know the columns; a later report to a worker of this version has the values of the sensor."""
    put(base, both[0], NAS, owner="facilities")
    columns = ("sensor_owner", "sensor_criticality", "sensor_tags")
    with monkeypatch.context() as earlier:
        earlier.setattr(database, "VERSION", VERSION - 2)
        earlier.setattr(database, "MIGRATIONS", MIGRATIONS[: VERSION - 2])
        _without_columns(earlier, columns)
        both[0].report({"id": NAS, "hostname": "renamed", "owner": "Bert", "criticality": "high"})
    key = {f"{both[0].number}.{NAS}"}
    assert found(base, owner="facilities", text="renamed", criticality=("low",)) == key
    both[0].report({"id": NAS, "hostname": "renamed", "owner": "Bert", "criticality": "high"})
    assert found(base, owner="facilities", criticality=("high",)) == key


def _without_columns(patch: pytest.MonkeyPatch, columns: tuple[str, ...]) -> None:
    """Rows as a worker writes that does not know these columns."""
    from sensor.hub import intake, rows

    kept = [place for place, name in enumerate(rows.DEVICES) if name not in columns]
    make = rows._device_row
    patch.setattr(rows, "_device_row", lambda *given: tuple(make(*given)[place] for place in kept))
    known = tuple(rows.DEVICES[place] for place in kept)
    patch.setattr(intake, "DEVICES", intake.DEVICES._replace(columns=known))


RECORDS = {
    "dev-a": '{"device":{"owner":"Anna","criticality":"high","tags":["a b","c"]}}',
    "dev-b": '{"device":{"hostname":"\\"owner\\":\\"Eve\\"","model":"\\"tags\\":[\\"x\\"]"}}',
    "dev-c": '{"device":{"owner":"Bert"},"x":' + "[" * 60_000 + "]" * 60_000 + "}",
    "dev-d": '{"device":{"owner":"a\\u0000b","criticality":5,"tags":[]}}',
}


def test_devices_of_an_earlier_version_have_their_values(servers: HubServers) -> None:
    """The upgrade reads them from the records; texts that imitate keys do not count, a deeply nested record does not
    stop it.
    """
    with servers.base() as base:
        base.execute("DROP DATABASE IF EXISTS earlier")
        base.execute("CREATE DATABASE earlier")
    url = servers.hub.settings.database.url.rpartition("/")[0] + "/earlier"
    with psycopg.connect(url, autocommit=True) as base:
        for step in MIGRATIONS[:7]:
            base.execute(sql.SQL(step))
        base.execute("CREATE TABLE hub_version (version integer NOT NULL)")
        base.execute("INSERT INTO hub_version VALUES (7)")
        for name, record in RECORDS.items():
            base.execute(
                "INSERT INTO devices (sensor, id, site, log, seq, first, last, gone, merged, name, type, vendor, "
                "model, ips, macs, confidence, record) VALUES (1, %s, 'HQ', 1, 1, now(), now(), false, '', '', 'nas', "
                "'', '', '{}', '{}', 1, %s)",
                [name, record],
            )
        upgrade(base)
        values = base.execute("SELECT id, owner, criticality, tags FROM devices ORDER BY id").fetchall()
        words = base.execute("SELECT count(*) FROM device_words WHERE words LIKE '% anna a b c %'").fetchone()
    with servers.base() as base:
        base.execute("DROP DATABASE earlier WITH (FORCE)")
    assert values == [
        ("dev-a", "Anna", "high", ["a b", "c"]), ("dev-b", "", "", []), ("dev-c", "Bert", "", []),
        ("dev-d", "", "", []),
    ]  # fmt: skip
    assert words == (1,)


@pytest.fixture
def console(both: tuple[Sensor, Sensor], servers: HubServers, tmp_path: Path) -> Iterator[Running]:
    path = tmp_path / "hub.yaml"
    url = servers.hub.settings.database.url
    path.write_text(f"nats: {{servers: ['{servers.url}']}}\ndatabase:\n  url: {url}\n  reader: hub_reader\n")
    running = Running(tmp_path, "--hub", str(path))
    servers.limit(anna=["*"], program=[SITE], pia=[PARIS])
    yield running
    running.stop()


def act(client: httpx.Client, **fields: Any) -> httpx.Response:
    return client.post("/devices/act", data={"csrf": csrf_of(client.get("/devices").text), **fields})


def test_the_pages_set_tag_and_undo(
    both: tuple[Sensor, Sensor], console: Running, base: Connection, servers: HubServers
) -> None:
    """As on a sensor: one device on its page, several in the list; audited, undone at once or from the history."""
    own, other = (f"{one.number}.{NAS}" for one in both)
    with console.client() as client:
        form = {"action": "set", "device": own, "back": "device"}
        done = act(client, **form, owner="facilities", criticality="high", tags="", reason="asset list")
        assert done.headers["location"].startswith(f"/devices/{own}?done=")
        page = client.get(f"/devices/{own}").text
        names = set(re.findall(r'<(?:input|select) name="(\w+)"', page.partition("<main")[2]))
        assert {"owner", "criticality", "tags"} <= names
        assert not {"type", "vendor", "serial", "other"} & names
        assert "asset list" in page
        marked = act(client, action="tag", device=[own, other], tags="audit")
        assert found(base, tag=("audit",)) == {own, other}
        assert act(client, action="set", device=[own], field="location", value="x").status_code == 400
        assert act(client, action="merge", device=[own], other=other).status_code == 400
        message = client.get(marked.headers["location"]).text
        [(path, name)] = re.findall(r'action="(/devices/undo[^"]*)".*?name="name" value="([^"]+)"', message, re.DOTALL)
        back = {"csrf": csrf_of(message), "name": name, "back": "/devices"}
        assert client.post(path, data=back).status_code == 303
        assert found(base, tag=("audit",)) == set()
        assert found(base, tag=("backup",)) == {own, other}
        number = re.findall(r'name="number" value="(\d+)"', page)[0]
        assert act(client, action="undo", device=own, number=number, back="device").status_code == 303
    written = [(one["action"], one.get("count", 0)) for one in servers.audited() if one["action"] != "login"]
    assert written == [("device set", 1), ("device tag", 2), ("undo", 0), ("device undo", 1)]
    with console.client("pia") as pia:
        assert act(pia, action="tag", device=[own], tags="x").status_code == 404
        assert act(pia, action="tag", device=[other], tags="x").status_code == 303


def test_a_program_and_a_command_set_values(
    both: tuple[Sensor, Sensor], console: Running, base: Connection, servers: HubServers
) -> None:
    """The API as at a sensor, once for each idempotency key, at the sites of the token; the command at all sites."""
    own, other = (f"{one.number}.{NAS}" for one in both)
    headers = {"Authorization": f"Bearer {console.token('write')}"}
    with httpx.Client(base_url=f"{console.url}/api/v1", headers=headers, timeout=60) as program:
        body = {"values": {"owner": "facilities", "tags": "b, a"}, "reason": "asset list"}
        sent: dict[str, Any] = {"json": body, "headers": {"Idempotency-Key": "1"}}
        answers = [program.post(f"/devices/{own}/values", **sent) for _ in range(2)]
        assert [one.status_code for one in answers] == [200, 200]
        assert answers[0].json()["item"]["device"]["tags"] == ["a", "b"]
        assert base.execute("SELECT count(*) FROM device_values").fetchone() == (2,)
        assert program.post(f"/devices/{other}/values", json=body).status_code == 404
        for refused in ({"values": {"type": "hub"}}, {"values": {"criticality": "x"}}, {"values": 5}, {}, body):
            assert program.post(f"/devices/{own}/values", json=refused).status_code == 400
        assert program.get("/devices", params={"owner": "facil"}).json()["total"] == 1
    hub = ("--config", str(servers.config))
    output = output_of("hub", "set", other, "owner=Pia", "criticality=high", *hub)
    assert found(base, owner="pia", criticality=("high",)) == {other}
    output_of("hub", "undo", re.findall(r"undo (\d+)", output)[0], *hub)
    assert found(base, owner="anna") == {other}
    assert [main(["hub", *words, *hub]) for words in (
        ("set", NAS, "owner=x"), ("set", "9.dev-x", "owner=x"), ("set", own, "type=hub"), ("set", own, "owner"),
        ("set", own), ("undo", "999999"), ("undo", "x"),
    )] == [1, 1, 2, 2, 2, 1, 2]  # fmt: skip
    listed = [json.loads(line) for line in output_of("hub", "devices", "--json", "--site", PARIS, *hub).splitlines()]
    assert {(one["id"], one["owner"], one["criticality"]) for one in listed} == {
        (NAS, "Anna", "high"), (CAMERA, "", ""),
    }  # fmt: skip
