"""sensor report: from the office capture and from logs of any kind to one file."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from sensor.cli.main import main
from tests.cli.conftest import Result, record
from tests.cli.faults import reports
from tests.golden import Golden

PCAPS = Path(__file__).parents[2] / "pcaps"


@pytest.fixture
def report(run_cli, office: Path) -> Callable[..., Result]:
    """sensor report on the office."""
    return lambda *arguments: run_cli(
        "report", *arguments, "--state", str(office), "--events", str(office / "events.jsonl")
    )


def unpacked(path: Path) -> bytes:
    """A PDF with its compressed streams unpacked."""
    data = path.read_bytes()
    return data + b"".join(
        zlib.decompressobj().decompress(one) for one in re.findall(rb"stream\r?\n(x.*?)\r?\nendstream", data, re.DOTALL)
    )


class _Page(HTMLParser):
    """The content of a page: ids, links, tags and their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            self.attributes.add(name)
            if name == "id":
                self.ids.append(value or "")
            if name in {"href", "src", "xlink:href"}:
                self.links.append(value or "")


def test_the_page_needs_nothing_else(report, tmp_path: Path) -> None:
    """The page makes no requests, runs no scripts, and each internal link has exactly one target."""
    output = report("-o", str(tmp_path / "office.html"))
    assert (output.code, output.err) == (0, "")
    text = (tmp_path / "office.html").read_text(encoding="utf-8")
    page = _Page(text)
    assert "default-src 'none'" in text
    assert {link for link in page.links if not link.startswith("#")} == set()
    assert len(page.ids) == len(set(page.ids))
    assert {link[1:] for link in page.links} <= set(page.ids)
    assert not {name for name in page.attributes if name.startswith("on")}
    assert page.tags.count("script") == 1
    assert '<script type="application/json"' in text
    assert "url(" not in text


@pytest.mark.parametrize("name", ["office.html", "office.json"])
def test_the_same_log_gives_the_same_bytes(report, office: Path, tmp_path: Path, name: str) -> None:
    """The bytes are equal in another process, where sets have another order; the creation time is that of the data."""
    assert report("-o", str(tmp_path / name)).code == 0
    arguments = [
        "report",
        "-o",
        str(tmp_path / f"again-{name}"),
        "--state",
        str(office),
        "--events",
        str(office / "events.jsonl"),
    ]
    subprocess.run(
        [sys.executable, "-m", "sensor", *arguments],
        check=True,
        capture_output=True,
        env={**os.environ, "PYTHONHASHSEED": "7"},
    )
    assert (tmp_path / name).read_bytes() == (tmp_path / f"again-{name}").read_bytes()


def test_every_claim_leads_to_its_packet(report, tmp_path: Path) -> None:
    """An alert leads to its evidence, a finding to the field that proves it; attributes are those of the sensor."""
    assert report("-o", str(tmp_path / "office.json")).code == 0
    output: dict[str, Any] = json.loads((tmp_path / "office.json").read_bytes())
    proofs = {one["id"]: one for one in output["proofs"]}
    open_camera = next(one for one in output["findings"] if one["name"] == "rtsp_open")
    seats = [seat for case in open_camera["cases"] for seat in case["seats"]]
    assert [proofs[seat["proof"]]["event"] for seat in seats] == ["rtsp.response"] * len(seats)
    assert all(proofs[name]["ts"] for alert in output["alerts"] for name in alert["proofs"])
    cited = re.findall(r'"p\d+"', json.dumps([output["alerts"], output["findings"], output["devices"]]))
    assert {one.strip('"') for one in cited} == set(proofs)


def test_who_reads_no_more_than_the_first_page_knows_what_matters(golden: Golden, report, tmp_path: Path) -> None:
    """The first page has the devices, the most severe findings, what happened, and the first action."""
    assert report("-o", str(tmp_path / "office.html")).code == 0
    page = (tmp_path / "office.html").read_text(encoding="utf-8")
    front = page[: page.index('<nav aria-label="Contents">')]
    golden(front, "38 devices")
    assert "contacted 203.0.113.66" in front
    assert "RTSP stream without authentication</a>" in front
    assert "of 100 · exposure high" in front


@pytest.mark.paper
def test_paper(report, tmp_path: Path) -> None:
    """A PDF of a few pages, with title, bookmarks and searchable text; it has no external links or scripts."""
    assert report("-o", str(tmp_path / "office.pdf")).code == 0
    data = unpacked(tmp_path / "office.pdf")
    assert data.startswith(b"%PDF-")
    assert 5 < len(re.findall(rb"/Type */Page\b", data)) < 40
    assert b"/Title (Network report tests, 24 November 2026" in data
    assert b"/URI" not in data
    assert b"/JavaScript" not in data


