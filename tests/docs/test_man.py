"""Man pages, as readers of man(7) format them."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docs import generate
from docs._man import kept, marked, prose, roff, tagged
from docs._man_pages import man_pages
from sensor.cli.main import names
from sensor.config import detector_units

MANDOC, MAN = shutil.which("mandoc"), shutil.which("man")


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    return man_pages()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Man pages as in a package."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1764201600")
    assert generate.main(["--man", str(tmp_path / "man")]) == 0
    return tmp_path / "man"


def shown(path: Path) -> str:
    """The formatted page, without bold."""
    reported = subprocess.run(
        [str(MANDOC), "-T", "utf8", "-O", "width=200", str(path)], capture_output=True, text=True, check=True
    )
    return re.sub(".\b", "", reported.stdout)


def test_each_command_has_one(pages: dict[str, str]) -> None:
    """Each command, the configuration and the program as a whole have a man page."""
    assert set(pages) == {"sensor.1", "sensor.yaml.5", *(f"sensor-{name}.1" for name in names())}


def test_the_same_source_makes_the_same_pages(folder: Path, tmp_path: Path) -> None:
    """The date is that of the source, if given, for reproducible builds."""
    generate.main(["--man", str(tmp_path / "again")])
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
        path.name: path.read_bytes() for path in (tmp_path / "again").iterdir()
    }
    assert (folder / "sensor.1").read_text(encoding="utf-8").startswith('.TH SENSOR 1 2025-11-27 "sensor ')


@pytest.mark.skipif(MANDOC is None, reason="not installed: mandoc")
def test_mandoc_finds_nothing(folder: Path) -> None:
    """mandoc reports no error and no warning for any page."""
    reported = subprocess.run(
        [str(MANDOC), "-T", "lint", "-W", "warning", *map(str, sorted(folder.iterdir()))],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (reported.returncode, reported.stdout, reported.stderr) == (0, "", "")


@pytest.mark.skipif(MAN is None, reason="not installed: man")
@pytest.mark.parametrize("name", ["sensor.1", "sensor-run.1", "sensor-devices.1", "sensor.yaml.5"])
def test_groff_warns_of_nothing(folder: Path, name: str) -> None:
    reported = subprocess.run(
        [str(MAN), "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", str(folder / name)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (reported.returncode, reported.stderr) == (0, "")


@pytest.mark.skipif(MANDOC is None, reason="not installed: mandoc")
def test_what_a_reader_sees(folder: Path) -> None:
    """Options, quotes, braces and paths are displayed as they are typed."""
    tail = shown(folder / "sensor-tail.1")
    assert "sensor tail --detector 'lateral_movement.*' events.jsonl" in tail
    assert "-f, --follow" in tail
    configuration = " ".join(shown(folder / "sensor.yaml.5").split())
    assert (
        'siem: {type: http, url: "https://siem.example.org/events", token: file:/etc/sensor/siem.token}'
        in configuration
    )
    assert [name for name in detector_units() if name not in configuration] == []
    assert not re.search(r"\]\(#|``", configuration)


@pytest.mark.skipif(MANDOC is None, reason="not installed: mandoc")
@given(
    text=st.text(st.characters(exclude_categories=("C", "Z"), include_characters=" .'\\-\"`"), min_size=1, max_size=60)
)
def test_no_text_is_an_instruction(text: str) -> None:
    """The text of a docstring is displayed, not interpreted as a macro."""
    page = "\n".join(
        [
            '.TH X 1 2026-01-01 "x" "x"',
            ".SH NAME",
            "x \\- y",
            ".SH X",
            *tagged("x", "y"),
            ".PP",
            roff(f"[{text}]"),
            roff(text),
            "",
        ]
    )
    reported = subprocess.run(
        [str(MANDOC), "-T", "utf8", "-O", "width=1000"], input=page, capture_output=True, text=True, check=True
    )
    assert "".join(f"[{text}]".split()) in "".join(re.sub(".\b", "", reported.stdout).split())


def test_signs_that_roff_would_take_for_its_own() -> None:
    assert roff(".SH x\\y 'a-b' …") == "\\&.SH x\\ey \\(aqa\\-b\\(aq \\[u2026]"
    assert marked("say `sensor run -i eth0` now") == "say \\fBsensor run \\-i eth0\\fR now"
    assert list(prose("One.\n\nTwo.")) == ["One.", ".PP", "Two."]
    assert list(kept(["a", "", "  b"])) == [".nf", ".RS 4", "a", "\\&", "  b", ".RE", ".fi"]


def test_a_folder_that_cannot_be_written_is_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The exit code is 3, and one line names the folder."""
    (tmp_path / "file").touch()
    assert generate.main(["--man", str(tmp_path / "file" / "man")]) == 3
    assert str(tmp_path / "file") in capsys.readouterr().err
