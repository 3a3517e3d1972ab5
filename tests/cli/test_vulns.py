"""sensor vulns: feeds are imported, findings are listed, with a real HTTPS server on loopback for downloads."""

from __future__ import annotations

import errno
import gzip
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sensor.posture.vulnerabilities.curated import load_curated
from sensor.posture.vulnerabilities.database import FILE
from tests.cli.conftest import device, record
from tests.cli.faults import reports
from tests.cli.test_intel import Server, certify
from tests.golden import Golden
from tests.posture.vulnerabilities.feeds import EPSS, KEV, cpe_match, nvd_cve, nvd_feed

FEED = nvd_feed(
    [
        nvd_cve(
            "CVE-2024-2001",
            [cpe_match("o:axis:axis_os", versionStartIncluding="9.80", versionEndExcluding="9.80.69")],
            score=9.8,
        ),
        nvd_cve(
            "CVE-2024-2002",
            [cpe_match("o:axis:axis_os", versionStartIncluding="9.80", versionEndExcluding="9.80.2")],
            score=5.0,
        ),
        *(nvd_cve(f"CVE-2024-{number}", []) for number in range(3000, 3040)),
    ]
)
SCORES = EPSS.replace("CVE-2021-36260", "CVE-2024-2001").replace("CVE-2021-36261,7,0.5\n", "")
EXPLOITED = {**KEV, "vulnerabilities": [{**KEV["vulnerabilities"][0], "cveID": "CVE-2024-2001"}]}
CAMERA, SWITCH, PRINTER = "ac:cc:8e:00:00:01", "00:1b:21:00:00:02", "00:17:c8:1a:2b:3c"


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """The inventory of a camera with a known version, one with an unknown version, and a printer."""
    from tests.runtime.test_keeper import Run

    folder = tmp_path / "state"
    with Run(folder) as run:
        run.story.sends(
            CAMERA,
            "10.0.0.10",
            "dhcp.vendor_class",
            "type=camera@0.85;vendor=Axis@0.8;model=P3245-LV@0.8;firmware=9.80.3@0.8",
        )
        run.story.sends(CAMERA, "10.0.0.10", "mdns.hostname", "=cmd|calc")
        run.story.sends(SWITCH, "10.0.0.11", "dhcp.vendor_class", "type=camera@0.85;vendor=Axis@0.8;model=P1448-LE@0.8")
        run.story.sends(PRINTER, "10.0.0.9", "http.server", "type=printer@0.8;vendor=Kyocera@0.8;model=X@0.7")
    (folder / "events.jsonl").write_text(json.dumps(record("sensor", "started", "capturing on eth0")) + "\n")
    return folder


@pytest.fixture
def vulns(run_cli, state: Path):
    return lambda *arguments: run_cli("vulns", *arguments, "--state", str(state))


