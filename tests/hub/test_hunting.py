"""Federated hunting with real programs: `sensor hunt serve` at sensors, `sensor hub hunt` at the hub, NATS between
them.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from sensor.cli._hub_hunt_text import ANSWERS
from sensor.cli.main import main
from sensor.core.output import Retry
from sensor.hub import jwts
from sensor.hub.folder import load_pair
from sensor.outputs.hub import Options
from sensor.outputs.hub_protocol.connection import connect
from sensor.outputs.hub_protocol.credentials import Credentials, load_credentials, save_credentials
from sensor.outputs.hub_protocol.hunt_signatures import read_hunt
from sensor.outputs.hub_protocol.hunts import HUNT, Found, found_subject
from sensor.outputs.hub_protocol.messages import subject
from sensor.outputs.transport.nats_wire import NoResponse, Wire
from sensor.sync.hunter import Hunter
from tests.forked import started
from tests.hub.hub_kit import ROOT, HubServers, configuration
from tests.outputs.servers_base import Server
from tests.records.kit_records import replayed

CAMERA = "10.20.10.61"
QUERY = "SELECT dst_port, count(*) AS flows FROM conn WHERE src_ip = '10.20.10.61' GROUP BY 1 ORDER BY 1"


class Serving(Server):
    """`sensor hunt serve` as a process. ``records``: its folder of records."""

    starts = staticmethod(started)

    def __init__(self, config: Path, records: Path) -> None:
        super().__init__()
        self._config, self._records = config, records

    def command(self) -> Sequence[str]:
        arguments = ["hunt", "serve", "--config", str(self._config), "--records", str(self._records)]
        return [sys.executable, "-m", "sensor", *arguments]

    def ready(self) -> bool:
        return "listens for hunts" in self.output.read_text(errors="replace")

    def start(self) -> None:
        self.environment = {"PYTHONPATH": str(ROOT)}
        super().start()


class Fleet:
    """Enrolled sensors. Each serves, does not answer, or does not subscribe."""

    def __init__(self, servers: HubServers, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.servers, self.folder, self._capsys = servers, folder, capsys
        self.serving: list[Serving] = []
        self._wires: list[Wire] = []

    def credentials(self, name: str, site: str = "HQ") -> Path:
        return self.servers.joined(name, self.folder, site)

    def serve(self, name: str, records: Path) -> None:
        config = configuration(self.folder / f"{name}.yaml", self.servers.url, self.credentials(name), name)
        self.serving.append(Serving(config, records))
        self.serving[-1].start()

    def wire(self, name: str, site: str = "HQ") -> tuple[Wire, str]:
        options = self.options(self.credentials(name, site))
        key = load_credentials(options.credentials).pair.public
        self._wires.append(connect([self.servers.url], key, options))
        return self._wires[-1], key

    def close(self) -> None:
        for one in (*self.serving, *self._wires):
            one.close()

    def options(self, credentials: Path) -> Options:
        return Options.model_validate({"servers": [self.servers.url], "credentials": credentials, "timeout_s": 5})

    def hunt(self, *arguments: str) -> tuple[int, list[dict[str, Any]]]:
        self._capsys.readouterr()
        code = main(["hub", "hunt", *arguments, "--json", "--config", str(self.servers.config)])
        return code, [json.loads(line) for line in self._capsys.readouterr().out.splitlines()]


@pytest.fixture
def fleet(servers: HubServers, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Fleet]:
    servers.empty()
    made = Fleet(servers, tmp_path, capsys)
    yield made
    made.close()


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("office") / "records"
    replayed(folder, ROOT / "pcaps" / "office.pcapng")
    return folder


def states(answer: list[dict[str, Any]]) -> dict[str, str]:
    return {one["sensor"]: one["state"] for one in answer if "state" in one}


def rows(answer: list[dict[str, Any]], sensor: str) -> list[dict[str, Any]]:
    return [one["row"] for one in answer if "row" in one and one["sensor"] == sensor]


def test_a_camera_is_hunted_at_every_sensor(fleet: Fleet, records: Path) -> None:
    """One sensor has the camera, one keeps no records, one does not subscribe: each is listed, and the last two are
    unknown. Rows above the limit are reported; a query that writes, or reads other files, is rejected.
    """
    fleet.serve("office-1", records)
    fleet.serve("office-2", fleet.folder / "nothing")
    fleet.credentials("office-3", "Paris")
    code, answer = fleet.hunt(QUERY, "--within", "30")
    assert code == 6
    assert states(answer) == {"office-1": "answered", "office-2": "no_records", "office-3": "not_listening"}
    found = rows(answer, "office-1")
    assert 445 in [row["dst_port"] for row in found]
    assert all(row["flows"] > 0 for row in found)
    assert len(found) == sum("row" in one for one in answer)

    code, answer = fleet.hunt(QUERY, "--sensor", "office-1", "--limit", "1")
    (report,) = [one for one in answer if "state" in one]
    assert (code, rows(answer, "office-1"), report["more"]) == (0, found[:1], True)
    assert fleet.hunt(QUERY.replace(CAMERA, "192.0.2.77"), "--sensor", "office-1")[0] == 1
    assert fleet.hunt("SELECT 1 FROM conn LIMIT 1", "--sensor", "office-1", "--until", "2026-11-01")[0] == 1

    target = fleet.folder / "written"
    for sql in f"COPY conn TO '{target}'", "SELECT * FROM read_text('/etc/passwd')", "SELECT 1; SELECT 2":
        assert fleet.hunt(sql, "--sensor", "office-1")[0] == 2
    assert not target.exists()
    assert rows(fleet.hunt(QUERY, "--sensor", "office-1")[1], "office-1") == found


def test_sums_over_two_sensors(fleet: Fleet, records: Path) -> None:
    """Both sensors have the same flows; truncated rows make the sum incomplete."""
    for name in "office-1", "office-2":
        fleet.serve(name, records)
    one = rows(fleet.hunt(QUERY, "--sensor", "office-1")[1], "office-1")
    total = "SELECT sum(flows)::BIGINT AS flows, count(DISTINCT sensor) AS sensors FROM found"
    code, answer = fleet.hunt(QUERY, "--combine", total, "--within", "30")
    assert (code, answer[0]) == (0, {"row": {"flows": 2 * sum(row["flows"] for row in one), "sensors": 2}})
    assert states(answer) == {"office-1": "answered", "office-2": "answered"}
    assert fleet.hunt(QUERY, "--combine", total, "--within", "30", "--limit", "1")[0] == 6
    assert fleet.hunt(QUERY, "--combine", "SELECT bytes FROM found", "--within", "30")[0] == 2


def test_a_sensor_that_keeps_silent_is_unknown(fleet: Fleet) -> None:
    """It subscribes, and does not answer in time."""
    wire, key = fleet.wire("office-1")
    wire.subscribe(subject(HUNT, key))
    code, answer = fleet.hunt(QUERY, "--within", "0.5")
    assert (code, states(answer)) == (6, {"office-1": "no_answer"})


def test_a_sensor_answers_for_itself_alone(fleet: Fleet) -> None:
    """A sensor can neither hunt, nor read the queries of others, nor answer in their name."""
    _, other = fleet.wire("office-1")
    for number, forbidden in enumerate(("ask", "listen", "answer")):
        wire, _ = fleet.wire(f"office-{number + 2}")
        if forbidden == "listen":
            wire.subscribe(subject(HUNT, other))
        else:
            place = subject(HUNT, other) if forbidden == "ask" else found_subject("0" * 16, other)
            wire.publish([(place.encode(), b"", b"{}")])
        with pytest.raises(Retry, match="Permissions Violation") as caught:
            wire.answer(5)
        assert not isinstance(caught.value, NoResponse)


@pytest.mark.parametrize("body", [b"", b"\x28\xb5\x2f\xfd", bytes(range(256))])
def test_a_sensor_that_answers_anything(fleet: Fleet, body: bytes) -> None:
    """An invalid answer is listed as unreadable; only the first answer counts."""
    wire, key = fleet.wire("office-1")
    wire.subscribe(subject(HUNT, key))

    def answer() -> None:
        hunt = read_hunt(wire.answer(20).body)[1].id
        place = found_subject(hunt, key).encode()
        wire.publish([(place, b"", body), (place, b"", body)])

    thread = threading.Thread(target=answer)
    thread.start()
    code, answered = fleet.hunt("SELECT 1")
    thread.join()
    assert (code, states(answered)) == (6, {"office-1": "unreadable"})


def test_credentials_of_an_earlier_version_are_renewed(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    """The old credentials allowed no hunts."""
    path = fleet.credentials("office-1")
    mine, account = load_credentials(path), load_pair(fleet.servers.nats.hub_folder, "account")
    with monkeypatch.context() as earlier:
        earlier.setattr(jwts, "found_subject", lambda _, key: f"hub.file.{key}")
        old = jwts.sensor_jwt(account, mine.pair.public, "office-1", mine.claims.iat)
    save_credentials(path, Credentials(old, mine.pair))
    hunter = Hunter(
        [fleet.servers.url], fleet.options(path), lambda _: Found(columns=["a"], types=["BIGINT"], rows=[[1]])
    )
    assert not hunter.turn(0.1)
    assert found_subject("*", mine.pair.public) in load_credentials(path).claims.nats.pub.allow
    hunter.close()


def test_what_makes_no_hunt(fleet: Fleet) -> None:
    """Limits, names of hunts and of sensors are checked before any query is sent."""
    fleet.credentials("office-1")
    for arguments, code in (
        ([], 2),
        (["beacon"], 1),
        (["SELECT 1", "--limit", "0"], 2),
        (["SELECT 1", "--within", "61"], 2),
        (["SELECT 1", "--since", "yesterday-ish"], 2),
        (["SELECT 1", "--sensor", "office-9"], 1),
    ):
        assert fleet.hunt(*arguments)[0] == code, arguments


def test_what_is_printed(fleet: Fleet, records: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Rows with their sensor, then each sensor; a hunt of the library has its name."""
    fleet.serve("office-1", records)
    fleet.credentials("office-2")
    capsys.readouterr()
    assert main(["hub", "hunt", "new_admin_protocol", "--config", str(fleet.servers.config)]) == 6
    printed = capsys.readouterr().out
    assert CAMERA in printed
    assert "HQ/office-2" in printed
    assert ANSWERS["not_listening"] in printed
