"""The installer with real packages and dpkg: what it installs, refuses and rolls back."""

from __future__ import annotations

from pathlib import Path

import pytest

from sensor.outputs.transport.nkeys import OPERATOR, KeyPair
from sensor.sync.health import Health
from sensor.upgrades import installer
from sensor.upgrades.results import load_result, load_trial
from sensor.upgrades.staging import ORDER
from tests.upgrades.machine import BROKEN, GOOD, START, Machine, built, needs_dpkg

pytestmark = needs_dpkg


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def outcome(machine: Machine) -> tuple[str, str]:
    """Run the installer; state of the result, and installed version."""
    result = machine.installer().run()
    return ("" if result is None else result.state), machine.dpkg.installed()


def refusal(machine: Machine) -> str:
    """Run the installer, which refuses; the reason."""
    assert outcome(machine) == ("refused", "1.0")
    result = load_result(machine.places.own)
    assert result is not None
    return result.reason


def test_a_version_that_stays_healthy_is_kept(machine: Machine) -> None:
    """It is observed for the time of a trial; the order is done, and nothing is left to do."""
    machine.ordered(built(machine.folder, "1.1"), "1.1")
    assert outcome(machine) == ("installed", "1.1")
    assert machine.now - START >= installer.TRIAL_S
    assert not (machine.places.staging / ORDER).exists()
    assert outcome(machine) == ("", "1.1")


def test_a_version_with_a_fault_is_rolled_back(machine: Machine) -> None:
    """The former package is installed again. The same release is not tried again; signed again, it is."""
    package = built(machine.folder, "1.1", BROKEN)
    machine.ordered(package, "1.1")
    assert outcome(machine) == ("rolled_back", "1.0")
    result = load_result(machine.places.own)
    assert result is not None
    assert "event log" in result.reason
    machine.ordered(package, "1.1")
    assert outcome(machine) == ("", "1.0")
    assert not (machine.places.staging / ORDER).exists()
    machine.ordered(package, "1.1", signed=2)
    assert outcome(machine) == ("rolled_back", "1.0")


def test_a_fault_that_existed_before_is_no_reason(tmp_path: Path) -> None:
    machine = Machine(tmp_path, BROKEN)
    machine.ordered(built(machine.folder, "1.1", BROKEN), "1.1")
    assert outcome(machine) == ("installed", "1.1")


def test_a_version_that_does_not_start_is_rolled_back(machine: Machine) -> None:
    """It has two minutes to start."""
    machine.ordered(built(machine.folder, "1.1", {"running": False}), "1.1")
    assert outcome(machine) == ("rolled_back", "1.0")
    assert machine.now - START > installer.START_S


@pytest.mark.parametrize("corrected", [0.0, 86_400.0, -86_400.0])
def test_a_version_that_starts_late_is_kept(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, corrected: float
) -> None:
    """Also if the clock of the system is corrected during the trial."""
    machine.ordered(built(machine.folder, "1.1"), "1.1")
    health = machine.health

    def late() -> Health:
        machine.corrected = corrected if machine.now > START else 0.0
        return Health() if START < machine.now < START + installer.START_S - 20 else health()

    monkeypatch.setattr(machine, "health", late)
    assert outcome(machine) == ("installed", "1.1")
    assert installer.TRIAL_S <= machine.now - START < 2 * installer.TRIAL_S


