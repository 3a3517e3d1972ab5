"""sensor status: of a running sensor, of a stopped one, and of one that sends invalid values."""

from __future__ import annotations

import io
import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sensor.cli import _status_client
from sensor.cli._status_text import page, screen, size
from sensor.delivery.status import Status, save_status
from sensor.telemetry.served import Served
from sensor.telemetry.server import Server
from tests.cli.served import Fixed, serve, status_now
from tests.golden import Golden

STALLED = {
    "sensor.upstream_stalled/siem": {
        "since": 0,
        "severity": "medium",
        "msg": "the output siem has delivered nothing for 90 s",
    }
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sensor.sock"


@pytest.fixture
def running(path: Path) -> Iterator[Callable[[Any], Path]]:
    """Starts the status socket of a sensor with this status."""
    begun: list[Server] = []

    def run(status: Any) -> Path:
        begun.append(serve(path, status))
        return path

    yield run
    for one in begun:
        one.close()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_sensor_that_is_well(golden: Golden, run_cli, running) -> None:
    """One screen with the whole status, exit code 0; the socket is found in the state folder."""
    running(status_now())
    result = run_cli("status")
    assert result.code == 0
    assert result.err == ""
    golden(result.lines)


def test_for_machines(run_cli, running) -> None:
    """JSON has the whole status as one object."""
    status = status_now()
    running(status)
    result = json.loads(run_cli("status", "--json").out)
    assert result.pop("running") is True
    assert result == status


@pytest.mark.parametrize(
    ("other", "text"),
    [
        ({"health": {"lasting": STALLED}}, "health     medium   the output siem "),
        ({"ts": 0}, "health     the engine "),
        (
            {"log": {"path": "/x", "stalled": True, "waiting_bytes": 2048, "given_up": {"device": 3}}},
            "           the disk ",
        ),
        ({"log": {"path": "/x", "stalled": True}}, "health     the event log "),
    ],
)
def test_a_sensor_that_is_not_well(run_cli, running, other: dict[str, Any], text: str) -> None:
    """Persistent problems are shown and set the exit code."""
    running(status_now(**other))
    result = run_cli("status")
    assert result.code == 5
    assert any(line.startswith(text) for line in result.lines), result.out


@pytest.mark.parametrize(
    ("other", "text"),
    [
        (
            {"configuration": {"faults": ["sensor.yaml:3:1: found x"], "restart": ["capture.rings"]}},
            "config     invalid, the previous one remains in use: ",
        ),
        ({"evicted": {"flows": 5, "names": 1200, "alerts": 0}}, "tables     1,200 names, 5 flows evicted"),
        ({"traffic_records": {"dropped": 1200}}, "dropped    rows of traffic records that were not written: 1,200"),
        ({"evidence": {"dropped": 7}}, "dropped    packets of alerts that were not written: 7"),
        ({"faults": {"dns": 2}}, "health     units of the sensor failed 2 times: dns"),
        ({"rules": {"used": 0, "faults": 1, "why": ["a.yaml:2:3: found y"]}}, "           a.yaml:2:3: found y"),
        ({"health": {"lasting": {"x": {"since": 0, "severity": "low", "msg": "m"}}}}, "health     low      m (since "),
    ],
)
def test_what_is_to_be_looked_at(run_cli, running, other: dict[str, Any], text: str) -> None:
    """Notices are shown, with exit code 0."""
    running(status_now(**other))
    result = run_cli("status")
    assert result.code == 0
    assert any(line.startswith(text) for line in result.lines), result.out


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        {},
        "x\x1b[2J\nnext",
        10**400,
        float("inf"),
        -1,
        True,
        [None],
        {"a": None},
        {"\x1b[2J": {"\x1b[31m": "\x1b"}},
    ],
)
def test_nonsense_from_the_socket(run_cli, running, value: Any) -> None:
    """Values of any type give a screen, and none of them can control the terminal."""
    status = status_now()
    assert "interfaces" in status
    for name in status:
        path = running(status | {name: value})
        result = run_cli("status", "--socket", str(path))
        assert result.code in (0, 5)
        assert "\x1b" not in result.out
        assert "next\n" not in result.out
        path.unlink()


def test_colours(running) -> None:
    """Colours are used on a terminal only; names in the first column are highlighted."""
    status = status_now(health={"lasting": STALLED})
    assert "\x1b" not in screen(status, io.StringIO(), time.time())
    assert "\x1b[1mhealth    \x1b[0m \x1b[33mmedium" in screen(status, Terminal(), time.time())
    assert page("first", [], Terminal()) == "first"


