"""Calibration: shares by confidence, the fit, and a page made from labelled captures."""

from __future__ import annotations

from pathlib import Path

import yaml

from docs import calibrate
from docs.calibrate import Case, Claim, brier, claims_of, fitted, main, shares
from sensor.core.observation import Evidence
from sensor.fingerprinting import fuse

ROOT = Path(__file__).parents[2]


def evidence(family: str, value: str, confidence: float) -> Evidence:
    return Evidence("type", value, confidence, "f", family, "k", "s", 1, 1)


def test_shares_of_each_bin() -> None:
    """Bins include their lower bound, the last one both; empty ones are omitted."""
    claims = [Claim("type", *one) for one in ((0.9, True), (1.0, True), (0.95, False), (0.4, False))]
    assert [(low, high, count, round(right, 2)) for low, high, count, _, right in shares(claims)] == [
        (0.4, 0.5, 1, 0.0),
        (0.9, 1.0, 3, 0.67),
    ]
    assert brier([Claim("type", 1.0, True), Claim("type", 1.0, False)]) == 0.5


def test_the_fit_finds_the_share_and_changes_nothing() -> None:
    """Families that are correct in nine of ten cases are fitted; the constants are unchanged afterwards."""
    before = fuse.ONE_FAMILY, fuse.WEAK_FAMILY
    strong = (evidence("mdns", "printer", 0.99),)
    cases = [Case({"type": "printer" if n % 10 else "camera"}, strong) for n in range(100)]
    assert fitted(cases)["ONE_FAMILY"][0] == 0.9
    assert before == (fuse.ONE_FAMILY, fuse.WEAK_FAMILY)
    assert [claim.right for claim in claims_of(cases[:2])] == [False, True]


def test_a_page_from_labelled_captures(tmp_path: Path) -> None:
    """An attack capture and a benign one of the project give a page with a table of severities, and a plot."""
    entries = [
        {"path": str(ROOT / "pcaps/lab/attacks/windows_psexec.pcap"), "benign": False,
        "expect": [{"attacker_ip": "10.20.10.66"}]},
        {"path": str(ROOT / "pcaps/dissectors/dhcp.pcap"), "devices": [{"mac": "02:00:5e:00:53:02",
        "type": "voip_phone"}]},
    ]  # fmt: skip
    (tmp_path / "manifest.yaml").write_text(yaml.safe_dump({"captures": entries}), "utf-8")
    page, plot = tmp_path / "page.md", tmp_path / "plot.svg"
    assert main([str(tmp_path), "--page", str(page), "--plot", str(plot)]) == 0
    assert "| high | 1 | 100.0% |" in page.read_text("utf-8")
    assert plot.read_text("utf-8").startswith("<svg ")


def test_labels() -> None:
    """A general type is correct, a name matches in part, and an attribute without a label is not evaluated."""
    label = {"type": "hub", "acceptable_types": ["other_iot"], "vendor": "TP-Link"}
    assert calibrate.agrees("type", "iot", label)
    assert calibrate.agrees("vendor", "TP-Link Systems", label)
    assert not calibrate.agrees("vendor", "Ubiquiti", label)
    assert calibrate.agrees("model", "HS110", label) is None