def test_a_former_version_that_does_not_run_again(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may refuse an inventory that the new version has changed: the rollback failed, and the reason is reported."""
    machine.ordered(built(machine.folder, "1.1", BROKEN), "1.1")
    health = machine.health
    monkeypatch.setattr(
        machine, "health", lambda: health() if machine.now == START or machine.dpkg.installed() == "1.1" else Health()
    )
    assert outcome(machine) == ("failed", "1.0")
    result = load_result(machine.places.own)
    assert result is not None
    assert "version 1.0" in result.reason
    assert load_trial(machine.places.own) is None


def test_a_package_that_dpkg_rejects_is_rolled_back(machine: Machine) -> None:
    """It depends on a package that does not exist: dpkg unpacks it and fails."""
    machine.ordered(built(machine.folder, "1.1", more="Depends: libmissing7\n"), "1.1")
    assert outcome(machine) == ("rolled_back", "1.0")
    result = load_result(machine.places.own)
    assert result is not None
    assert "libmissing7" in result.reason


def test_an_attacker_as_the_sensor_installs_nothing(machine: Machine) -> None:
    """Wrong signature, cut or replaced package, a link to another file, an older version: nothing is installed."""
    package = built(machine.folder, "1.1")
    machine.ordered(package, "1.1", signer=KeyPair.generate(OPERATOR))
    assert "not signed" in refusal(machine)
    release = machine.ordered(package, "1.1", signed=2)
    staged = machine.places.staging / release.name
    staged.write_bytes(package.read_bytes()[:-1])
    assert "SHA-256" in refusal(machine)
    machine.ordered(package, "1.1", signed=3)
    staged.write_bytes(built(machine.folder, "6.6").read_bytes())
    assert "SHA-256" in refusal(machine)
    machine.ordered(package, "1.1", signed=4)
    staged.unlink()
    staged.symlink_to(package)
    assert "missing" in refusal(machine)
    staged.unlink()
    machine.ordered(built(machine.folder, "0.9"), "0.9", signed=5)
    assert "not newer" in refusal(machine)
    (machine.places.staging / ORDER).write_bytes(b"{")
    assert outcome(machine) == ("", "1.0")
    machine.ordered(package, "1.1", signed=6)
    assert outcome(machine) == ("installed", "1.1")


def test_a_package_is_what_its_release_states(machine: Machine) -> None:
    """A signed release of version 1.2 whose package is version 1.1."""
    machine.ordered(built(machine.folder, "1.1"), "1.2")
    assert "expected passive-network-sensor 1.2" in refusal(machine)


def test_a_key_that_others_may_write_is_not_trusted(machine: Machine) -> None:
    machine.ordered(built(machine.folder, "1.1"), "1.1")
    machine.places.operator.chmod(0o664)
    assert "chmod" in refusal(machine)
    machine.places.operator.unlink()
    machine.ordered(machine.folder / "passive-network-sensor_1.1.deb", "1.1", signed=2)
    assert "does not exist" in refusal(machine)


class PowerLoss(Exception):
    pass


@pytest.mark.parametrize(("health", "state", "version"), [(GOOD, "installed", "1.1"), (BROKEN, "rolled_back", "1.0")])
def test_a_trial_continues_after_a_power_loss(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, health: dict[str, object], state: str, version: str
) -> None:
    """The new version is observed for the whole time of a trial, compared with the health before the upgrade."""
    machine.ordered(built(machine.folder, "1.1", health), "1.1")
    with monkeypatch.context() as patch:
        patch.setattr(machine, "wait", lost_power)
        with pytest.raises(PowerLoss):
            machine.installer().run()
    assert load_trial(machine.places.own) is not None
    assert outcome(machine) == (state, version)
    assert load_trial(machine.places.own) is None


def test_a_power_loss_while_packages_are_verified(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is installed, and no state claims it: a rollout that is stopped meanwhile leaves nothing to continue."""
    machine.ordered(built(machine.folder, "1.1"), "1.1")
    with monkeypatch.context() as patch:
        patch.setattr(installer, "check_package", lost_power)
        with pytest.raises(PowerLoss):
            machine.installer().run()
    assert load_result(machine.places.own) is None
    machine.staging.withdraw()
    assert machine.installer().run() is None
    assert load_result(machine.places.own) is None


def test_a_power_loss_while_dpkg_works(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is known about the new files: the former package is installed again."""
    package = built(machine.folder, "1.1", more="Depends: libmissing7\n")
    machine.ordered(package, "1.1")
    with monkeypatch.context() as patch:
        patch.setattr(installer.Installer, "_roll_back", lost_power)
        with pytest.raises(PowerLoss):
            machine.installer().run()
    assert machine.dpkg.installed() == ""
    assert outcome(machine) == ("rolled_back", "1.0")


def lost_power(*_: object) -> None:
    raise PowerLoss
