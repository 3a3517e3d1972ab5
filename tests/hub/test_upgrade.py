"""An upgrade with real programs: released and rolled out at the hub, downloaded over NATS, installed with dpkg; a
broken version is rolled back and stops the rollout.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from sensor.cli._sync_agent import agent_of, staging_of
from sensor.cli.main import main
from sensor.hub.rollouts import review
from sensor.sync.agent import Agent
from sensor.upgrades import OPERATOR
from sensor.upgrades.installer import InstallerPaths
from sensor.upgrades.packages import Dpkg
from sensor.upgrades.staging import ORDER
from tests.hub.hub_kit import HubServers
from tests.hub.test_configuration import Office
from tests.upgrades.machine import BROKEN, Machine, built, needs_dpkg

pytestmark = needs_dpkg


class UpgradedOffice(Office):
    """The sensor office-1, whose package is installed below a root folder."""

    def __init__(self, servers: HubServers, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        super().__init__(servers, folder, capsys)
        self.machine = Machine(folder / "machine")
        self.agent: Agent
        self._close: Any = None

    def enable(self) -> None:
        """`sensor upgrade enable`, then a start of `sensor sync`."""
        assert main(["upgrade", "enable", "--config", str(self.config)]) == 0
        self.machine.places = InstallerPaths(
            staging_of(self.config), self.machine.places.own, self.config.with_name(OPERATOR)
        )
        self.agent, self._close = agent_of(self.config)

    def upgrade(self) -> str:
        """Pull, download, install; the hub's state of the sensor afterwards."""
        self.agent.pull()
        for _ in range(20):
            self.agent.upgrade()
        assert (self.machine.places.staging / ORDER).exists()
        self.machine.installer().run()
        self.agent.pull()
        return self.state()

    def state(self) -> str:
        [row] = [row for row in self.listed() if "progress" in row or "chosen" in row]
        return str(row["state"])

    def listed(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.hub("upgrades", "--json")[1].splitlines()]

    def released(self, version: str, **more: Any) -> None:
        package = built(self.machine.folder / "released", version, **more)
        code, printed = self.hub("release", str(package))
        assert (code, version in printed) == (0, True)

    def close(self) -> None:
        if self._close is not None:
            self._close()


@pytest.fixture
def office(
    servers: HubServers, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[UpgradedOffice]:
    servers.empty()
    (tmp_path / "machine").mkdir()
    office = UpgradedOffice(servers, tmp_path, capsys)
    # The root folder of this machine, and its sensor.
    monkeypatch.setattr("sensor.upgrades.packages.Dpkg", functools.partial(Dpkg, office.machine.root))
    for module in ("sensor.cli.upgrade", "sensor.upgrades"):
        monkeypatch.setattr(f"{module}.FOLDER", office.machine.places.own)
    monkeypatch.setattr("sensor.cli._sync_agent.health_now", lambda _: office.machine.health())
    yield office
    office.close()


def test_an_upgrade_and_a_rollback(office: UpgradedOffice) -> None:
    """Version 1.1 is rolled out to the only sensor; 1.2 has a fault, is rolled back there and offered no more."""
    office.released("1.0")
    office.released("1.1", size=1_200_000)
    office.enable()
    office.agent.pull()
    assert office.hub("rollout", "1.1", "--healthy", "1h")[0] == 0
    assert office.upgrade() == "installed"
    assert office.machine.dpkg.installed() == "1.1"
    assert [row["health"] for row in office.listed() if "health" in row] == ["ok"]
    assert [office.hub("rollout", "next")[0] for _ in range(3)] == [0, 0, 1]
    with office.servers.base() as base:
        rollout = review(base, datetime.now(UTC))
    assert rollout is not None
    assert (rollout.state, rollout.ring) == ("finished", 3)
    office.released("1.2", health=BROKEN)
    assert office.hub("rollout", "1.2")[0] == 0
    assert office.upgrade() == "rolled_back"
    assert office.machine.dpkg.installed() == "1.1"
    [rollout_row] = [row for row in office.listed() if "ring" in row and "author" in row]
    assert (rollout_row["state"], "event log" in rollout_row["reason"]) == ("stopped", True)
    office.agent.pull()
    office.agent.upgrade()
    assert not (office.machine.places.staging / ORDER).exists()


def test_a_sensor_that_root_did_not_enable(office: UpgradedOffice) -> None:
    """It reports nothing about upgrades, and cannot be part of a rollout."""
    office.released("1.1")
    assert office.sync() == 0
    assert office.hub("rollout", "1.1")[0] == 1
    assert office.hub("rollout", "2.0")[0] == 1
    [row] = [row for row in office.listed() if "chosen" in row]
    assert (row["at"], row["installed"]) == (None, None)


def test_a_package_that_was_changed_at_the_hub(office: UpgradedOffice) -> None:
    """Neither the database nor a worker can replace a package."""
    office.released("1.0")
    office.released("1.1")
    office.enable()
    office.agent.pull()
    office.hub("rollout", "1.1")
    with office.servers.base() as base:
        base.execute("UPDATE release_parts SET body = set_byte(body, 100, get_byte(body, 100) # 1)")
    office.agent.pull()
    office.agent.upgrade()
    assert not (office.machine.places.staging / ORDER).exists()
    office.agent.pull()
    assert office.state() == "refused"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["release", "README.md"], 1), (["release", "none.deb"], 3), (["release"], 2), (["rollout"], 2),
        (["rollout", "1.0", "--healthy", "soon"], 2), (["rollout", "stop"], 1), (["ring", "nobody", "1"], 1),
        (["ring", "office-1", "4"], 2), (["ring", "office-1", "2"], 0), (["ring", "office-1", "auto"], 0),
    ],
)  # fmt: skip
def test_commands_of_the_operator(office: UpgradedOffice, arguments: list[str], code: int) -> None:
    assert office.hub(*arguments)[0] == code
