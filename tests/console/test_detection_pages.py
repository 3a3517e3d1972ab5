"""Threat lists and rules in the console: show, check, backtest, test, write, remove; with roles and an audit log."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from sensor.cli.main import main
from sensor.console import rule_files
from sensor.datasets.dataset import dataset_in
from sensor.datasets.reload_request import Requests
from sensor.views.errors import NotReadable
from tests.console.kit import Running, commands_forked, csrf_of

C2 = "203.0.113.66"  # a host with traffic of the office
RULES = """\
rules:
  - id: talks_to_c2
    title: A host talks to the listed server
    summary: "{src} connected to {dst}"
    when: flow.answered
    where: {dst: 203.0.113.66}
    tests:
      - title: it does
        events: [{src: 10.0.0.1, dst: 203.0.113.66, answered: true}]
      - title: it talks to another one
        alerts: 0
        events: [{src: 10.0.0.1, dst: 203.0.113.67, answered: true}]
"""


@pytest.fixture(scope="module")
def there(office_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A console on a copy of the office."""
    folder = tmp_path_factory.mktemp("detection") / "own"
    shutil.copytree(office_folder, folder)
    with commands_forked():
        running = Running(folder)
    yield running
    running.stop()


@pytest.fixture(scope="module")
def anna(there: Running) -> Iterator[httpx.Client]:
    with there.client("anna", "write") as client:
        yield client


def send(client: httpx.Client, path: str, **fields: str) -> httpx.Response:
    return client.post(path, data={"csrf": csrf_of(client.get("/lists").text), **fields})


def audit_of(folder: Path) -> list[tuple[str, str, str]]:
    lines = (folder / "console-audit.jsonl").read_text().splitlines()
    return [(one["who"], one["action"], one.get("text", "")) for one in map(json.loads, lines)]


def test_a_list_is_backtested_added_checked_changed_and_removed(
    there: Running, anna: httpx.Client, capsys: pytest.CaptureFixture[str]
) -> None:
    """The backtest finds the server in the traffic; `sensor intel` has the same list."""
    text = f"{C2} botnet\r\nunheard.example\r\nno entry!\r\n"
    backtested = send(anna, "/lists/act", action="backtest", name="ours", text=text)
    assert backtested.status_code == 200
    assert "<strong>1</strong> of" in backtested.text
    assert f"/search?q={C2}" in backtested.text
    assert "line 3" in backtested.text
    assert "on any list" in anna.get("/lists?check=unheard.example").text
    assert not (there.state / "intel/lists.yaml").exists()

    saved = send(anna, "/lists/act", action="save", name="ours", text=text, confidence="95", category="own")
    assert saved.headers["location"] == "/lists/ours"
    assert "unheard.example" in anna.get("/lists/ours").text
    found = anna.get(f"/lists?check={C2}+8.8.8.8").text
    assert "95%" in found
    assert "on any list" in found
    assert main(["intel", "check", C2, "--state", str(there.state), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["confidence"] == 0.95

    again = send(anna, "/lists/act", action="save", name="ours", text="198.51.100.7\n")
    assert again.status_code == 303
    assert C2 not in anna.get("/lists/ours").text
    assert send(anna, "/lists/act", action="remove", name="ours").status_code == 303
    assert anna.get("/lists/ours").status_code == 400
    assert main(["intel", "check", "198.51.100.7", "--state", str(there.state)]) == 3  # no list is left
    assert [entry[1] for entry in audit_of(there.state)][-3:] == ["list save", "list save", "list remove"]


def test_a_list_of_exceptions_overrides(anna: httpx.Client) -> None:
    send(anna, "/lists/act", action="save", name="bad", text=f"{C2}\n")
    send(anna, "/lists/act", action="save", name="partner", text=f"{C2}\n", allow="yes")
    assert "no: allowed" in anna.get(f"/lists?check={C2}").text
    assert "allow-partner" in anna.get("/lists").text
    for name in ("bad", "allow-partner"):
        send(anna, "/lists/act", action="remove", name=name)


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "../../x", "text": C2},
        {"name": "Ours", "text": C2},
        {"name": "", "text": C2},
        {"name": "ours", "text": ""},
        {"name": "ours", "text": "nothing that is an entry"},
        {"name": "ours", "text": C2, "confidence": "101"},
        {"name": "ours", "text": C2, "keep_days": "-1"},
    ],
)
def test_a_list_that_cannot_be_is_refused_and_nothing_is_written(
    there: Running, anna: httpx.Client, fields: dict[str, str]
) -> None:
    assert send(anna, "/lists/act", action="save", **fields).status_code == 400
    assert "ours" not in anna.get("/lists").text.split("Add a list", maxsplit=1)[0]
    assert not list((there.state / "intel").glob("own/*")) if (there.state / "intel").exists() else True