@pytest.fixture
def imported(vulns, tmp_path: Path) -> None:
    """Imports NVD, the KEV catalogue and EPSS scores."""
    files = []
    for name, content in (
        ("nvdcve-2.0-2024.json.gz", gzip.compress(json.dumps(FEED).encode())),
        ("kev.json", json.dumps(EXPLOITED)),
        ("epss.csv", SCORES),
    ):
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        files.append(str(tmp_path / name))
    result = vulns("import", *files)
    assert result.code == 0, result
    assert [(line.partition(":")[0], *re.findall(r": (\d+) |(\d+-\d+-\d+)$", line)) for line in result.lines] == [
        ("nvdcve-2.0-2024", ("42", ""), ("", "2025-10-21")),
        ("kev", ("1", ""), ("", "2025-08-25")),
        ("epss", ("1", ""), ("", "2026-11-26")),
    ]


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server with a trusted certificate."""
    folder = tmp_path / "server"
    folder.mkdir()
    certify(folder)
    monkeypatch.setenv("SSL_CERT_FILE", str(folder / "ca.pem"))
    one = Server(folder)
    yield one
    one.close()


def rows(result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.lines]


def test_what_comes_with_the_sensor(golden: Golden, vulns) -> None:
    """Without an import the shipped vulnerabilities are used: each CVE of a device once, highest priority first; then
    the number of those that cannot be determined.
    """
    result = vulns()
    assert result.code == 0
    assert all(int(line.split()[3]) > 0 for line in result.lines[1:-1])
    more = vulns("--unknown")
    affected = [line.split()[3] != "-" for line in more.lines[1:-1]]
    assert (affected, all(affected)) == (sorted(affected, reverse=True), False)
    hidden = len(more.lines) - len(result.lines)
    assert result.lines[-1].endswith(f": --unknown lists {hidden:,} more CVEs")
    assert more.lines[-1] == result.lines[-1].rpartition(":")[0]
    assert result.lines[0].split()[:4] == ["PRIORITY", "SEVERITY", "CVE", "AFFECTED"]
    assert any(line.split()[1:5] == ["medium", "CVE-2024-0066", "1", "1"] for line in result.lines)
    golden(result.lines[-1], "3 devices")
    points = [float(line.split()[0]) for line in result.lines[1:-1]]
    assert points == sorted(points, reverse=True)


def test_severe_and_exploited_ones(vulns) -> None:
    """--severity and --exploited select CVEs of a list and of a device; without a match the list is empty."""
    every = rows(vulns("--unknown", "--json"))
    severe = rows(vulns("--severity", "critical", "--unknown", "--json"))
    assert severe == [one for one in every if (one["cvss"] or 0) >= 9] != every
    exploited = rows(vulns("--exploited", "--unknown", "--json"))
    assert exploited == [one for one in every if one["exploited"]] != every
    assert {one["cve"] for one in rows(vulns("device", CAMERA, "--severity", "critical", "--json"))} <= {
        one["cve"] for one in severe
    }
    assert vulns("list", "type=switch", "--severity", "critical").out == "no CVEs match\n"
    assert vulns("show", "CVE-2024-0066", "--severity", "critical").out == vulns("show", "CVE-2024-0066").out


def test_devices_that_are_gone_are_not_to_be_fixed(golden: Golden, run_cli, tmp_path: Path) -> None:
    """Removed devices are counted, and listed on request; reports, scores and tickets do not include them."""
    log = tmp_path / "log.jsonl"
    cameras = [
        device(number, "camera", action, vendor="Hikvision", model="DS-2CD2143G0-I")
        for number, action in ((1, "new"), (2, "gone"), (3, "gone"))
    ]
    log.write_text("".join(f"{json.dumps(one)}\n" for one in cameras), encoding="utf-8")
    result = run_cli("vulns", "--events", str(log))
    golden(result.lines)
    result = run_cli("vulns", "state=gone", "--unknown", "--events", str(log))
    golden(result.lines[-1])
    found = [
        json.loads(line)["device"]["id"] for line in run_cli("vulns", "list", "--json", "--events", str(log)).lines
    ]
    assert found == ["dev-1"]


def test_imported_ones_are_found(golden: Golden, vulns, imported: None) -> None:
    """Findings have the terms of the priority, which add up, and the packet that proves the version."""
    worst = rows(vulns("--json"))[0]
    assert (worst["cve"], worst["verdict"], worst["source"], worst["device"]["firmware"]) == (
        "CVE-2024-2001",
        "affected",
        "nvd",
        "9.80.3",
    )
    assert (
        worst["priority"]
        == round(sum(term["points"] for term in worst["terms"]), 1)
        == round(30 + 20 * 0.944 + 19.6 + 4, 1)
    )
    golden(worst["reason"])
    assert [(claim["observation"], claim["value"]) for claim in worst["evidence"]] == [("dhcp.vendor_class", "9.80.3")]
    found = rows(vulns("--json", "--all"))
    assert {one["verdict"] for one in found if one["cve"] == "CVE-2024-2002"} == {"not affected", "unknown"}
    assert [one for one in found if one["verdict"] == "affected" and not one["evidence"]] == []
    assert not [one for one in rows(vulns("--json")) if one["verdict"] == "not affected"]


def test_the_first_detection(vulns, imported: None) -> None:
    """The firmware was seen before the import, whose time is that of the source; without an import it is unknown."""
    found = {one["cve"]: one for one in rows(vulns("--json")) if one["verdict"] == "affected"}
    source = next(one for one in rows(vulns("sources", "--json")) if one["name"].startswith("nvd"))
    assert found["CVE-2024-2001"]["first_detected"] == source["imported"].replace("Z", ".000000Z")
    assert found["CVE-2024-0066"]["first_detected"] == ""
    line = next(one for one in vulns().lines if "CVE-2024-2001" in one)
    assert source["imported"] in line
    assert vulns("--csv").lines[0].endswith(",title,first_detected")


def test_a_version_that_a_person_set_counts_for_nothing(
    golden: Golden, vulns, run_cli, state: Path, imported: None
) -> None:
    assert run_cli("devices", "set", "10.0.0.11", "firmware=9.80.3", "--state", str(state)).code == 0
    output = [one for one in rows(vulns("--json")) if one["device"]["ips"] == ["10.0.0.11"]]
    assert output[0]["device"]["firmware"] == "9.80.3"
    assert {one["verdict"] for one in output} == {"unknown"}
    golden({one["reason"] for one in output}, "9.80.3")


def test_filters_and_forms(golden: Golden, vulns, imported: None) -> None:
    """Filters are those of devices; CSV has no formulas."""
    golden(vulns("list", "type=printer").out)
    assert vulns("list", "typ=printer").code == 2
    lines = vulns("list", "--csv", "10.0.0.10").lines
    assert lines[0].startswith("priority,cve,device,name")
    assert "'=cmd|calc" in lines[1]


def test_a_device(golden: Golden, vulns, imported: None) -> None:
    """The packet that proves the device's version, and its vulnerabilities are shown."""
    result = vulns("device", "10.0.0.10")
    assert result.code == 0
    assert "Axis P3245-LV, camera" in result.lines[0]
    assert result.lines[1].startswith("version: 9.80.3, ")
    assert " dhcp.vendor_class " in result.lines[1]
    row = next(line for line in result.lines if "CVE-2024-2001" in line)
    golden(row, "2025-02-12")
    assert "CVE-2024-2002" not in result.out
    assert "CVE-2024-2002" in vulns("device", "10.0.0.10", "--all").out
    golden(vulns("device", "10.0.0.11").lines[1])
    golden(vulns("device", "10.0.0.9").lines[-1])
    assert vulns("device", "10.0.0.10", "--csv").lines[1].split(",")[1] == "CVE-2024-2001"
    assert vulns("device", "10.9.9.9").code == 1
    assert vulns("device").code == 2
    assert rows(vulns("device", "10.0.0.10", "--json"))[0]["cve"] == "CVE-2024-2001"


