"""Older reports: read from their JSON or from the page that contains it; other files are rejected; the schema describes
their form.
"""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from sensor.report.build import Sources, report_of
from sensor.report.model import Report
from sensor.report.page import page
from sensor.report.period import period_spec
from sensor.report.schema import schema
from sensor.report.stored import BadReport, encoded, stored
from tests.golden import Golden
from tests.report.sites import large_site, large_story
from tests.sampling import some

SCHEMA = Path(__file__).parents[2] / "sensor" / "report" / "schema.json"


@pytest.fixture(scope="module")
def report() -> Report:
    """The report of a hundred devices."""
    made = large_site(100)
    return report_of(Sources(made, large_story(made)), period_spec())


def test_the_schema_is_that_of_the_model() -> None:
    """After a change of the model: ``python -m sensor.report.schema > sensor/report/schema.json``."""
    assert SCHEMA.read_text(encoding="utf-8") == schema()


def test_a_report_is_as_the_schema_reports(report: Report) -> None:
    """An independent validator accepts the report, and rejects an unknown severity."""
    reported = json.loads(encoded(report))
    validator = jsonschema.Draft202012Validator(json.loads(schema()))
    validator.validate(reported)
    reported["findings"][0]["severity"] = "ghastly"
    assert not validator.is_valid(reported)


def test_page_and_json_carry_the_same(report: Report, tmp_path: Path) -> None:
    """Both can be compared with a new report."""
    (tmp_path / "old.json").write_bytes(encoded(report))
    (tmp_path / "old.html").write_text(page(report, embedded=encoded(report)), encoding="utf-8")
    assert stored(tmp_path / "old.json") == report
    assert stored(tmp_path / "old.html") == report


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"%PDF-1.7",
        b"<html></html>",
        b'{"kind": "alert"}',
        b"[" * 100_000,
        b'{"format": "", "version": 1, "made": "now"}',
    ],
    ids=("empty", "PDF", "HTML", "other JSON", "deep", "other format"),
)
def test_what_is_no_report_is_reported(golden: Golden, data: bytes, tmp_path: Path) -> None:
    """The message names the file and the found format."""
    path = tmp_path / "old"
    path.write_bytes(data)
    with pytest.raises(BadReport) as error:
        stored(path)
    assert str(error.value).startswith(f"{path}: ")
    golden(str(error.value).split(": ")[1])


def test_what_a_later_sensor_wrote_is_refused(report: Report, tmp_path: Path) -> None:
    """A newer version and another format are rejected; unknown fields of the same version are ignored."""
    reported, path = json.loads(encoded(report)), tmp_path / "old.json"
    path.write_text(json.dumps(reported | {"mood": "good"}), encoding="utf-8")
    assert stored(path) == report
    for change in ({"version": 2}, {"format": "other/report"}):
        path.write_text(json.dumps(reported | change), encoding="utf-8")
        with pytest.raises(BadReport, match="passive-network-sensor/report version 1"):
            stored(path)


def test_a_report_that_was_cut_is_never_half_read(report: Report, tmp_path: Path) -> None:
    """A report cut at any position is rejected."""
    data, path = encoded(report).rstrip(), tmp_path / "old.json"
    for size in some(range(0, len(data), len(data) // 60), 10, "cut reports"):
        path.write_bytes(data[:size])
        with pytest.raises(BadReport):
            stored(path)