def test_only_administrators_name_urls_and_none_is_opened(there: Running, anna: httpx.Client) -> None:
    """A file of the host, a plain or a local URL is rejected for all users; an https URL waits for `sensor intel
    update`.
    """
    url = "https://127.0.0.1:1/list.txt"
    assert send(anna, "/lists/act", action="save", name="feed", source=url).status_code == 403
    with there.client("root", "admin") as root:
        for source in ("/etc/passwd", "file:///etc/passwd", "http://127.0.0.1/x", "ftp://127.0.0.1/x", "gopher://x"):
            assert send(root, "/lists/act", action="save", name="feed", source=source).status_code == 400
        assert send(root, "/lists/act", action="save", name="feed", source=url).status_code == 303
        assert "waiting: `sensor intel update` downloads it" in root.get("/lists").text
        assert root.get("/lists/feed").status_code == 503
        assert send(root, "/lists/act", action="remove", name="feed").status_code == 303


def test_rules_are_tested_backtested_saved_and_removed(there: Running, anna: httpx.Client) -> None:
    """The backtest raises the alert on the office; saving requests a reload from the sensor."""
    requests = Requests(there.state)
    tested = send(anna, "/rules/act", action="test", name="ours", text=RULES.replace("\n", "\r\n"))
    assert all(count in tested.text for count in ("1 valid rule", "0 faults", "2 of 2 tests"))
    backtested = send(anna, "/rules/act", action="backtest", name="ours", text=RULES)
    assert "1 alert " in backtested.text
    assert "A host talks to the listed server" in backtested.text
    assert not (there.state / "rules").exists()
    assert not requests.requested()

    assert send(anna, "/rules/act", action="save", name="ours", text=RULES).status_code == 303
    assert requests.requested()
    assert (there.state / "rules/ours.yaml").read_text() == RULES
    assert "custom.talks_<wbr>to_<wbr>c2" in anna.get("/rules").text
    assert "flow.answered" in anna.get("/rules/ours?when=dns.query").text
    assert send(anna, "/rules/act", action="save", name="ours", text=RULES).status_code == 400
    assert send(anna, "/rules/act", action="remove", name="ours").status_code == 303
    assert anna.get("/rules/ours").status_code == 400
    assert [one for one in audit_of(there.state) if one[1].startswith("rules")] == [
        ("anna", "rules save", "ours"), ("anna", "rules save", "ours"), ("anna", "rules remove", "ours"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (RULES.replace("flow.answered", "flow.answerd"), "ours.yaml:5:11"),
        (RULES.replace("alerts: 0", "alerts: 7"), "expected 7 alerts, found 0"),
        ("rules: [", "not YAML"),
        ("", "ours.yaml:1:1"),
    ],
)
def test_rules_with_a_fault_are_not_saved(there: Running, anna: httpx.Client, text: str, expected: str) -> None:
    """A fault has file, line and column; a failed test is a fault."""
    answer = send(anna, "/rules/act", action="save", name="ours", text=text)
    assert answer.status_code == 200
    assert expected in answer.text
    assert not (there.state / "rules/ours.yaml").exists()


@pytest.mark.parametrize("name", ["../x", "a/b", ".hidden", "", "a.yaml", "A", "x\x00"])
def test_names_of_rule_files_lead_nowhere_else(there: Running, anna: httpx.Client, name: str) -> None:
    assert send(anna, "/rules/act", action="save", name=name, text=RULES).status_code == 400
    assert send(anna, "/rules/act", action="remove", name=name).status_code == 400
    assert not list(there.state.glob("*.yaml"))


def test_who_may_only_read_looks_and_changes_nothing(there: Running) -> None:
    with there.client("guest", "read") as guest:
        assert "Add a list" not in guest.get("/lists").text
        assert "New rules" not in guest.get("/rules").text
        assert send(guest, "/lists/act", action="save", name="ours", text=C2).status_code == 403
        assert send(guest, "/rules/act", action="save", name="ours", text=RULES).status_code == 403


def test_a_second_backtest_is_refused_instead_of_holding_a_thread(
    office_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rule_files, "WAIT_S", 0.01)
    rules = rule_files.RuleFiles(tmp_path, None)
    with rule_files._BACKTESTING, pytest.raises(NotReadable, match="another backtest"):
        rules.backtest("ours", RULES, dataset_in(office_folder))
    live = dataset_in(tmp_path)
    with pytest.raises(NotReadable, match="captures"):
        rules.backtest("ours", RULES, live)