def test_a_cve(golden: Golden, vulns, imported: None) -> None:
    """Description, affected versions by source, what to do, and affected devices are shown."""
    result = vulns("show", "cve-2024-2001")
    assert result.code == 0
    golden(result.lines[:4])
    assert any("10.0.0.10" in line and "affected" in line for line in result.lines)
    assert any("10.0.0.11" in line and "unknown" in line for line in result.lines)
    body = rows(vulns("show", "CVE-2024-2001", "--json"))[0]
    assert [one["verdict"] for one in body["findings"]] == ["affected", "unknown"]
    golden(vulns("show", "CVE-2021-36260").lines[-1])
    for unknown in ("CVE-1999-0001", "nonsense", "\x1b[31m"):
        result = vulns("show", unknown)
        assert result.code == 1
        assert "\x1b" not in result.err
    assert vulns("show").code == 2


def test_age_is_reported(vulns, imported: None) -> None:
    """Outdated data is marked wherever it is used."""
    assert "kev (stale: " in vulns().err
    listed = rows(vulns("sources", "--json"))
    assert [(one["name"], one["entries"]) for one in listed] == [("epss", 1), ("kev", 1), ("nvdcve-2.0-2024", 42)]
    assert listed[2]["age_days"] > 300
    assert "stale: " in next(line for line in vulns("sources").lines if line.startswith("nvdcve"))


def test_faults_of_a_feed(golden: Golden, vulns, tmp_path: Path) -> None:
    """The entry, the found and the expected value are reported; the other entries are imported."""
    broken = nvd_feed([*FEED["vulnerabilities"], *(nvd_cve(f"CVE-{number}", []) for number in range(8))])
    path = tmp_path / "broken.json"
    path.write_text(json.dumps(broken), encoding="utf-8")
    result = vulns("import", str(path))
    assert result.code == 0
    golden(result.out)
    golden(result.err.splitlines()[0])
    golden(result.err.splitlines()[-1])
    assert vulns("import", str(tmp_path / "none.json")).err.endswith(f": {os.strerror(errno.ENOENT)}\n")
    assert vulns("import", str(tmp_path / "none.json")).code == 3
    path.write_text(json.dumps(FEED | {"totalResults": 4000}), encoding="utf-8")
    golden(vulns("import", str(path)).out)
    assert vulns("import").code == 2
    assert vulns("import", "http://example.com/feed.json").code == 2
    result = vulns("delete")
    assert result.code == 2
    assert reports(result, "usage.unknown-action", "'delete'"), result.err


def test_update(golden: Golden, vulns, server: Server, state: Path) -> None:
    """A feed is downloaded only if it changed; one without entries is rejected, and the old ones are kept."""
    server.pages["/nvdcve-2.0-2024.json"] = json.dumps(FEED)
    assert str(state) in vulns("update").out
    assert not (state / FILE).exists()
    golden(vulns("import", f"{server.url}/nvdcve-2.0-2024.json").out)
    assert vulns("update").out == "nvdcve-2.0-2024: unchanged\n"
    assert "If-None-Match" in server.requested[-1][1]
    server.pages["/nvdcve-2.0-2024.json"] = json.dumps(nvd_feed([]))
    result = vulns("update", "nvdcve-2.0-2024")
    assert result.code == 3
    assert reports(result, "vulnerability.feed-failed"), result.err
    assert rows(vulns("sources", "--json"))[0]["entries"] == 42
    assert rows(vulns("sources", "--json"))[0]["trouble"]
    server.pages["/nvdcve-2.0-2024.json"] = json.dumps(nvd_feed(FEED["vulnerabilities"][:20]))
    assert vulns("update", "--force").code == 0
    del server.pages["/nvdcve-2.0-2024.json"]
    result = vulns("update")
    assert result.code == 3
    assert reports(result, "vulnerability.feed-failed", "404"), result.err
    server.pages["/nvdcve-2.0-2024.json"] = (302, {"Location": "http://127.0.0.1/"}, b"")
    assert reports(vulns("update"), "vulnerability.feed-failed", "HTTPS")
    result = vulns("update", "nvd")
    assert result.code == 1
    assert "nvdcve-2.0-2024" in result.err


