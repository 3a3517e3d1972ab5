"""sensor alerts."""

from __future__ import annotations

import json


def test_the_table(tell) -> None:
    """The gravest first; who and whom in a word."""
    told = tell("alerts")
    assert told.code == 0
    assert [line.split("  ")[0] for line in told.lines] == ["SEVERITY", "high", "medium", "2 alerts: 1 high, 1 medium"]
    assert told.lines[2].split() == (
        "medium 2026-11-24T09:20:00Z alert-abc123 discovery.port_scan 10.0.0.9 (evil) → 10.0.0.10 +1 3 evil tried 120 ports of 10.0.0.10".split()
    )


def test_filters(tell) -> None:
    """By severity at least and by detector."""
    assert [json.loads(line)["severity"] for line in tell("alerts", "--json", "--severity", "high").lines] == ["high"]
    assert [json.loads(line)["severity"] for line in tell("alerts", "--json", "--detector", "disc*").lines] == ["medium"]
    assert tell("alerts", "--severity", "critical").out == "no alerts\n"


def test_close_and_comment(tell) -> None:
    """Noted beside the log; `show` tells it, `--open` leaves the closed out."""
    name = json.loads(tell("alerts", "--json").lines[0])["alert"]["id"]
    assert tell("alerts", "comment", name, "asked", "the", "owner", "--author", "anna").out == f"commented on {name}\n"
    assert tell("alerts", "close", name, "--reason", "our scanner", "--author", "bert").out == f"closed {name}\n"
    told = tell("alerts", "show", name)
    assert "anna said: asked the owner" in told.out
    assert "closed by bert: our scanner" in told.out
    assert len(tell("alerts", "list", "--json").lines) == 2
    assert name not in [json.loads(line)["alert"]["id"] for line in tell("alerts", "--json", "--open").lines]


def test_what_is_not_there(tell) -> None:
    """Alerts, actions and words that are missing."""
    assert [tell("alerts", *words).code for words in (("close", "alert-zzzzzz"), ("close",), ("comment",), ("shut",))] == [1, 2, 2, 2]
    assert tell("alerts", "why").out == "no mute silenced anything\n"
    told = tell("alerts", "why", "alert-5k2m8q")
    assert (told.code, told.err) == (2, "sensor: why takes nothing more, found 'alert-5k2m8q': `sensor alerts show` tells of one\n")
    assert tell("alerts", "incidents").out == "no incidents\n"
