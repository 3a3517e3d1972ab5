"""From packets to vulnerabilities. No device is affected unless a packet contained its version."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from sensor.cli.main import main
from tests.posture.vulnerabilities.feeds import cpe_match, nvd_cve, nvd_feed

OFFICE = Path(__file__).parents[3] / "pcaps" / "office.pcapng"
CORPUS = os.environ.get("SENSOR_CORPUS", "")
# NVD entries about devices of this office.
FEED = nvd_feed(
    [
        nvd_cve(
            "CVE-2026-1001",
            [cpe_match("o:grandstream:gxp2170_firmware", versionEndExcluding="1.0.11.40")],
            hardware=["h:grandstream:gxp2170"],
        ),
        nvd_cve("CVE-2026-1002", [cpe_match("o:yealink:sip-t46s_firmware", versionEndExcluding="66.86.0.15")]),
        nvd_cve(
            "CVE-2026-1003",
            [cpe_match("o:axis:axis_os", versionStartIncluding="10.12", versionEndExcluding="10.12.206")],
        ),
        nvd_cve("CVE-2026-1004", [cpe_match("o:polycom:vvx_411_firmware", versionEndIncluding="5.9.5")]),
        nvd_cve("CVE-2026-1005", [cpe_match("o:hikvision:ds-2cd2143g0-i_firmware", versionEndExcluding="5.7.0")]),
    ]
)
AFFECTED = {
    ("CVE-2023-45614", "515", "8.10.0.6"), ("CVE-2024-42393", "515", "8.10.0.6"), ("CVE-2024-42395", "515", "8.10.0.6"),
    ("CVE-2024-0066", "P3245-V", "10.12.199"), ("CVE-2026-1003", "P3245-V", "10.12.199"),
    ("CVE-2026-1001", "GXP2170", "1.0.11.35"),
}  # fmt: skip


def findings(
    captures: list[str], folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> list[dict[str, Any]]:
    """The output of `sensor vulns` after a replay."""
    monkeypatch.setenv("SENSOR_STATE", str(folder))
    folder.mkdir()
    (folder / "nvd.json").write_text(json.dumps(FEED), encoding="utf-8")
    assert main(["replay", *captures, "--state", str(folder)]) == 0
    assert main(["vulns", "import", str(folder / "nvd.json"), "--state", str(folder)]) == 0
    capsys.readouterr()
    assert main(["vulns", "list", "--all", "--json", "--state", str(folder)]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def proven(found: list[dict[str, Any]]) -> None:
    """Asserts that each verdict has a packet with the version; without one it is not "affected"."""
    for one in found:
        if one["verdict"] != "unknown":
            assert one["device"]["firmware"], one
            assert {claim["value"] for claim in one["evidence"]} == {one["device"]["firmware"]}, one
            assert all(
                claim["observation"] and claim["seen"] and claim["family"] != "operator" for claim in one["evidence"]
            ), one


def test_an_office(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Only a camera, a phone and an access point are affected; others are up to date or cannot be determined."""
    found = findings([str(OFFICE)], tmp_path / "state", capsys, monkeypatch)
    proven(found)
    assert {
        (one["cve"], one["device"]["model"], one["device"]["firmware"]) for one in found if one["verdict"] == "affected"
    } == AFFECTED
    verdicts = {one["cve"]: one["verdict"] for one in found}
    assert verdicts["CVE-2026-1002"] == "not affected"
    assert (verdicts["CVE-2026-1004"], verdicts["CVE-2026-1005"]) == ("unknown", "unknown")


@pytest.mark.slow
@pytest.mark.skipif(not CORPUS, reason="SENSOR_CORPUS names no folder of captures")
def test_captures_of_other_people(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same holds for captures of real devices."""
    found = findings(
        [str(Path(CORPUS) / "devices"), str(Path(CORPUS) / "protocols")], tmp_path / "state", capsys, monkeypatch
    )
    proven(found)
    assert any(one["verdict"] == "affected" for one in found)
    assert any(one["verdict"] == "unknown" for one in found)