def test_forget(vulns, imported: None, state: Path) -> None:
    """Data of a removed feed is gone from all results, data of other feeds stays. An unknown name changes nothing."""
    assert vulns("forget").code == 2
    result = vulns("forget", "kev", "epss2")
    assert (result.code, "epss" in result.suggestions) == (1, True)
    assert len(vulns("sources").lines) == 4
    result = vulns("forget", "nvdcve-2.0-2024", "kev")
    assert (result.code, result.lines) == (0, ["nvdcve-2.0-2024: removed, 42 entries", "kev: removed, 1 entry"])
    assert [one["name"] for one in rows(vulns("sources", "--json"))] == ["epss"]
    assert vulns("show", "CVE-2024-2001").code == 1
    assert not [one for one in rows(vulns("--json", "--all")) if one["source"] == "nvd"]


def test_a_database_that_cannot_be_used(vulns, state: Path) -> None:
    (state / FILE).write_text("something else" * 100, encoding="utf-8")
    for arguments in ((), ("sources",), ("update",), ("forget", "kev"), ("show", "CVE-2021-36260")):
        result = vulns(*arguments)
        assert result.code == 3
        assert result.err.startswith(f"sensor: {state / FILE}: ")


def test_a_log_is_enough(run_cli, log: Path) -> None:
    """Without an inventory the devices of a log are checked."""
    result = run_cli("vulns", "--json", "--events", str(log))
    assert {one["device"]["id"] for one in rows(result)} == {"dev-12"}
    assert {one["verdict"] for one in rows(result)} == {"unknown"}


def test_what_was_done_to_a_device_makes_it_urgent(run_cli, tmp_path: Path) -> None:
    """Inbound connections and attacks are known from open alerts, the criticality of a device from the operator."""
    ends = {"src": {"ip": "203.0.113.66"}, "dst": {"ip": "10.0.0.12", "device": "dev-12"}}
    alerts = [
        record(
            "alert",
            "open",
            "x",
            "high",
            alert={"id": f"alert-{number}", "key": str(number), "detector": detector},
            **ends,
        )
        for number, detector in enumerate(
            ("exposure.inbound_from_internet", "initial_access.exploit_attempt", "discovery.port_scan")
        )
    ]
    camera = {"vendor": "Axis", "model": "P3245-LV", "criticality": "high"}
    path = tmp_path / "other.jsonl"
    for result, points in (
        (alerts, {"outside": 10.0, "criticality": 7.0, "attacked": 10.0}),
        (alerts[2:], {"outside": 0.0, "criticality": 7.0, "attacked": 0.0}),
        ([{**one, "action": "close"} for one in alerts], {"outside": 10.0, "attacked": 10.0}),
        (
            [{**one, "alert": {**one["alert"], "closed": {"by": "ann"}}} for one in alerts],
            {"outside": 0.0, "attacked": 0.0},
        ),
    ):
        path.write_text(
            "".join(json.dumps(one) + "\n" for one in (device(12, "camera", **camera), *result)), encoding="utf-8"
        )
        terms = {
            term["name"]: term["points"] for term in rows(run_cli("vulns", "--json", "--events", str(path)))[0]["terms"]
        }
        assert {name: terms[name] for name in points} == points


def test_help_and_the_installed_program(run_cli) -> None:
    """The formula of the priority is part of the command's help."""
    result = run_cli("vulns", "--help")
    assert result.code == 0
    assert f"{len({entry.cve for entry in load_curated()})} CVEs of printers" in " ".join(result.out.split())
    for part in ("30 known to be exploited", "up to 20 for CVSS", "sensor vulns show CVE-2021-36260"):
        assert part in " ".join(result.out.split())
    program = shutil.which("sensor", path=str(Path(sys.executable).parent))
    assert (
        program is None
        or "sensor vulns"
        in subprocess.run([program, "vulns", "--help"], capture_output=True, text=True, check=True).stdout
    )
