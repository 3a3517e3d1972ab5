"""A replay writes its traffic records in a child process, a test in its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from sensor.cli.main import main
from tests.records.kit_records import rows


def written(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """The rows of some tables, without connection numbers, which are random for each run."""
    found = {name: rows(folder / "records", name) for name in ("conn", "dns", "dhcp")}
    return {name: [{key: row[key] for key in row if key != "uid"} for row in found[name]] for name in found}


def test_both_write_the_same(root: Path, tmp_path: Path) -> None:
    config = tmp_path / "sensor.yaml"
    config.write_text("sensor: {id: office}\n")
    words = ["replay", str(root / "pcaps" / "office.pcapng"), "--config", str(config), "--state"]
    subprocess.run([sys.executable, "-m", "sensor", *words, str(tmp_path / "program")], check=True, capture_output=True)
    assert main([*words, str(tmp_path / "within")]) == 0
    program, within = written(tmp_path / "program"), written(tmp_path / "within")
    assert all(program.values())
    assert program == within


def test_it_ends_with_an_engine_that_cannot_be_assembled(root: Path, tmp_path: Path) -> None:
    """It has started by then, and has no records to write."""
    faulty = tmp_path / "sensor.yaml"
    faulty.write_text(f"fingerprints: {{oui_registry: {tmp_path / 'none.csv'}}}\n")
    words = [
        "replay",
        str(root / "pcaps" / "office.pcapng"),
        "--config",
        str(faulty),
        "--state",
        str(tmp_path / "state"),
    ]
    done = subprocess.run([sys.executable, "-m", "sensor", *words], check=False, capture_output=True, text=True)
    assert done.returncode == 2
    assert str(tmp_path / "none.csv") in done.stderr
    assert "Traceback" not in done.stderr
    assert not list((tmp_path / "state").rglob("*.parquet"))
