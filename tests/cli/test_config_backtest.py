"""`sensor config check FILE --backtest SPAN` on the alerts of the office."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Result

Backtest = Callable[..., Result]
BEATS = "command_and_control.beaconing: {beats: %s}"


@pytest.fixture
def backtest(office: Path, tmp_path: Path, run_cli: Callable[..., Result]) -> Backtest:
    """Backtests these options of detectors."""

    def run(*detectors: str, more: tuple[str, ...] = (), text: str = "") -> Result:
        changed = tmp_path / "changed.yaml"
        changed.write_text(text + "detectors:\n" + "".join(f"  {one}\n" for one in detectors))
        return run_cli("config", "check", str(changed), "--backtest", "30d", "--state", str(office), *more)

    return run


def test_a_higher_threshold_silences_the_alert_that_reached_less(backtest: Backtest) -> None:
    """The office has a beacon with 12 regular contacts, the default threshold."""
    done = backtest(BEATS % 13, more=("--json",))
    [row] = map(json.loads, done.lines)
    assert (done.code, row["option"], row["old"], row["new"]) == (0, "beats", 12, 13)
    assert (len(row["silenced"]), row["kept"], row["unknown"]) == (1, [], [])
    shown = backtest(BEATS % 13)
    assert row["silenced"][0][:12] in shown.out


def test_the_same_configuration_changes_nothing(backtest: Backtest, tmp_path: Path) -> None:
    in_use = tmp_path / "sensor.yaml"
    in_use.write_text("detectors:\n  " + BEATS % 13 + "\n")
    assert backtest(BEATS % 13, more=("--json", "--config", str(in_use))).out == ""
    assert backtest(BEATS % 13, more=("--json",)).out


def test_what_is_unknown_has_a_reason(backtest: Backtest) -> None:
    done = backtest(BEATS % 6, "discovery.port_scan: {window_s: 60}", more=("--json",))
    assert all(row["unknown_reason"] and "silenced" not in row for row in map(json.loads, done.lines))
    assert len(done.lines) == 2


def test_a_disabled_detector_and_severities(backtest: Backtest) -> None:
    off = backtest(
        "command_and_control.beaconing: {enabled: false}", text="alerts: {least: medium}\n", more=("--json",)
    )
    least, disabled = map(json.loads, off.lines)
    assert (least["option"], disabled["option"]) == ("least", "enabled")
    assert set(disabled["silenced"]) < set(least["silenced"])
    assert least["kept"]


def test_usage_and_faults(backtest: Backtest, run_cli: Callable[..., Result]) -> None:
    assert backtest("discovery.port_scan: {prots: 40}").code == 2
    assert (found := run_cli("config", "check", "--backtest", "30d")).code == 2
    assert found.errors == ("usage.missing-argument",)
    assert run_cli("config", "show", "a.yaml", "--backtest", "30d").code == 2
    assert run_cli("config", "check", "a.yaml", "--backtest", "soon").code == 2
