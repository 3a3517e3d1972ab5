"""sensor alerts."""

from __future__ import annotations

import json


def test_the_table(tell) -> None:
    """The gravest first; who and whom in a word."""
    told = tell("alerts")
    assert told.code == 0
    assert [line.split("  ")[0] for line in told.lines] == ["SEVERITY", "high", "medium", "2 alerts: 1 high, 1 medium"]
    assert told.lines[2].split() == (
        "medium 2026-11-24T09:20:00Z discovery.port_scan 10.0.0.9 (evil) → 10.0.0.10 +1 3 evil tried 120 ports of 10.0.0.10".split()
    )


def test_filters(tell) -> None:
    """By severity at least and by detector."""
    assert [json.loads(line)["severity"] for line in tell("alerts", "--json", "--severity", "high").lines] == ["high"]
    assert [json.loads(line)["severity"] for line in tell("alerts", "--json", "--detector", "disc*").lines] == ["medium"]
    assert tell("alerts", "--severity", "critical").out == "no alerts\n"
