"""Configuration of the fleet with the real commands: published at the hub, pulled by a sensor over NATS, and the
effects of a tampered database.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sensor.cli.main import main
from sensor.config import load_config
from sensor.sync.health import Health
from tests.forked import Forking
from tests.hub.hub_kit import SITE, HubServers


class Office:
    """A sensor that was enrolled with --sync, and the commands of both sides, in this process."""

    def __init__(self, servers: HubServers, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.servers, self.config, self._capsys = servers, folder / "etc" / "sensor.yaml", capsys
        self.config.parent.mkdir()
        credentials = folder / "state" / "hub.creds"
        self.config.write_text(
            f"sensor: {{id: office-1, site: {SITE}}}\nstate: {folder}/state\noutputs:\n  hub:\n    type: hub\n"
            f"    servers: [{servers.url}]\n    credentials: {credentials}\n"
        )
        _, token = self.hub("token", "--site", SITE)
        arguments = ["join", servers.url, token.strip(), "--config", str(self.config), "-o", str(credentials), "--sync"]
        assert main(arguments) == 0
        capsys.readouterr()

    def hub(self, *arguments: str) -> tuple[int, str]:
        self._capsys.readouterr()
        code = main(["hub", *arguments, "--config", str(self.servers.config)])
        return code, self._capsys.readouterr().out

    def sync(self) -> int:
        return main(["sync", "--once", "--config", str(self.config)])

    def reported(self) -> list[tuple[str, str]]:
        """State and name of each sensor in the hub's list."""
        rows = [json.loads(line) for line in self.hub("configurations", "--json")[1].splitlines()]
        return [(row["state"], row["name"]) for row in rows if "expected" in row]


@pytest.fixture
def office(
    servers: HubServers, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Office:
    # Health checks are tested with the agent; no sensor runs here.
    monkeypatch.setattr("sensor.sync.agent.TRIAL_S", 0.0)
    monkeypatch.setattr("sensor.cli._sync_agent.subprocess", Forking())
    monkeypatch.setattr("sensor.cli._sync_agent.health_now", lambda _: Health())
    servers.empty()
    return Office(servers, tmp_path, capsys)


def layer(folder: Path, text: str, **files: str) -> str:
    for name, content in {"sensor.yaml": text, **files}.items():
        path = folder / "layer" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return str(folder / "layer")


@pytest.mark.slow
def test_a_fleet_is_configured(office: Office, tmp_path: Path) -> None:
    """Layers of fleet, site and sensor; a list longer than a message; an earlier version; an empty layer."""
    lines = f"# {'x' * 1000}\n" * 700 + "192.0.2.1\n"
    assert office.hub("configure", layer(tmp_path, "preset: quiet\n", **{"lists/a.txt": lines}))[0] == 0
    assert office.hub("configure", layer(tmp_path / "b", "alerts: {least: low}\n"), "--site", SITE)[0] == 0
    assert office.hub("configure", layer(tmp_path / "c", "alerts: {least: high}\n"), "--sensor", "office-1")[0] == 0
    assert office.sync() == 0
    config = load_config(office.config)
    assert (config.preset, config.alerts.least, config.sensor.site) == ("quiet", "high", SITE)
    assert [path.read_text() for path in config.intel] == [lines]
    assert office.hub("configure", layer(tmp_path / "d", "preset: paranoid\n"))[0] == 0
    assert office.sync() == 0
    assert office.reported() == [("applied", "office-1")]
    assert load_config(office.config).preset == "paranoid"
    assert office.hub("configure", "--version", "1")[0] == 0
    assert office.sync() == 0
    assert load_config(office.config).preset == "quiet"
    for arguments in [], ["--site", SITE], ["--sensor", "office-1"]:
        assert office.hub("configure", "--clear", *arguments)[0] == 0
    assert office.sync() == 0
    assert load_config(office.config).alerts.least is None


@pytest.mark.parametrize(
    ("text", "arguments", "code"),
    [
        ("sensor: {id: x}\n", [], 2),
        ("presett: quiet\n", [], 2),
        ("preset: quiet\n", ["--sensor", "nobody"], 1),
        ("preset: quiet\n", ["--site", "a", "--sensor", "b"], 2),
        ("outputs: {siem: {filter: {severity: high}}}\n", [], 0),
    ],
)
def test_what_is_not_published(office: Office, tmp_path: Path, text: str, arguments: list[str], code: int) -> None:
    """Faults are found before any sensor gets the layer; a layer may complete an output that only sensors have."""
    assert office.hub("configure", layer(tmp_path, text), *arguments)[0] == code
    assert office.servers.queried("SELECT count(*) FROM configurations") == [(int(code == 0),)]


def test_a_database_that_was_changed(office: Office, tmp_path: Path) -> None:
    """Layers and files changed without the operator's key are rejected, and the sensor continues."""
    office.hub("configure", layer(tmp_path, "preset: quiet\n", **{"lists/a.txt": "192.0.2.1\n"}))
    with office.servers.base() as base:
        base.execute("UPDATE configuration_files SET body = 'preset: paranoid' WHERE length(body) = 14")
    assert office.sync() == 1
    assert load_config(office.config).preset == "balanced"
    with office.servers.base() as base:
        base.execute("UPDATE configurations SET content = replace(content, 'lists/a.txt', 'lists/b.txt')")
    assert office.sync() == 1
    assert load_config(office.config).intel == []
    assert office.reported() == [("refused", "office-1")]