def test_where_nothing_runs(golden: Golden, run_cli, path: Path, inventory: Path, tmp_path: Path) -> None:
    """It is reported with the sensor's last message, devices, outputs and lists of the state folder; exit code 1."""
    (tmp_path / "sensor.yaml").write_text("outputs: {siem: {type: file, path: x}, chat: {type: file, path: y}}\n")
    save_status(tmp_path / "events.jsonl", Status("siem", "file", "stopped", delivered=7, pending=2))
    (tmp_path / "intel").mkdir()
    (tmp_path / "intel" / "a.list").write_text("203.0.113.7\n")
    (inventory / "inventory.db").rename(tmp_path / "inventory.db")
    arguments = ("status", "--config", str(tmp_path / "sensor.yaml"), "--state", str(tmp_path))
    result = run_cli(*arguments)
    assert result.code == 1
    golden(result.lines[0])
    assert result.lines[1].startswith(f"log        {tmp_path / 'events.jsonl'}: ")
    assert "capturing on eth0" in result.lines[2]
    assert result.lines[3] == f"devices    4 in {tmp_path}"
    assert result.lines[4].startswith("outputs    siem         stopped, 7 delivered, 2 pending, 0 refused")
    assert "`sensor forward` is not running" in result.lines[5]
    assert result.lines[6].startswith(f"lists      {tmp_path / 'intel' / 'a.list'}: ")
    known = json.loads(run_cli(*arguments, "--json").out)
    assert (known["running"], known["devices"]["devices"], known["outputs"]["siem"]["delivered"]) == (False, 4, 7)


def test_the_log_is_that_of_a_run(run_cli, inventory: Path, tmp_path: Path) -> None:
    """The folder in the configuration, `state`, has the event log; `events` selects another file."""
    config = tmp_path / "sensor.yaml"
    for events, log in (("", tmp_path / "elsewhere" / "events.jsonl"), ("events: own.jsonl\n", tmp_path / "own.jsonl")):
        config.write_text(f"state: {tmp_path / 'elsewhere'}\n{events}")
        reported = json.loads(run_cli("status", "--config", str(config), "--json").out)
        assert (reported["log"]["path"], reported["state"]) == (str(log), str(tmp_path / "elsewhere"))


def test_where_nothing_ever_ran(run_cli, tmp_path: Path) -> None:
    """Where no sensor ever ran, no folder or file is created."""
    folder = tmp_path / "never"
    result = run_cli("status", "--state", str(folder))
    assert (result.code, result.err) == (1, "")
    assert result.lines[1:] == [f"log        none at {folder / 'events.jsonl'}", f"devices    no inventory in {folder}"]
    assert not folder.exists()


def test_something_else_at_the_socket(run_cli, path: Path) -> None:
    """A file that is not a socket is not a sensor."""
    path.write_text("x")
    assert run_cli("status", "--socket", str(path)).code == 1


@pytest.fixture
def starting(path: Path) -> Iterator[Served]:
    """The status socket of a sensor without a status."""
    served = Served(Fixed())
    server = Server(served, path, None)
    yield served
    server.close()


def test_a_sensor_that_has_just_started(run_cli, path: Path, starting: Served) -> None:
    """Its first status is waited for."""
    later = threading.Timer(0.3, starting.put, [msgspec.json.encode(status_now())])
    later.start()
    result = run_cli("status", "--socket", str(path), "--json")
    later.join()
    assert result.code == 0
    assert json.loads(result.out)["running"]


def test_a_process_without_a_status(
    golden: Golden, run_cli, path: Path, starting: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is reported, with its socket; exit code 1."""
    monkeypatch.setattr(_status_client, "STARTING_S", 0.2)
    result = run_cli("status", "--socket", str(path))
    assert result.code == 1
    golden(result.lines[0])


def test_no_permission_to_ask(golden: Golden, run_cli, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing permission is one line; exit code 4."""

    def refused(_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(_status_client, "_connected", refused)
    result = run_cli("status", "--socket", str(path))
    assert (result.code, result.out) == (4, "")
    golden(result.err)


def test_a_broken_configuration(golden: Golden, run_cli, tmp_path: Path) -> None:
    (tmp_path / "sensor.yaml").write_text("telemetry: {listen: '0.0.0.0:9469'}\nlogging: {level: loud}\n")
    result = run_cli("status", "--config", str(tmp_path / "sensor.yaml"))
    assert result.code == 2
    first, second, last = result.err.splitlines()
    expected = "expected a loopback address with a port, such as 127.0.0.1:9469: the sensor listens on loopback only"
    assert first == f"{tmp_path / 'sensor.yaml'}:1:21: found '0.0.0.0:9469', {expected}"
    assert second.startswith(f"{tmp_path / 'sensor.yaml'}:2:18: found 'loud'")
    golden(last)


def test_a_running_sensor_whose_configuration_became_invalid(run_cli, running, tmp_path: Path) -> None:
    """It continues with the old configuration, and reports the fault."""
    config = tmp_path / "sensor.yaml"
    config.write_text("networks: [bad]\n")
    result = run_cli("status", "--config", str(config), "--socket", str(running(status_now())))
    assert result.code == 0
    assert "sensor.yaml:1:11:" in result.err
    assert "packets" in result.out


def test_sizes() -> None:
    assert [size(value) for value in (0, 1023, 1024, 150 * 1024, 3 << 20, 5 << 40, 10**30, None)] == [
        "0 B", "1,023 B", "1.0 KiB", "150 KiB", "3.0 MiB", "5.0 TiB", "0 B", "0 B",
    ]  # fmt: skip
