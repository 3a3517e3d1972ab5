"""Commands of mirror.md and operations.md, run on a capture of an office in a separate folder."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest

from sensor.cli._service_units import UNITS
from sensor.cli.main import main
from tests.docs.pages import DOCS, shown, text_of

ROOT = Path(__file__).parents[2]
SENSOR, OFFICE = ROOT / "sensor", ROOT / "pcaps" / "office.pcapng"


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with its own state folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SENSOR_STATE", str(tmp_path / "state"))
    (tmp_path / "state").mkdir()
    return tmp_path


def lines_of(page: str, start: str) -> list[list[str]]:
    """The `sensor` commands in the block of a page that contains some words, as arguments."""
    block = next(block for block in shown(DOCS / page, "sh") if start in block)
    return [
        arguments[1:]
        for line in block.splitlines()
        if (arguments := shlex.split(line, comments=True))[:1] == ["sensor"]
    ]


def test_without_a_mirror(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A capture is checked, and its devices are listed."""
    shutil.copy(OFFICE, place / "office.pcap")
    assert [main(arguments) for arguments in lines_of("plug_in/mirror.md", "office.pcap")] == [0, 0]
    reported = capsys.readouterr().out
    assert "several hosts communicate" in reported
    assert "printer" in reported


def test_a_first_configuration(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is written without questions, has no fault, and is shown with the source of each value."""
    first, *others = lines_of("operate/operations.md", "config init sensor.yaml")
    assert main([*first, "--yes"]) == 0
    assert [main(arguments) for arguments in others] == [0, 0]
    reported = capsys.readouterr().out
    assert "sensor.yaml: good" in reported
    assert "preset: balanced  # default" in reported


def test_a_backup_and_its_way_back(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A backup can be restored."""
    assert main(["replay", str(OFFICE), "--state", str(place / "state")]) == 0
    file = place / "sensor.tar.zst"
    for arguments in lines_of("operate/backup.md", "sensor backup"):
        assert main([word.replace("/mnt/backup", str(place)) for word in arguments]) == 0
    assert file.stat().st_mode & 0o777 == 0o600
    assert "inventory" in capsys.readouterr().out


@pytest.mark.parametrize("page", ["plug_in/mirror.md", "operate/operations.md"])
def test_units_that_are_named_are_there(page: str) -> None:
    """The units of the package exist, and operations.md names all of them."""
    named = set(re.findall(r"\b(sensor(?:-\w+)*(?:@\w*)?\.(?:service|timer|target|path))\b", text_of(DOCS / page)))
    named |= {f"{name}.service" for name in re.findall(r"\b(sensor-mirror@)\w", text_of(DOCS / page))}
    generic = {re.sub(r"@\w+", "@", name) for name in named}
    assert generic <= set(UNITS)
    assert page == "plug_in/mirror.md" or generic >= {
        unit for unit in UNITS if unit not in ("sensor-update.service", "sensor-posture.service")
    }


def test_every_finding_about_the_sensor_itself_is_explained() -> None:
    """Each health finding of a running sensor has a heading with what to do; and no other heading exists."""
    reported = re.findall(
        r'(?:\b(?:Finding|LogFinding)\(\s*|^STALLED = |^    (?="sensor\.\w+": \())"(sensor\.\w+)"',
        "\n".join(map(text_of, SENSOR.rglob("*.py"))),
        re.MULTILINE,
    )
    assert set(re.findall(r"^### (sensor\.\w+)$", text_of(DOCS / "operate/troubleshooting.md"), re.MULTILINE)) == set(
        reported
    )
    assert len(set(reported)) >= 11
