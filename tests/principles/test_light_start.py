"""A start does not import what only documents of users need: pydantic and its validators would take a fifth of a replay
of a small capture.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.principles._source import ROOT

CAPTURE = ROOT / "pcaps" / "dissectors" / "arp.pcap"
PROGRAM = (
    "import sys; from sensor.cli.main import main; code = main(sys.argv[1:]); "
    "print(code, *sys.modules, file=sys.stderr)"
)


def replay(folder: Path, *more: str) -> tuple[int, set[str]]:
    """Exit code and imported modules of a replay, in a process of its own."""
    arguments = ["replay", str(CAPTURE), "--events", str(folder / "events.jsonl"), *more]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "SENSOR_STATE": str(folder)},
    )
    code, *names = done.stderr.splitlines()[-1].split()
    return int(code), set(names)


def test_a_replay_with_the_defaults_does_not_import_pydantic(tmp_path: Path) -> None:
    """Shipped documents come from the caches beside them, which the first start fills."""
    replay(tmp_path)
    code, names = replay(tmp_path)
    assert code == 0
    assert "sensor.engine.pipeline" in names
    assert not {"pydantic", "pydantic_core", "sensor.core.model_schema"} & names


def test_a_valid_configuration_does_not_import_pydantic(tmp_path: Path) -> None:
    path = tmp_path / "sensor.yaml"
    path.write_text(
        "networks: [203.0.113.0/24]\nroles: {scanner: [10.1.0.9]}\nretention: {age_days: 90}\n"
        "detectors: {discovery.port_scan: {ports: 40, exempt: [10.1.0.9]}}\n"
        "outputs: {siem: {type: http, url: https://siem.example.org, headers: {X-Site: hq}, token: env:TOKEN}}\n"
    )
    replay(tmp_path)
    code, names = replay(tmp_path, "--config", str(path))
    assert code == 0
    assert "pydantic" not in names


def test_an_invalid_configuration_is_explained_by_pydantic(tmp_path: Path) -> None:
    """The counterpart: the test above sees an import where there is one."""
    path = tmp_path / "sensor.yaml"
    path.write_text("detectors: {discovery.port_scan: {ports: none}}\n")
    code, names = replay(tmp_path, "--config", str(path))
    assert code == 2
    assert "pydantic" in names
