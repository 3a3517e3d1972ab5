"""Ids on the command line: any unambiguous prefix and ids of an earlier version are accepted; ambiguous ones are
rejected with the candidates.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from sensor.cli.main import main
from tests.cli.conftest import Result, parted

PCAPS = Path(__file__).parents[2] / "pcaps"


@pytest.fixture
def invoke(office: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Result]:
    def run(*arguments: str) -> Result:
        capsys.readouterr()
        return parted(main([*arguments, "--state", str(office)]), *capsys.readouterr())

    return run


def test_alerts_and_devices_by_a_beginning(invoke: Callable[..., Result]) -> None:
    """Tables show the short form; any unambiguous length of prefix is accepted everywhere."""
    alerts = [json.loads(line)["alert"] for line in invoke("alerts", "--json").lines]
    assert all(len(one["id"]) == len("alert-") + 14 for one in alerts)
    name = alerts[0]["id"]
    table = invoke("alerts").out
    assert name[:12] in table
    assert name not in table
    for start in (name, name[:12], name[:10]):
        assert json.loads(invoke("explain", start, "--json").lines[0])["alert"]["id"] == name
        assert invoke("alerts", "ack", start).code == 0
    device = json.loads(invoke("devices", "--json").lines[0])["id"]
    assert invoke("explain", device[:10]).lines == invoke("explain", device).lines
    assert invoke("devices", "history", device[:9]).code == 0
    assert {
        json.loads(line)["alert"]["id"]
        for line in invoke("alerts", "--json", "--device", _camera(alerts, invoke)[:10]).lines
    } >= {name}


def _camera(alerts: list[dict[str, str]], invoke: Callable[..., Result]) -> str:
    """The device that is the source of the first alert."""
    return str(json.loads(invoke("explain", alerts[0]["id"], "--json").lines[0])["src"]["device"])


def test_the_first_letters_of_a_device(invoke: Callable[..., Result]) -> None:
    """One letter is enough if one id begins with it; otherwise the candidates are listed and no device is shown."""
    ids = [json.loads(line)["id"] for line in invoke("devices", "--json").lines]
    first = [name[:5] for name in ids]
    once = next(name for name in ids if first.count(name[:5]) == 1)
    assert once in invoke("explain", once[:5]).out
    for start in ("dev-", next(one for one in first if first.count(one) > 1)):
        result = invoke("explain", start)
        assert (result.code, result.out, result.errors) == (1, "", ("device.ambiguous",))
    assert invoke("explain", "dev-u").errors == ("device.unknown",)  # not a letter of Crockford base 32


def test_an_ambiguous_beginning(invoke: Callable[..., Result], office: Path) -> None:
    """Nothing is changed, and both ids are listed."""
    with closing(sqlite3.connect(office / "inventory.db")) as base:
        (name,) = base.execute("SELECT id FROM alerts LIMIT 1").fetchone()
        (number,) = base.execute("SELECT max(number) + 1 FROM alerts").fetchone()
        twin = f"{name[:12]}zzzzzzzz"
        base.execute(
            (
                "INSERT INTO alerts (number, id, key, of_group, title, risk, count, first, last, ended, seq, summary, "
                "words, severity) SELECT ?, ?, 'twin', of_group, title, risk, count, first, last, ended, seq, summary, "
                "words, severity FROM alerts WHERE id = ?"
            ),
            (number, twin, name),
        )
        base.commit()
    result = invoke("alerts", "close", name[:12], "--reason", "a test")
    assert result.code == 2
    assert name in result.err
    assert twin in result.err
    assert invoke("alerts", "close", name, "--reason", "a test").code == 0
