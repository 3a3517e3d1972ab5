"""sensor explain of addresses, domains, MAC addresses and fingerprints: the office with and without traffic records."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sensor.cli._table import fitted
from sensor.cli.main import main
from tests.sampling import drawn

pytestmark = pytest.mark.usefixtures("queries_within")

PCAPS = Path(__file__).parents[2] / "pcaps"
CAMERA = "10.20.10.62"
Ask = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def invoke(office: Path, capsys: pytest.CaptureFixture[str]) -> Ask:
    def explain(what: str, state: Path = office) -> tuple[int, dict[str, Any]]:
        capsys.readouterr()
        code = main(["explain", what, "--json", "--state", str(state)])
        bodies = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        return code, next((one for one in bodies if one["kind"] == "indicator"), {})

    return explain


def names_in(office: Path) -> list[str]:
    """All names under which alerts and their devices are found, and some that nothing has."""
    records = [json.loads(line) for line in (office / "events.jsonl").read_text(encoding="utf-8").splitlines()]
    alerts = [record for record in records if record["kind"] == "alert"]
    names = {"203.0.113.66", "0:0::1", "debian.example.", "DEB.debian.example", "deb", "café", "10.20.10.61 "}
    for record in alerts:
        alert = record["alert"]
        names |= {
            alert["id"],
            alert["id"][:12],
            alert["id"].upper(),
            alert["detector"],
            alert["key"],
            alert["key"][:12],
        }
        for end in (record["src"], record.get("dst", {}), *record.get("targets", ())):
            names |= {end[name] for name in ("ip", "mac", "device", "hostname") if name in end}
            names |= {end.get("mac", "").replace(":", "-").upper(), end.get("hostname", "").upper()}
    return sorted(names - {""})


def test_alerts_that_are_not_read_change_nothing(
    office: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only alerts that contain the name are read from a large table."""
    names = drawn(names_in(office), 8, "names")
    assert len(names) >= 8

    def explained(name: str) -> tuple[int, str]:
        code = main(["explain", name, "--state", str(office)])
        return code, capsys.readouterr().out

    quick = [explained(name) for name in names]
    monkeypatch.setattr("sensor.cli.explain.words_about", lambda *_: [])
    assert [explained(name) for name in names] == quick


def test_an_external_address(invoke: Ask, office: Path, tmp_path: Path) -> None:
    """The camera's flows, the alert about the address and the list that contains it are shown; an address without
    traffic is unknown.
    """
    code, body = invoke("203.0.113.66")
    about = body["indicator"]
    assert (code, about["kind"], about["internal"]) == (0, "address", False)
    assert [row["client"]["address"] for row in about["conversations"]] == [CAMERA]
    assert [one["severity"] for one in about["alerts"]] == ["critical"]
    assert about["first"][:4] == "2026"
    assert about["first"] <= about["last"]
    assert body["lists"] == []
    state = tmp_path / "state"
    shutil.copytree(office, state)
    (state / "intel").mkdir()
    (state / "intel" / "blocked.list").write_text("203.0.113.0/24,scanner\n", encoding="utf-8")
    (state / "intel" / "allow-mine.list").write_text("203.0.113.66\n", encoding="utf-8")
    assert {(one["list"], one["allows"]) for one in invoke("203.0.113.66", state)[1]["lists"]} == {
        ("blocked", False),
        ("allow-mine", True),
    }
    assert invoke("198.18.0.99") == (1, {})


def test_an_internal_address(invoke: Ask) -> None:
    """The device of an internal address, the time since when, and its flows in both directions are shown."""
    about = invoke(CAMERA)[1]["indicator"]
    assert about["internal"]
    assert [one["held"] for one in about["holders"]] == [True]
    camera = about["holders"][0]["device"]
    ends = {(row["client"]["id"] == camera, row["server"]["id"] == camera) for row in about["conversations"]}
    assert ends == {(True, False), (False, True)}
    assert invoke("bc:ad:28:90:3e:66")[1]["indicator"]["holders"][0]["device"] == camera


def test_a_domain(invoke: Ask) -> None:
    """Subdomains belong to it, names that only end with the same letters do not."""
    about = invoke("hik-connect.example")[1]["indicator"]
    assert (about["kind"], about["names"], about["addresses"]) == (
        "domain",
        ["dev.hik-connect.example"],
        ["198.51.100.15"],
    )
    assert {row["client"]["address"] for row in about["conversations"]} == {CAMERA}
    assert invoke("connect.example") == (1, {})


def test_traffic_records(invoke: Ask, office: Path, tmp_path: Path) -> None:
    """Connections, names of an address, and clients with a fingerprint are shown; without records they are unknown, not
    none.
    """
    pytest.importorskip("duckdb")
    body = invoke("198.51.100.15")[1]
    assert {one["name"] for one in body["records"]["names"]} == {"dev.hik-connect.example"}
    assert body["records"]["talks"][0]["connections"] == 2
    code, body = invoke("T13D0708H2_04CA88AD2B9B_2F59B3FC5483")
    assert (code, body["indicator"]["kind"]) == (0, "fingerprint")
    assert body["records"]["rows"]["tls"] > 5
    state = tmp_path / "state"
    shutil.copytree(office, state)
    shutil.rmtree(state / "records")
    body = invoke("198.51.100.15", state)[1]
    assert (body["records"], bool(body["records_unknown"])) == (None, True)


def test_lines_fit_a_terminal() -> None:
    """Long lines are wrapped with indentation, short ones stay, and a word longer than the terminal is not broken."""
    line = (
        "    10.20.10.62 (front-door-camera-of-the-main-building) → update.example.com https/443, "
        "2026-11-24T08:02:01Z to 2026-11-24T08:10:01Z"
    )
    lines = list(fitted(["  short", line], 60))
    assert lines[0] == "  short"
    assert max(map(len, lines)) <= 60
    assert all(one.startswith("      ") for one in lines[2:])
    assert " ".join(one.strip() for one in lines[1:]) == line.strip()
    assert (
        "2001:db8:1234:5678:9abc:def0:1234:5678"
        in list(fitted(["  x 2001:db8:1234:5678:9abc:def0:1234:5678 y"], 20))[1]
    )


def test_for_people(office: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The text output has the same facts, sanitized."""
    capsys.readouterr()
    assert main(["explain", "203.0.113.66", "--state", str(office)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == "203.0.113.66 (external address)"
    assert any("office.intel" in line for line in lines if line.startswith("  lists"))
    assert all(line.isprintable() for line in lines)
