"""Help: one golden file per command, lines fit the terminal, and examples work on the office capture."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from sensor.cli.main import commands, main, names
from sensor.core.severities import SEVERITIES
from sensor.registry import names as registered
from sensor.views.errors import Unknown
from sensor.views.known_values import check_detectors
from tests import sampling
from tests.cli.conftest import Result, parted
from tests.cli.help_texts import GOLDEN, texts

pytestmark = pytest.mark.usefixtures("queries_within")

# Commands whose examples read a dataset.
READING = (
    "alerts", "baseline", "data", "devices", "explain", "firewall", "hunt", "paths", "posture", "records", "report",
    "search", "tail", "tickets", "vulns",
)  # fmt: skip
# Examples that need a shell, run until Ctrl-C, need a network or another file, or change the dataset for the
# examples after them.
OTHERS = {
    "|",
    ">",
    "-f",
    "import",
    "update",
    "send",
    "forget",
    "remove",
    "rename",
    "use",
    "write",
    "set",
    "diff",
    "close",
    "assign",
    "show",
    "--against",
}


@pytest.mark.parametrize("name", ["sensor", *names()])
def test_help_is_that_of_the_golden_file(name: str) -> None:
    """After a change of a help text: ``python -m tests.cli.help_texts``, and read the difference."""
    assert texts()[f"{name}.txt"] == (GOLDEN / f"{name}.txt").read_text(encoding="utf-8")


def test_no_golden_file_is_left_over() -> None:
    assert {path.name for path in GOLDEN.glob("*.txt")} == texts().keys()


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_lines_fit_the_terminal(run_cli, monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    """All lines fit except examples, which are copied into a shell unchanged."""
    monkeypatch.setenv("COLUMNS", str(columns))
    long = [
        (name, line)
        for name in names()
        for line in run_cli(name, "--help").out.partition("\nexamples:\n")[0].partition("\n\n")[2].splitlines()
        if len(line) > columns and " " in line.strip()
    ]
    assert long == []
    assert [line for line in run_cli("--help").lines if len(line) > columns and not line.startswith("  sensor ")] == []


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Path:
    """A state folder with the dataset of the office capture."""
    state = tmp_path_factory.mktemp("state")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SENSOR_STATE", str(state))
        assert (
            main(["replay", str(root / "pcaps" / "office.pcapng"), "--intel", str(root / "pcaps" / "office.intel.txt")])
            == 0
        )
    return state


@pytest.fixture
def run(
    office: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], Result]:
    monkeypatch.setenv("SENSOR_STATE", str(office))
    monkeypatch.delenv("SENSOR_DATA", raising=False)
    monkeypatch.chdir(tmp_path)

    def call(line: str) -> Result:
        try:
            code = main(shlex.split(line)[1:])
        except SystemExit as error:
            code = int(error.code or 0)
        return parted(code, *capsys.readouterr())

    return call


@pytest.mark.parametrize("name", sampling.drawn(READING, 2, "examples of help"))
def test_two_examples_work_on_the_office_capture(run: Callable[[str], Result], name: str) -> None:
    """A reader can run them at once. No example that can run here is a usage error."""
    lines = [line.strip() for line in commands([name])[name].EXAMPLES.splitlines()]
    result = {line: run(line) for line in lines if not OTHERS & set(line.replace("(", " ").split())}
    usage_errors = [(line, one.err) for line, one in result.items() if one.code == 2]
    good = [line for line, one in result.items() if one.code == 0 and (one.out or "-o" in line or "export" in line)]
    assert (usage_errors, len(good) >= 2) == ([], True), {line: (one.code, one.err) for line, one in result.items()}


def test_every_detection_is_listed_and_described(run_cli: Callable[..., Result]) -> None:
    """The list has one line for each, and a filter with an unknown one names the command that prints it."""
    listed = run_cli("help", "detections").lines[:-2]
    assert [line.split()[1] for line in listed] == list(registered("sensor.detectors"))
    assert {line.split()[0] for line in listed} <= set(SEVERITIES)
    described = run_cli("help", "discovery.port_scan")
    assert (described.code, "T1046" in described.out, "`exempt`" in described.out) == (0, True, True)
    assert "discovery.port_scan" in run_cli("help", "discovery.portscan").suggestions
    with pytest.raises(Unknown) as raised:
        check_detectors(["no-such-thing"])
    assert (raised.value.listed_by, len(raised.value.known)) == ("sensor help detections", len(listed))
    assert raised.value.listed_by in str(raised.value)
