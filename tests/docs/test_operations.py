"""What mirror.md and operations.md tell to type, typed: on a capture of an office, in a folder of its own."""

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
    """A folder to work in, with a state of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SENSOR_STATE", str(tmp_path / "state"))
    (tmp_path / "state").mkdir()
    return tmp_path


def lines_of(page: str, start: str) -> list[list[str]]:
    """The commands of ours in the block of a page that has some words, as words."""
    block = next(block for block in shown(DOCS / page, "sh") if start in block)
    return [
        arguments[1:]
        for line in block.splitlines()
        if (arguments := shlex.split(line, comments=True))[:1] == ["sensor"]
    ]


def test_without_a_mirror(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A capture is looked at, and its devices are told."""
    shutil.copy(OFFICE, place / "office.pcap")
    assert [main(arguments) for arguments in lines_of("plug_in/mirror.md", "office.pcap")] == [0, 0]
    reported = capsys.readouterr().out
    assert "several hosts communicate" in reported
    assert "printer" in reported


def test_a_first_configuration(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is written without a question too, has no fault, and is shown with where each value comes from."""
    first, *others = lines_of("operate/operations.md", "config init sensor.yaml")
    assert main([*first, "--yes"]) == 0
    assert [main(arguments) for arguments in others] == [0, 0]
    reported = capsys.readouterr().out
    assert "sensor.yaml: good" in reported
    assert "preset: balanced  # default" in reported


def test_a_backup_and_its_way_back(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is copied can be put back."""
    assert main(["replay", str(OFFICE), "--state", str(place / "state")]) == 0
    file = place / "sensor.tar.zst"
    for arguments in lines_of("operate/backup.md", "sensor backup"):
        assert main([word.replace("/mnt/backup", str(place)) for word in arguments]) == 0
    assert file.stat().st_mode & 0o777 == 0o600
    assert "inventory" in capsys.readouterr().out


@pytest.mark.parametrize("page", ["plug_in/mirror.md", "operate/operations.md"])
def test_units_that_are_named_are_there(page: str) -> None:
    """Those of the package, and all of them in operations.md."""
    named = set(re.findall(r"\b(sensor(?:-\w+)?(?:@\w*)?\.(?:service|timer|target))\b", text_of(DOCS / page)))
    named |= {f"{name}.service" for name in re.findall(r"\b(sensor-mirror@)\w", text_of(DOCS / page))}
    generic = {re.sub(r"@\w+", "@", name) for name in named}
    assert generic <= set(UNITS)
    assert page == "plug_in/mirror.md" or generic >= {
        unit for unit in UNITS if unit not in ("sensor-update.service", "sensor-posture.service")
    }


def test_every_finding_about_the_sensor_itself_is_explained() -> None:
    """What a running sensor says of its own health has a heading, with what to do; and no heading is about what it
    never says.
    """
    reported = re.findall(
        r'(?:\b(?:Finding|News)\(\s*|^STALLED = |^    (?="sensor\.\w+": \())"(sensor\.\w+)"',
        "\n".join(map(text_of, SENSOR.rglob("*.py"))),
        re.MULTILINE,
    )
    assert set(re.findall(r"^### (sensor\.\w+)$", text_of(DOCS / "operate/troubleshooting.md"), re.MULTILINE)) == set(
        reported
    )
    assert len(set(reported)) >= 11
