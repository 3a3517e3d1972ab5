"""sensor alerts."""

from __future__ import annotations

import json
import random
from pathlib import Path

from sensor.inventory.store.database import FILE
from sensor.tables.build import rebuild
from tests.perf.made_records import write_log


def test_the_table(tell) -> None:
    """The gravest first; who and whom in a word."""
    told = tell("alerts")
    assert told.code == 0
    assert [line.split("  ")[0] for line in told.lines] == ["SEVERITY", "high", "medium", "2 alerts: 1 high, 1 medium"]
    assert told.lines[2].split() == (
        (
            "medium 2026-11-24T09:20:00Z alert-abc123 discovery.port_scan 10.0.0.9 (evil) → 10.0.0.10 +1 3 "
            "evil tried 120 ports of 10.0.0.10"
        ).split()
    )


def test_filters(tell) -> None:
    """By severity at least and by detector."""
    assert [json.loads(line)["severity"] for line in tell("alerts", "--json", "--severity", "high").lines] == ["high"]
    assert [json.loads(line)["severity"] for line in tell("alerts", "--json", "--detector", "disc*").lines] == [
        "medium"
    ]
    assert tell("alerts", "--severity", "critical").out == "no alerts\n"


def test_close_and_comment(tell) -> None:
    """Noted beside the log; `show` tells it, `--open` leaves the closed out."""
    name = json.loads(tell("alerts", "--json").lines[0])["alert"]["id"]
    assert tell("alerts", "comment", name, "asked", "the", "owner", "--author", "anna").out == f"commented on {name}\n"
    assert tell("alerts", "close", name, "--reason", "our scanner", "--author", "bert").out == f"closed {name}\n"
    told = tell("alerts", "show", name)
    assert "anna commented: asked the owner" in told.out
    assert "closed by bert: our scanner" in told.out
    assert len(tell("alerts", "list", "--json").lines) == 2
    assert name not in [json.loads(line)["alert"]["id"] for line in tell("alerts", "--json", "--open").lines]


def test_what_is_not_there(tell) -> None:
    """Alerts, actions and words that are missing."""
    assert [
        tell("alerts", *words).code for words in (("close", "alert-zzzzzz"), ("close",), ("comment",), ("shut",))
    ] == [1, 2, 2, 2]
    assert tell("alerts", "why").out == "no mute suppressed an alert\n"
    told = tell("alerts", "why", "alert-5k2m8q")
    assert (told.code, told.err) == (
        2,
        "sensor: why takes no arguments, found 'alert-5k2m8q': `sensor alerts show` shows one\n",
    )
    assert tell("alerts", "incidents").out == "no incidents\n"


def listed(told) -> list[str]:
    return [json.loads(line)["alert"]["id"] for line in told.lines]


def test_work_with_alerts(tell) -> None:
    """Acknowledged, assigned, judged, closed and opened again: each word shows in the list, in its
    filters and in full.
    """
    first, second = listed(tell("alerts", "--json"))
    assert tell("alerts", "ack", first, "--author", "anna").code == 0
    assert tell("alerts", "assign", "bert", first).out == f"assigned to bert: {first}\n"
    assert listed(tell("alerts", "--json", "--is", "acknowledged", "--assignee", "bert")) == [first]
    assert listed(tell("alerts", "--json", "--assignee", "nobody")) == [second]
    assert (
        tell("alerts", "close", first, "--as", "false-positive", "--reason", "our scanner", "--author", "anna").code
        == 0
    )
    (record,) = [
        json.loads(line) for line in tell("alerts", "--json", "--verdict", "false_positive", "--is", "closed").lines
    ]
    assert (record["action"], record["alert"]["assignee"]) == ("close", "bert")
    assert record["alert"]["closed"] == {"by": "anna", "reason": "our scanner"}
    assert listed(tell("alerts", "--json", "--open")) == [second]
    assert tell("alerts", "reopen", first).code == 0
    assert listed(tell("alerts", "--json", "--open")) == [first, second]
    assert tell("alerts", "verdict", "benign", first).code == 0
    assert listed(tell("alerts", "--json", "--verdict", "benign")) == [first]
    said = tell("alerts", "show", first).out
    assert [
        word
        for word in ("acknowledged it", "assigned it: bert", "closed it: our scanner", "set the verdict: benign")
        if word not in said
    ] == []


def test_many_at_once(tell) -> None:
    """By filter: first only said, then done. Without any filter nothing is."""
    wanted = ("--severity", "medium", "--src", "10.0.0.0/24")
    told = tell("alerts", "close", *wanted, "--dry-run")
    assert told.code == 0
    assert told.out.startswith("dry run, nothing changed")
    assert len(listed(tell("alerts", "--json", "--open"))) == 2
    assert tell("alerts", "close", *wanted).code == 0
    assert listed(tell("alerts", "--json", "--open")) == ["alert-xyz789"]
    assert tell("alerts", "close", "--detector", "nothing.*").out == "closed 0 alerts\n"
    assert [tell("alerts", action).code for action in ("close", "ack", "reopen", "verdict", "assign")] == [2] * 5


def test_ids_by_their_beginning(tell) -> None:
    """One that is unambiguous is enough; one that is not is refused."""
    one = listed(tell("alerts", "--json", "--detector", "discovery.port_scan"))[0]
    assert tell("alerts", "ack", one[:-1]).out == f"acknowledged {one}\n"
    told = tell("alerts", "ack", "alert-")
    assert told.code == 2
    assert one in told.err


def test_wrong_filters_name_the_nearest(tell) -> None:
    """A value that no alert can have is no empty list."""
    for words, near in (
        (("--verdict", "benin"), "benign"),
        (("--detector", "discovery.port_scn"), "discovery.port_scan"),
        (("--sort", "rsik"), "risk"),
    ):
        told = tell("alerts", *words)
        assert (told.code, near in told.err) == (2, True), words
    assert tell("alerts", "verdict", "good", "alert-abc123").code == 2


def test_so_many_at_most(tell) -> None:
    """The rest is counted."""
    told = tell("alerts", "-n", "1")
    assert told.lines[-1] == "shown: 1 of 2; -n shows more"
    assert len(tell("alerts", "--json", "-n", "1").lines) == 1


def test_damaged_tables_are_repaired_from_the_log(tmp_path: Path, tell) -> None:
    """Whatever pages are overwritten: the same alerts, or one line and exit code 3, and never a
    list that lacks some.
    """
    log = made_dataset(tmp_path)
    before = listed(tell("alerts", "--json", "--state", str(tmp_path)))
    assert len(before) == 50
    whole = (tmp_path / FILE).read_bytes()
    for seed in range(8):
        draw = random.Random(seed)
        (tmp_path / FILE).write_bytes(whole)
        with (tmp_path / FILE).open("r+b") as file:
            file.seek(8192 * draw.randrange(2, len(whole) // 8192 - 4))
            file.write(draw.randbytes(8192 * 4))
        told = tell("alerts", "--json", "--state", str(tmp_path))
        assert told.code in (0, 3), told.err
        if told.code == 0:
            assert listed(told) == before
    assert listed(tell("alerts", "--json", "--events", str(log))) == before


def made_dataset(folder: Path) -> Path:
    """A state folder with the log of fifty alerts and its tables."""
    log = folder / "events.jsonl"
    write_log(log, 50)
    rebuild(folder, log)
    return log
