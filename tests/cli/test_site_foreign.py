"""Commands about the site on an external log: a list instead of text, a number instead of an object. None of them
crashes.
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from sensor.cli.main import main
from tests.offices import replayed_office

PCAPS = Path(__file__).parents[2] / "pcaps"
ODD = (None, 5, "x", [], {}, [1, None, {}], {"id": 3}, True, -5, "2026-13-45T99:99:99Z", 1e308, "\u202e", 2**70)
COMMANDS = (
    "alerts", "alerts incidents", "explain 203.0.113.66", "explain example.com", "posture recommendations --json",
    "vulns list", "vulns list --csv", "vulns list --json", "vulns show CVE-2023-45614", (
        "vulns device "
        "10.20.10.3"
    ), "posture", "posture --by segment",
    "posture --csv", "posture device 10.20.10.62", "posture recommendations", (
        "posture recommendations "
        "10.20.10.62"
    ), "tickets list", "tickets export",
    "tickets export --format csv", "paths", "paths --dot", "paths --json", "firewall suggest rtsp_open", (
        "firewall suggest "
        "internet"
    ),
    "firewall suggest discovery", "firewall suggest command_and_control.malicious_address --format nftables",
    "firewall suggest --address 10.20.10.5 --service tcp/445", "profiles make 10.20.10.61", "report -o report.html",
)  # fmt: skip


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    """The records of a sensor on the small office."""
    log = replayed_office(tmp_path_factory) / "events.jsonl"
    return [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]


def bent(value: Any, chance: random.Random) -> Any:
    """The same records with one value in twenty-five replaced."""
    if isinstance(value, dict):
        return {key: chance.choice(ODD) if chance.random() < 0.04 else bent(one, chance) for key, one in value.items()}
    return [bent(one, chance) for one in value] if isinstance(value, list) else value


@pytest.mark.parametrize("seed", [3, 5, 21, 75])
def test_a_foreign_log_fells_no_command(
    seed: int, records: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each command prints a result, or why there is none."""
    monkeypatch.chdir(tmp_path)
    chance = random.Random(seed)
    Path("foreign.jsonl").write_text("".join(f"{json.dumps(bent(one, chance))}\n" for one in records), encoding="utf-8")
    for command in COMMANDS:
        assert main([*command.split(), "--events", "foreign.jsonl"]) in (0, 1, 3, 6), command
