"""sensor alerts."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from sensor.inventory.store.database import FILE
from sensor.tables.build import rebuild
from tests.golden import Golden
from tests.perf.made_records import write_log


def test_the_table(golden: Golden, run_cli) -> None:
    """Alerts are listed by severity, most severe first, with actor and target."""
    result = run_cli("alerts")
    assert result.code == 0
    assert [line.split("  ")[0] for line in result.lines] == [
        "SEVERITY",
        "high",
        "medium",
        "2 alerts: 1 high, 1 medium",
    ]
    golden(result.lines[2].split())


def test_filters(run_cli) -> None:
    """Alerts are filtered by minimum severity and by detector."""
    assert [json.loads(line)["severity"] for line in run_cli("alerts", "--json", "--severity", "high").lines] == [
        "high"
    ]
    assert [json.loads(line)["severity"] for line in run_cli("alerts", "--json", "--detector", "disc*").lines] == [
        "medium"
    ]
    assert run_cli("alerts", "--severity", "critical").out == "no alerts match\n"


def test_close_and_comment(run_cli) -> None:
    """Closing and comments are stored beside the log; `show` prints them, `--open` omits closed alerts."""
    name = json.loads(run_cli("alerts", "--json").lines[0])["alert"]["id"]
    assert (
        run_cli("alerts", "comment", name, "asked", "the", "owner", "--author", "anna").out == f"commented on {name}\n"
    )
    assert run_cli("alerts", "close", name, "--reason", "our scanner", "--author", "bert").out == f"closed {name}\n"
    result = run_cli("alerts", "show", name)
    by_anna, by_bert = ([line for line in result.lines if author in line] for author in ("anna", "bert"))
    assert any("asked the owner" in line for line in by_anna)
    assert any("our scanner" in line for line in by_bert)
    assert len(run_cli("alerts", "list", "--json").lines) == 2
    assert name not in [json.loads(line)["alert"]["id"] for line in run_cli("alerts", "--json", "--open").lines]


def test_what_is_not_there(golden: Golden, run_cli) -> None:
    """Unknown alerts, actions and words are rejected."""
    assert [
        run_cli("alerts", *arguments).code
        for arguments in (("close", "alert-zzzzzz"), ("close",), ("comment",), ("shut",))
    ] == [1, 2, 2, 2]
    golden(run_cli("alerts", "muted").out)
    result = run_cli("alerts", "muted", "alert-5k2m8q")
    assert result.code == 2
    golden(result.err)
    assert run_cli("alerts", "incidents", "--status", "open", "--severity", "high").out == "no incidents\n"


def test_incidents_have_fewer_filters(run_cli) -> None:
    """A filter that incidents lack is an error: the whole list would seem to match it."""
    for option in ("--src", "--dst", "--device", "--detector", "--assignee", "--site", "--vlan"):
        result = run_cli("alerts", "incidents", option, "20")
        assert (result.code, result.errors, option in result.err) == (2, ("usage.unexpected-argument",), True)


def listed(result) -> list[str]:
    return [json.loads(line)["alert"]["id"] for line in result.lines]


def test_work_with_alerts(run_cli) -> None:
    """Alerts are acknowledged, assigned, given a verdict, closed and reopened: each change shows in the list, in its
    filters and in `show`.
    """
    first, second = listed(run_cli("alerts", "--json"))
    assert run_cli("alerts", "ack", first, "--author", "anna").code == 0
    assert run_cli("alerts", "assign", "bert", first).out == f"assigned to bert: {first}\n"
    assert listed(run_cli("alerts", "--json", "--status", "acknowledged", "--assignee", "bert")) == [first]
    assert listed(run_cli("alerts", "--json", "--assignee", "nobody")) == [second]
    head, *rows, _ = run_cli("alerts").lines
    assert [line[head.index("STATE") :].split()[0] for line in rows] == ["acknowledged", "open"]
    assert (
        run_cli("alerts", "close", first, "--as", "false-positive", "--reason", "our scanner", "--author", "anna").code
        == 0
    )
    (record,) = [
        json.loads(line)
        for line in run_cli("alerts", "--json", "--verdict", "false_positive", "--status", "closed").lines
    ]
    assert (record["action"], record["alert"]["assignee"]) == ("close", "bert")
    assert record["alert"]["closed"] == {"by": "anna", "reason": "our scanner"}
    assert listed(run_cli("alerts", "--json", "--open")) == [second]
    assert run_cli("alerts", "reopen", first).code == 0
    assert listed(run_cli("alerts", "--json", "--open")) == [first, second]
    assert run_cli("alerts", "verdict", "benign", first).code == 0
    assert listed(run_cli("alerts", "--json", "--verdict", "benign")) == [first]
    text = run_cli("alerts", "show", first).out
    assert [
        word
        for word in ("acknowledged", "assigned", ": bert", "closed", ": our scanner", ": benign")
        if word not in text
    ] == []


def test_many_at_once(run_cli) -> None:
    """Alerts are changed by filter: first as a dry run, then for real. Without a filter nothing is changed."""
    wanted = ("--severity", "medium", "--src", "10.0.0.0/24")
    result = run_cli("alerts", "close", *wanted, "--dry-run")
    assert result.code == 0
    assert result.out.startswith("dry run, nothing changed")
    assert len(listed(run_cli("alerts", "--json", "--open"))) == 2
    assert run_cli("alerts", "close", *wanted).code == 0
    assert listed(run_cli("alerts", "--json", "--open")) == ["alert-xyz789"]
    assert run_cli("alerts", "close", "--detector", "voice.*").out == "closed 0 alerts\n"
    assert [run_cli("alerts", action).code for action in ("close", "ack", "reopen", "verdict", "assign")] == [2] * 5


def test_ids_by_their_beginning(run_cli) -> None:
    """An unambiguous prefix of an id is accepted; an ambiguous one is rejected."""
    one = listed(run_cli("alerts", "--json", "--detector", "discovery.port_scan"))[0]
    assert run_cli("alerts", "ack", one[:-1]).out == f"acknowledged {one}\n"
    result = run_cli("alerts", "ack", "alert-")
    assert result.code == 2
    assert one in result.err


def test_alerts_of_no_device_are_not_acknowledged(run_cli) -> None:
    """Nothing is done for a name that no device has; an address without alerts has none to acknowledge."""
    result = run_cli("alerts", "ack", "--device", "nosuch")
    assert (result.code, result.out, result.errors) == (1, "", ("device.unknown",))
    assert run_cli("alerts", "ack", "--device", "10.99.9.9").code == 0


def test_wrong_filters_name_the_nearest(run_cli) -> None:
    """A filter value that no alert can have is an error, not an empty list."""
    for arguments, near in (
        (("--verdict", "benin"), "benign"),
        (("--detector", "discovery.port_scn"), "discovery.port_scan"),
        (("--sort", "rsik"), "risk"),
    ):
        result = run_cli("alerts", *arguments)
        assert (result.code, near in result.err) == (2, True), arguments
    assert run_cli("alerts", "verdict", "good", "alert-abc123").code == 2


@pytest.mark.parametrize("option", ["--device", "--src", "--dst"])
@pytest.mark.parametrize("form", [(), ("--json",)])
def test_a_host_that_no_device_is(run_cli, option: str, form: tuple[str, ...]) -> None:
    """A mistyped name is an error, not an empty list; an address without alerts is none."""
    result = run_cli("alerts", option, "evill", *form)
    assert (result.code, result.out, result.errors) == (1, "", ("device.unknown",))
    for known in ("10.0.0.99", "10.9.0.0/16", "00:17:c8:00:00:77"):
        assert run_cli("alerts", option, known, *form).code == 0


def test_a_span_that_ends_before_it_begins(run_cli) -> None:
    for since, until in (("2h", "3h"), ("2026-11-24T09:00", "2026-11-24T09:00")):
        result = run_cli("alerts", "--since", since, "--until", until)
        assert (result.code, result.out, result.errors) == (2, "", ("usage.invalid-value",))


def test_so_many_at_most(golden: Golden, run_cli) -> None:
    """The list is limited, and the number of omitted alerts is shown."""
    result = run_cli("alerts", "-n", "1")
    golden(result.lines[-1])
    assert len(run_cli("alerts", "--json", "-n", "1").lines) == 1


@pytest.mark.parametrize("count", ["0", "-1", "1000001", "many", "9" * 5000])
@pytest.mark.parametrize("command", [["alerts"], ["search", "10.20.10.62"], ["hunt", "run", "beacons"]])
def test_a_number_of_rows_is_checked_alike(run_cli, command: list[str], count: str) -> None:
    result = run_cli(*command, f"-n={count}")
    assert (result.code, result.out) == (2, "")
    assert result.errors == ("usage.invalid-value",)


def test_damaged_tables_are_repaired_from_the_log(tmp_path: Path, run_cli) -> None:
    """Whatever pages are overwritten, a command lists the same alerts, or prints one line with exit code 3; it never
    lists only some of them.
    """
    log = made_dataset(tmp_path)
    before = listed(run_cli("alerts", "--json", "--state", str(tmp_path)))
    assert len(before) == 50
    whole = (tmp_path / FILE).read_bytes()
    for seed in range(8):
        draw = random.Random(seed)
        (tmp_path / FILE).write_bytes(whole)
        with (tmp_path / FILE).open("r+b") as file:
            file.seek(8192 * draw.randrange(2, len(whole) // 8192 - 4))
            file.write(draw.randbytes(8192 * 4))
        result = run_cli("alerts", "--json", "--state", str(tmp_path))
        assert result.code in (0, 3), result.err
        if result.code == 0:
            assert listed(result) == before
    assert listed(run_cli("alerts", "--json", "--events", str(log))) == before


def made_dataset(folder: Path) -> Path:
    """A state folder with the log of fifty alerts and its tables."""
    log = folder / "events.jsonl"
    write_log(log, 50)
    rebuild(folder, log)
    return log
