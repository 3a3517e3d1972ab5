"""sensor posture recommendations."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import ENDS, PROOF, TIMES, record
from tests.golden import Golden

TELNET = {
    "id": "recommendation-abc123", "setting": "telnet", "title": "Telnet in use", "count": 3, **TIMES,
    "why": ["It hides nothing."],
    "seen": "it greeted with 'login:'", "fix": "Use SSH.", "maker": "Cisco", "steps": "transport input ssh",
    "test": "Port 23 is closed.",
}  # fmt: skip
OLD = {**TELNET, "id": "recommendation-zzz999", "title": "TLS before version 1.2", "setting": "tls_old"}
SRC = {"src": ENDS["src"], "dst": ENDS["dst"], "evidence": [PROOF]}
OTHER = {"src": {"ip": "10.0.0.7"}, "evidence": [PROOF]}
LOG = [
    record(
        "recommendation", "open", "evil \x1b[31moffers Telnet", "medium", recommendation={**TELNET, "count": 1}, **SRC
    ),
    record("recommendation", "update", "evil \x1b[31moffers Telnet", "medium", recommendation=TELNET, **SRC),
    record(
        "recommendation",
        "close",
        "10.0.0.7 agrees to TLS 1.0",
        "low",
        recommendation={**OLD, "closed": "not seen for 14 days"},
        **OTHER,
    ),
    record("recommendation", "open", "is damaged", "low", recommendation=7),
]


@pytest.fixture
def work(tmp_path: Path) -> str:
    path = tmp_path / "events.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in LOG))
    return str(path)


def test_the_table(run_cli, work: str) -> None:
    """Each recommendation is listed once with its current state, most severe first; --open lists what is left to do."""
    result = run_cli("posture", "recommendations", "--events", work)
    assert result.code == 0
    assert [line.split()[0] for line in result.lines] == ["SEVERITY", "medium", "low", "2"]
    assert "10.0.0.9 (evil)" in result.lines[1]
    assert result.lines[1].split()[-5:] == ["3", "open", "evil", "[31moffers", "Telnet"]
    assert run_cli("posture", "recommendations", "--events", work, "--open").lines[-1] == "1 recommendation"
    assert run_cli("posture", "recommendations", "--events", work, "--severity", "high").out == "no recommendations\n"


def test_all_about_one(golden: Golden, run_cli, work: str) -> None:
    """A recommendation is found by its id or its device: reason, packet that proves it, and what to do; names from the
    network are sanitized.
    """
    for name in ("recommendation-abc123", "10.0.0.9", "evil", "dev-9"):
        result = run_cli("posture", "recommendations", name, "--events", work)
        assert result.code == 0
        golden(result.lines[0])
        assert "\x1b" not in result.out
    facts = {line.split()[0]: line.split(maxsplit=1)[1] for line in result.lines[2:]}
    assert facts["proof"] == "it greeted with 'login:'"
    assert facts["packet"] == "2026-11-24T09:20:00Z flow.refused with 10.0.0.10"
    assert facts["where"] == "transport input ssh (Cisco)"
    assert (
        "packet  2026-11-24T09:20:00Z flow.refused\n"
        in run_cli("posture", "recommendations", "10.0.0.7", "--events", work).out
    )
    assert "done    not seen for 14 days" in run_cli("posture", "recommendations", "10.0.0.7", "--events", work).out


def test_for_machines(run_cli, work: str) -> None:
    """JSON output has the records, one a line."""
    found = [
        json.loads(line)["recommendation"]["setting"]
        for line in run_cli("posture", "recommendations", "--json", "--events", work).lines
    ]
    assert found == ["telnet", "tls_old"]


def test_what_is_not_there(run_cli, work: str, tmp_path: Path) -> None:
    """An unknown name, an unknown action, and an unreadable log are reported."""
    result = run_cli("posture", "recommendations", "10.0.0.99", "--events", work)
    assert result.code == 1
    assert "no recommendation 10.0.0.99" in result.err
    assert run_cli("posture", "recommendations", "--events", str(tmp_path / "none")).code == 3
    assert run_cli("posture", "advice").code == 2
