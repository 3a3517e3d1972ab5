"""Long work shows a progress bar on a terminal, and nothing in a pipe."""

from __future__ import annotations

import gzip
import io
import json
import sys
import zipfile
from pathlib import Path

import pytest

from sensor.cli import _progress
from sensor.cli.main import main
from sensor.posture.vulnerabilities.feeds.opened import open_feed
from tests.datasets._folders import write_inventory, write_log
from tests.posture.vulnerabilities.feeds import nvd_cve, nvd_feed
from tests.records.kit_records import office_records, rows

FEED = json.dumps(nvd_feed([nvd_cve(f"CVE-2024-{number}", []) for number in range(1000, 1100)]))


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """An inventory with a log, and a feed."""
    write_inventory(tmp_path)
    write_log(tmp_path / "events.jsonl", devices=2, alerts=3)
    (tmp_path / "nvd.json").write_text(FEED)
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (["vulns", "import", "nvd.json"], ("importing nvd", f"/{len(FEED) / 1000:.1f} kB")),
        (["vulns", "import", "feeds"], ("importing feeds",)),
        (["data", "rebuild"], ("rebuilding", "7 records")),
        (["data", "export", "live", "-o", "live.tar.gz"], ("exporting", "kB")),
    ],
)
def test_a_bar_on_a_terminal_and_none_elsewhere(
    state: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    shown: tuple[str, ...],
) -> None:
    monkeypatch.chdir(state)
    monkeypatch.setenv("SENSOR_STATE", str(state))
    monkeypatch.setenv("COLUMNS", "120")
    (state / "feeds").mkdir()
    (state / "feeds" / "one.json").write_text(FEED)
    main(arguments)
    assert "\033" not in (quiet := capsys.readouterr()).err + quiet.out
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    main(arguments)
    assert [text for text in shown if text not in terminal.getvalue()] == []
    assert "\033" not in capsys.readouterr().out


def test_the_rows_of_an_export_add_up(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bar ends at the number of rows in all files."""
    pytest.importorskip("duckdb", reason="needs the extra hunt")
    records = office_records(tmp_path_factory)
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    assert main(["records", "export", "--records", str(records), "-o", str(tmp_path), "--table", "conn"]) == 0
    assert f"{len(rows(records, 'conn')):,} rows" in terminal.getvalue()


@pytest.mark.parametrize("form", ["plain", "gzip", "zip"])
def test_the_bytes_of_a_feed_are_those_of_its_file(tmp_path: Path, form: str) -> None:
    """Compressed bytes count, so that the bar ends at the size of the file."""
    path, text, sizes = tmp_path / "feed", FEED.encode(), list[int]()
    if form == "zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("one.json", json.dumps({"document": {"tracking": {}}}))
    else:
        path.write_bytes(gzip.compress(text) if form == "gzip" else text)
    with open_feed(path, sizes.append) as feed:
        assert feed.kind == ("csaf" if form == "zip" else "nvd")
        list(feed.items)
    assert sum(sizes) >= path.stat().st_size
    assert form == "zip" or sum(sizes) == path.stat().st_size


def test_names_are_not_markup(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    with _progress.reading("importing [red]x", 10) as advance:
        advance(10)
    assert "importing [red]x" in terminal.getvalue()
