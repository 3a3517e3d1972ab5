"""No command reports "none" for what is unknown: every reading command in every condition, as documented in
docs/exit-codes.md.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from sensor.cli.main import main
from sensor.datasets.card import REPLAY, Card, write_card
from tests import sampling
from tests.cli.conftest import Result, parted
from tests.datasets._folders import age, running, write_inventory, write_log
from tests.offices import replayed_office

PAGE = Path(__file__).parents[2] / "docs" / "exit-codes.md"
# Words that a line may only use for what is known.
NONE = re.compile(
    (
        r"^(no (alerts|incidents|recommendations|devices|tickets)|nothing was .*|0 "
        r"(alerts|devices).*)$|\bNo alert was raised"
    ),
    re.MULTILINE,
)
LIVE = "live · 2026-11-24 08:00 to 08:20 UTC"
OFFICE = "office · replay · 2026-11-24 09:00 to 09:30 UTC"
SAME = "the same folder"


def rows() -> Iterator[tuple[str, list[str]]]:
    """Condition → code for each command of the table."""
    conditions: list[str] = []
    for cells in (
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in PAGE.read_text(encoding="utf-8").splitlines()
        if line.startswith("|")
    ):
        if cells[0] == "command" and len(cells) > 3:
            conditions = cells[1:]
        elif conditions and len(cells) == len(conditions) + 1 and not cells[0].startswith("---"):
            for command in re.findall(r"`([^`]+)`", cells[0]):
                yield command, cells[1:]


def conditions() -> list[str]:
    return ["nothing", "empty", "replay only", "live only", "both", "log missing", "store missing", "unreadable"]


CASES = [
    (command, condition, int(code))
    for command, codes in rows()
    for condition, code in zip(conditions(), codes, strict=True)
]
DRAWN = sampling.drawn(CASES, 120, "commands in conditions")


def made(state: Path, condition: str, within: ExitStack) -> None:
    """A state folder in one of the conditions, with real logs and inventories."""
    if condition in ("live only", "both", "store missing"):
        write_log(state / "events.jsonl")
    if condition in ("live only", "both", "log missing"):
        write_inventory(state)
    if condition in ("replay only", "both"):
        write_log(state / "datasets" / "office" / "events.jsonl", begin="09:00", end="09:30")
        write_inventory(state / "datasets" / "office")
        write_card(state / "datasets" / "office", Card(REPLAY, "office", ["/pcaps/office.pcap"]))
    if condition == "empty":
        write_inventory(state, devices=0)
        (state / "events.segments").mkdir()
        (state / "events.segments" / f"{1:020}.jsonl").touch()
    if condition == "unreadable":
        state.mkdir()
        (state / "events.jsonl").write_bytes(b"\n\r\r\n\x1c\0\0\0 no log\n" * 50)
    if condition == "both":
        age(state, 1000)
        age(state / "datasets" / "office", 10)
        within.enter_context(running(state))


@pytest.fixture
def invoke(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], Result]:
    monkeypatch.setenv("SENSOR_STATE", str(tmp_path / "state"))
    monkeypatch.delenv("SENSOR_DATA", raising=False)
    monkeypatch.chdir(tmp_path)

    def run(command: str) -> Result:
        code = main([str(tmp_path / "report.json") if word == "FILE" else word for word in command.split()])
        return parted(code, *capsys.readouterr())

    return run


@pytest.mark.parametrize(
    ("command", "condition", "code"), DRAWN, ids=[f"{command} - {condition}" for command, condition, _ in DRAWN]
)
def test_every_command_in_every_condition(
    tmp_path: Path, invoke: Callable[[str], Result], command: str, condition: str, code: int
) -> None:
    """The exit code is that of the page; the dataset is named if one was read; nothing unknown is reported as none, on
    either stream; no file is created.
    """
    with ExitStack() as within:
        made(tmp_path / "state", condition, within)
        result = invoke(command)
    assert result.code == code, result
    assert "Traceback" not in result.err
    if condition == "nothing":
        assert (result.out, result.head, (tmp_path / "state").exists()) == ("", "", False)
    elif not command.startswith("data") and condition not in {"unreadable", "empty"}:
        assert result.head == {"replay only": OFFICE, "log missing": result.head}.get(condition, LIVE)
    if code == 6:
        assert "unknown: " in result.out + result.err
        assert not NONE.search(result.out)
    if code == 3:
        assert (result.out, len(result.err.splitlines())) == ("", 1)
    if command.endswith("FILE"):
        assert (tmp_path / "report.json").exists() == (code == 0)
    if command.endswith("--json") and code != 6:
        assert all(isinstance(json.loads(line), dict) for line in result.lines)


@pytest.mark.parametrize("condition", ["replay only", "live only", "both", "store missing"])
def test_all_readers_agree_on_the_alerts(tmp_path: Path, invoke: Callable[[str], Result], condition: str) -> None:
    """The list, the report and the log have the same alerts."""
    with ExitStack() as within:
        made(tmp_path / "state", condition, within)
        listed = {json.loads(line)["alert"]["id"] for line in invoke("alerts --json").lines}
        logged = {json.loads(line)["alert"]["id"] for line in invoke("tail --json --kind alert").lines}
        assert invoke("report -o FILE").code == 0
        reported = {one["id"] for one in json.loads((tmp_path / "report.json").read_bytes())["alerts"]}
    assert listed == logged == reported == {"alert-abc000"}


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("hub sensors --config none.yaml", 2),
        ("hub alerts --config none.yaml", 2),
        ("hub run --config none.yaml", 2),
        ("join nowhere eyJ0", 2),
        ("hunt show no_such_hunt", 1),
        ("console --listen 127.0.0.1:0", 3),
    ],
)
def test_commands_that_read_no_dataset_or_find_none(
    tmp_path: Path, invoke: Callable[[str], Result], command: str, code: int
) -> None:
    """Such commands print one line of error and nothing on standard output, and create no folder."""
    result = invoke(command)
    assert (result.code, result.out, len(result.err.splitlines())) == (code, "", 1), result
    assert not (tmp_path / "state").exists()


def test_an_inventory_that_cannot_be_read(tmp_path: Path, invoke: Callable[[str], Result]) -> None:
    """An unreadable inventory is not an empty one: exit code 3. What the log alone has is still read."""
    write_log(tmp_path / "state" / "events.jsonl")
    (tmp_path / "state" / "inventory.db").write_bytes(b"no database " * 100)
    assert [invoke(command).code for command in ("devices", "posture", "baseline", "alerts", "tail")] == [3, 3, 3, 0, 0]


def test_a_replay_that_was_cut_off_reports_so(tmp_path: Path, invoke: Callable[[str], Result]) -> None:
    """The list of alerts of an interrupted replay is marked as incomplete."""
    folder = tmp_path / "state" / "datasets" / "office"
    write_log(folder / "events.jsonl")
    write_card(folder, Card(REPLAY, "office", complete=False))
    assert "interrupted" in invoke("alerts").lines[0]


def test_the_office_replayed_into_a_folder(
    tmp_path: Path, invoke: Callable[[str], Result], root: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Every command reports seven alerts and one score, however the folder is named."""
    office, lists = root / "pcaps" / "office.pcapng", root / "pcaps" / "office.intel.txt"
    scores, counts = set(), set()
    assert invoke(f"replay {office} --intel {lists}").code == 0
    shutil.copytree(replayed_office(tmp_path_factory), tmp_path / "state", dirs_exist_ok=True)
    for place in (
        "",
        f" --state {tmp_path / 'state'}",
        " --data office",
        f" --events {tmp_path / 'state' / 'events.jsonl'} --state {tmp_path / 'state'}",
    ):
        assert invoke(f"report -o FILE{place}".replace("FILE", str(tmp_path / "report.json"))).code == 0
        report = json.loads((tmp_path / "report.json").read_bytes())
        scores |= {report["score"]["points"], float(invoke(f"posture{place}").lines[0].split()[1])}
        counts |= {len(report["alerts"]), len(invoke(f"alerts --json{place}").lines)}
    assert (counts, len(scores), min(scores) > 80) == ({7}, 1, True)
