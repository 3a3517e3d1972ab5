"""``sensor intel add FILE --backtest``: what a list would match in traffic records, before it is stored."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from sensor.cli.main import main
from sensor.records.hunt_tests import write_rows
from tests.cli.conftest import Result, parted
from tests.cli.faults import reports

pytestmark = pytest.mark.usefixtures("queries_within")

DAY = 86_400


@pytest.fixture
def state(inventory: Path) -> Path:
    """Connections and names of two days, a week apart."""
    for begin in (0, 7 * DAY):
        write_rows(
            inventory / "records",
            {
                "conn": [
                    {"ts": begin, "uid": 1, "src_device": "dev-1", "src_ip": "10.0.0.5", "dst_ip": "203.0.113.66"},
                    {"ts": begin, "uid": 2, "src_device": "dev-2", "src_ip": "10.0.0.6", "dst_ip": "203.0.113.66"},
                    {"ts": begin, "uid": 3, "src_device": "dev-2", "src_ip": "10.0.0.6", "dst_ip": "198.51.100.1"},
                ],
                "dns": [{"ts": begin, "uid": 4, "src_device": "dev-1", "query": "www.evil.example"}],
            },
        )
    return inventory


@pytest.fixture
def backtest(state: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Result]:
    def run(text: str, *arguments: str) -> Result:
        path = tmp_path / "new-feed.txt"
        path.write_text(text)
        capsys.readouterr()
        code = main(["intel", "add", str(path), "--state", str(state), *arguments])
        return parted(code, *capsys.readouterr())

    return run


def found(result: Result) -> dict[str, tuple[str, int, int]]:
    assert result.code == 0, result.err
    read = [json.loads(line) for line in result.lines]
    return {one["value"]: (one["entry"], one["records"], one["devices"]) for one in read}


def test_what_a_list_would_match(backtest: Callable[..., Result], state: Path) -> None:
    """Matching values are listed with their indicators, and nothing is stored."""
    result = backtest("203.0.113.0/24\nevil.example\n192.0.2.1\n", "--backtest", "30d", "--json")
    values = found(result)
    assert values.keys() == {"203.0.113.66", "www.evil.example"}
    assert [counts[1:] for counts in values.values()] == [(4, 2), (2, 1)]
    assert not list(state.glob("intel/*"))


def test_only_the_span_is_searched(backtest: Callable[..., Result]) -> None:
    """The time span ends at the newest record."""
    assert found(backtest("203.0.113.66\n", "--backtest", "2d", "--json"))["203.0.113.66"][1:] == (2, 2)


def test_a_list_that_matches_nothing(backtest: Callable[..., Result]) -> None:
    """The number of compared values shows what was searched, and the coverage is stated."""
    result = backtest("192.0.2.1\n", "--backtest", "30d")
    assert result.code == 0
    assert any("0 of 5" in line for line in result.lines), result.out
    assert any(line.startswith("coverage:") for line in result.lines)


def test_a_table_for_people(backtest: Callable[..., Result]) -> None:
    result = backtest("203.0.113.66\nno indicator at all\n", "--backtest", "30d")
    assert any(line.split()[:2] == ["203.0.113.66", "address"] for line in result.lines), result.out
    assert reports(result, "intel.invalid-line", "new-feed.txt:2"), result.err


@pytest.mark.parametrize(
    ("arguments", "code"), [(("--backtest", "soon"), 2), (("--backtest", "1d", "--data", "no"), 1)]
)
def test_invalid_arguments(arguments: tuple[str, ...], code: int, backtest: Callable[..., Result]) -> None:
    assert backtest("192.0.2.1\n", *arguments).code == code


def test_a_url_is_not_backtested(run_cli: Callable[..., Result], state: Path) -> None:
    result = run_cli("intel", "add", "https://lists.example/a.txt", "--backtest", "1d", "--state", str(state))
    assert result.code == 2
    assert reports(result, "usage.invalid-value"), result.err


def test_without_records_the_answer_is_unknown(run_cli: Callable[..., Result], inventory: Path, tmp_path: Path) -> None:
    """Without records the result is unknown, not "no match"."""
    (tmp_path / "a.txt").write_text("192.0.2.1\n")
    result = run_cli("intel", "add", str(tmp_path / "a.txt"), "--backtest", "1d", "--state", str(inventory))
    assert (result.code, result.out.count("would match")) == (6, 0)
    assert reports(result, "records.missing"), result.err


def test_values_beyond_the_limit_are_reported(backtest: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit is reported beside JSON as well: other values were not compared, which is not the same as no match."""
    monkeypatch.setattr("sensor.records.list_matches.VALUES", 1)
    for arguments in (["--json"], []):
        result = backtest("203.0.113.0/24\n", "--backtest", "30d", *arguments)
        assert "1 most frequent" in result.out + result.err
