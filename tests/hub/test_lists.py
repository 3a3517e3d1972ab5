"""Lists of `sensor hub`: rows of the log, filters, and texts of peers, which are safe on a terminal."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from sensor.cli.main import main
from tests.hub.hub_kit import SITE, HubServers, configuration, forwarder
from tests.offices import EVENTS


@pytest.fixture(scope="module")
def filled(servers: HubServers, office: Path, tmp_path_factory: pytest.TempPathFactory) -> HubServers:
    """A hub with the log of the office capture."""
    servers.empty()
    folder = tmp_path_factory.mktemp("sensor")
    log = shutil.copy(office, folder / "events.jsonl")
    config = configuration(folder / "sensor.yaml", servers.url, servers.joined("office-1", folder), "office-1")
    sent = forwarder(config, log, "--once")
    _, complaints = sent.communicate(timeout=60)
    assert sent.returncode == 0, complaints.decode()
    return servers


def rows(hub: HubServers, capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, object]]:
    assert main(["hub", *arguments, "--json", "--config", str(hub.config)]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_sensor_and_how_it_stands(filled: HubServers, capsys: pytest.CaptureFixture[str]) -> None:
    """Gaps are counted from committed numbers."""
    [one] = rows(filled, capsys, "sensors")
    assert (one["name"], one["site"], one["state"]) == ("office-1", SITE, "approved")
    assert (one["held"], one["gaps"]) == (EVENTS, 0)
    with filled.base() as base:
        base.execute("UPDATE logs SET committed = %s", [f"{{[5,10),[20,{EVENTS + 1})}}"])
    [one] = rows(filled, capsys, "sensors")
    assert (one["held"], one["gaps"], one["high"]) == (EVENTS - 14, 2, EVENTS)
    with filled.base() as base:
        base.execute("UPDATE logs SET committed = %s", [f"{{[1,{EVENTS + 1})}}"])


def test_devices_by_what_they_are(filled: HubServers, capsys: pytest.CaptureFixture[str]) -> None:
    """Devices are found by type, address, MAC and id; another site has none."""
    everything = rows(filled, capsys, "devices")
    assert len(everything) == 38
    one = next(row for row in everything if row["type"] == "camera")
    assert one in rows(filled, capsys, "devices", "--type", "camera")
    for word in str(one["ips"][0]), str(one["macs"][0]).upper(), str(one["id"]):  # type: ignore[index]
        assert rows(filled, capsys, "devices", "--find", word) == [one]
    assert rows(filled, capsys, "devices", "--type", "wearable") == []
    assert len(rows(filled, capsys, "devices", "--limit", "5")) == 5


@pytest.mark.parametrize(
    ("filter_", "near"),
    [(("--type", "camra"), "camera"), (("--site", "Hq"), "HQ"), (("--sensor", "office-2"), "office-1")],
)
def test_a_filter_that_nothing_can_match_is_an_error(
    filled: HubServers, capsys: pytest.CaptureFixture[str], filter_: tuple[str, str], near: str
) -> None:
    assert main(["hub", "devices", *filter_, "--config", str(filled.config)]) == 2
    captured = capsys.readouterr()
    assert (captured.out, f"did you mean {near!r}?" in captured.err) == ("", True)


def test_alerts_and_incidents_by_severity(filled: HubServers, capsys: pytest.CaptureFixture[str]) -> None:
    for kind, most in ("alerts", 7), ("incidents", 3):
        found = rows(filled, capsys, kind)
        assert len(found) == most
        severe = rows(filled, capsys, kind, "--severity", "critical")
        assert severe == [row for row in found if row["severity"] == 4]
        assert severe


@pytest.mark.parametrize("kind", ["alerts", "incidents"])
def test_the_id_in_a_list_is_the_one_of_other_commands(
    filled: HubServers, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    """The short id of each row begins exactly one id."""
    known = [str(row["id"]) for row in rows(filled, capsys, kind)]
    assert main(["hub", kind, "--config", str(filled.config)]) == 0
    head, *lines = capsys.readouterr().out.splitlines()
    assert kind.removesuffix("s").upper() in head.split()
    shown = [next(word for word in line.split() if word.startswith(f"{kind[:-1]}-")) for line in lines]
    assert [[name for name in known if name.startswith(word)] for word in shown] == [[name] for name in known]


def test_texts_of_peers_are_cleaned(filled: HubServers, capsys: pytest.CaptureFixture[str]) -> None:
    """A terminal gets no control characters from any device name."""
    with filled.base() as base:
        base.execute("UPDATE devices SET name = E'a\\x1b[31mb\\nc' WHERE type = 'camera'")
        base.execute("UPDATE alerts SET title = E'x\\x1b]0;t\\x07'")
    for kind in "devices", "alerts":
        assert main(["hub", kind, "--config", str(filled.config)]) == 0
        shown = capsys.readouterr().out
        assert not any(sign in shown for sign in "\x1b\x07")
        assert len(shown.splitlines()) == {"devices": 39, "alerts": 8}[kind]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["frobnicate"], 2),
        (["approve"], 2),
        (["approve", "nobody"], 1),
        (["resend", "nobody"], 1),
        (["token"], 2),
        (["note", "alert-x"], 2),
        (["note", "alert-x", "--status", "closed"], 1),
        (["reader", "no_such_role", "HQ"], 3),
    ],
)
def test_invalid_arguments(
    filled: HubServers, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int
) -> None:
    """Each exits with its code, and an error that has an entry in the catalogue."""
    assert main(["hub", *arguments, "--config", str(filled.config)]) == code
    assert capsys.readouterr().err.rstrip().endswith("]")


def test_a_hub_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A missing configuration and a missing database are reported."""
    assert main(["hub", "sensors", "--config", str(tmp_path / "hub.yaml")]) == 2
    (tmp_path / "hub.yaml").write_text(
        "nats: {servers: ['nats://127.0.0.1:1']}\ndatabase: {url: 'postgresql://a:secret@127.0.0.1:1/x'}\n"
    )
    assert main(["hub", "sensors", "--config", str(tmp_path / "hub.yaml")]) == 3
    shown = capsys.readouterr().err
    assert "[hub.no-database]" in shown
    assert "secret" not in shown