def test_paper_needs_what_writes_it(report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the PDF library one line names what to install, and nothing is written."""
    monkeypatch.setitem(sys.modules, "weasyprint", None)
    output = report("-o", str(tmp_path / "office.pdf"))
    assert (output.code, output.out) == (3, "")
    assert "pip install 'passive-network-sensor[report]'" in output.err
    assert output.err.count("\n") == 1
    assert list(tmp_path.glob("*.pdf")) == []


def test_paper_needs_a_library_of_the_system(report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """WeasyPrint is installed, but its text rendering library is not."""
    (tmp_path / "weasyprint.py").write_text(
        "raise OSError(\"cannot load library 'libpango-1.0-0'\\nand much more\")", encoding="utf-8"
    )
    monkeypatch.delitem(sys.modules, "weasyprint", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    output = report("-o", str(tmp_path / "office.pdf"))
    assert output.code == 3
    assert "'libpango-1.0-0'" in output.err


def test_a_period_reports_what_happened_in_it(golden: Golden, report, tmp_path: Path) -> None:
    """The state is as of the end of the period: later events are excluded."""
    assert report("-o", str(tmp_path / "early.json"), "--until", "2026-11-24T08:12").code == 0
    assert report("-o", str(tmp_path / "late.json"), "--since", "2026-11-24T08:12").code == 0
    early, late = (json.loads((tmp_path / f"{name}.json").read_bytes()) for name in ("early", "late"))
    assert [one["detector"] for one in early["alerts"]] == [
        "discovery.port_scan",
        "discovery.service_sweep",
        "discovery.address_scan",
        "discovery.scanner_tool",
    ]
    assert "command_and_control.malicious_address" in {one["detector"] for one in late["alerts"]}
    assert early["watched"]["until"] < "2026-11-24T08:12"
    golden(early["watched"]["notes"])


@pytest.mark.parametrize("period", [("--period", "2025-01"), ("--until", "2026-11-20")])
def test_a_period_without_data(report, tmp_path: Path, period: tuple[str, str]) -> None:
    """There is no report that no alert was raised in a time without data."""
    result = report("-o", str(tmp_path / "x.html"), *period)
    assert (result.code, result.errors) == (3, ("dataset.empty",))
    assert not (tmp_path / "x.html").exists()


def test_two_reports_are_compared(golden: Golden, report, run_cli, tmp_path: Path) -> None:
    """The older report is a page or JSON. A camera whose stream now needs a password is fixed, the score decreases."""
    old = tmp_path / "old.json"
    assert report("-o", str(old)).code == 0
    output = json.loads(old.read_bytes())
    output["devices"] = [
        one | {"findings": [*one.get("findings", []), "telnet"]} if one["type"] == "nas" else one
        for one in output["devices"]
    ]
    output["devices"].append({"id": "dev-gone", "type": "printer", "name": "old-printer"})
    output["score"]["points"] = 95.5
    old.write_text(json.dumps(output), encoding="utf-8")
    assert report("-o", str(tmp_path / "new.html"), "--against", str(old)).code == 0
    page = (tmp_path / "new.html").read_text(encoding="utf-8")
    assert "telnet: 10.20.10.5 (fs01)" in page
    assert "dev-gone (old-printer)" in page
    golden(page, "was 95.5")
    assert report("-o", str(tmp_path / "newest.json"), "--against", str(tmp_path / "new.html")).code == 0
    since = json.loads((tmp_path / "newest.json").read_bytes())["difference"]
    assert since.keys() == {"until", "label", "score"}


def test_tickets_and_scores_of_earlier_days_are_those_of_the_state(
    report, run_cli, office: Path, tmp_path: Path
) -> None:
    """Stored tickets and scores of `sensor tickets` and `sensor posture record` are used; a broken file is reported."""
    where = ["--state", str(office), "--events", str(office / "events.jsonl")]
    (office / "posture.jsonl").write_text(
        '{"day":"2026-11-23","ts":"2026-11-23T10:00:00Z","points":90.0,"devices":{"high":3},"weaknesses":{},"segments":{}}\n',
        encoding="utf-8",
    )
    assert run_cli("posture", "record", *where).code == 0
    assert report("-o", str(tmp_path / "office.html")).code == 0
    assert "The score over time" in (tmp_path / "office.html").read_text(encoding="utf-8")
    (office / "tickets.json").write_text("{", encoding="utf-8")
    output = report("-o", str(tmp_path / "office.html"))
    (office / "tickets.json").unlink()
    assert output.code == 3
    assert reports(output, "ticket.ledger"), output.err


def test_json_goes_to_standard_output(capfdbinary: pytest.CaptureFixture[bytes], office: Path) -> None:
    """Standard output has only JSON."""
    assert (
        main(
            ["report", "-o", "-", "--format", "json", "--state", str(office), "--events", str(office / "events.jsonl")]
        )
        == 0
    )
    assert json.loads(capfdbinary.readouterr().out)["format"] == "passive-network-sensor/report"


@pytest.mark.parametrize(
    ("arguments", "code", "expected"),
    [
        (["-o", "report"], 2, ("usage.invalid-value", "-o", "--format")),
        (["-o", "report.docx"], 2, ("usage.invalid-value", "-o")),
        (
            ["-o", "x.html", "--period", "soon"],
            2,
            ("usage.invalid-value", "--period", "24h", "7d", "4w", "2026-11"),
        ),
        (
            ["-o", "x.html", "--period", "7d", "--since", "2026-11-01"],
            2,
            ("usage.invalid-value", "--period", "--since", "--until"),
        ),
        (
            ["-o", "x.html", "--against", "/nowhere/old.html"],
            3,
            ("file.not-read",),
        ),
        (
            ["-o", "x.html", "--against", __file__],
            3,
            ("report.not-possible", f"{__file__}: not a report of this sensor: "),
        ),
        (["-o", "/nowhere/report.html"], 3, ("file.not-written",)),
    ],
)
def test_what_makes_no_sense_is_reported_in_one_line(
    report, arguments: list[str], code: int, expected: tuple[str, ...]
) -> None:
    output = report(*arguments)
    assert (output.code, output.out) == (code, "")
    assert reports(output, *expected), output.err
    assert output.err.count("\n") == 1


def test_nothing_to_read_is_reported(run_cli, tmp_path: Path) -> None:
    """A missing log and an invalid configuration are reported."""
    assert run_cli("report", "-o", str(tmp_path / "x.html"), "--events", str(tmp_path / "none.jsonl")).code == 3
    (tmp_path / "sensor.yaml").write_text("networks: 7\n", encoding="utf-8")
    output = run_cli("report", "-o", str(tmp_path / "x.html"), "--config", str(tmp_path / "sensor.yaml"))
    assert output.code == 2
    assert f"{tmp_path / 'sensor.yaml'}:1:11: " in output.err


@pytest.mark.paper
def test_an_empty_log_is_paper_too(run_cli, tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").write_text(
        json.dumps(record("sensor", "started", "capturing on eth0")) + "\n", encoding="utf-8"
    )
    output = run_cli(
        "report", "-o", str(tmp_path / "x.pdf"), "--events", str(tmp_path / "empty.jsonl"), "--period", "7d"
    )
    assert (output.code, output.err) == (0, "")


def test_an_empty_log_is_a_report_too(golden: Golden, run_cli, tmp_path: Path) -> None:
    """A sensor without findings gets a report that no device is known. Without any data there is no report."""
    (tmp_path / "empty.jsonl").write_text("", encoding="utf-8")
    assert run_cli("report", "-o", str(tmp_path / "x.html"), "--events", str(tmp_path / "empty.jsonl")).code == 3
    assert not (tmp_path / "x.html").exists()
    (tmp_path / "empty.jsonl").write_text(
        json.dumps(record("sensor", "started", "capturing on eth0")) + "\n", encoding="utf-8"
    )
    for name in ("x.html", "x.json"):
        output = run_cli(
            "report", "-o", str(tmp_path / name), "--events", str(tmp_path / "empty.jsonl"), "--period", "7d"
        )
        assert (output.code, output.err) == (0, "")
    golden(json.loads((tmp_path / "x.json").read_bytes())["headline"])
    output = run_cli("report", "-o", str(tmp_path / "x.html"), "--events", str(tmp_path / "empty.jsonl"))
    golden(output.out)


def test_a_file_is_replaced_whole_and_a_pipe_is_written(report, tmp_path: Path) -> None:
    """A link to another file keeps its target; the old report stays if the new one cannot be written."""
    (tmp_path / "reports").mkdir()
    (tmp_path / "latest.json").symlink_to(tmp_path / "reports" / "november.json")
    assert report("-o", str(tmp_path / "latest.json")).code == 0
    assert (tmp_path / "latest.json").is_symlink()
    assert json.loads((tmp_path / "reports" / "november.json").read_bytes())["version"] == 1
    assert [path.name for path in (tmp_path / "reports").iterdir()] == ["november.json"]
    os.mkfifo(tmp_path / "pipe")
    with ThreadPoolExecutor() as pool:
        read = pool.submit((tmp_path / "pipe").read_bytes)
        assert report("-o", str(tmp_path / "pipe"), "--format", "json").code == 0
    assert json.loads(read.result())["version"] == 1
    assert (tmp_path / "pipe").is_fifo()
