"""Roles: alerts about the job of a host have low severity, and no others."""

from __future__ import annotations

from pathlib import Path

import pytest

from sensor.alerts.roles import ROLES, Roles
from sensor.alerts.scoring import AlertScorer
from sensor.config import Roles as RolesSection
from sensor.config import detector_units, load_config
from sensor.core.addresses import parse
from sensor.core.alert import Alert, Severity
from sensor.core.flow import Change, Flow, Reason
from sensor.core.observation import Subject
from sensor.documents import DocumentErrors
from tests.detectors.stories import World

SCANNER, JUMP, OTHER = "10.0.0.8", "10.0.9.4", "10.0.0.66"
GIVEN = Roles({"scanner": [SCANNER], "jump_host": ["10.0.9.0/24"]})


def made(detector: str, actor: str, *targets: str, severity: Severity = Severity.medium) -> Alert:
    flow = Flow(
        1, 1, 1, parse(actor), parse("10.0.0.5"), 0, 0, 1, 445, 6, 0, 0, Change.NEW, Reason.NONE, False, 1, 1, 60, 60
    )
    ends = tuple(Subject(0, parse(target)) for target in targets or ("10.0.0.5",))
    return Alert(
        1, detector, "t", severity=severity, confidence=0.5, techniques=(), actor=Subject(0, parse(actor)),
        summary="s", why=("w",), numbers={}, advice="a",
        false_positives="f", key="k", target=ends[-1], targets=ends, proof=(flow,),
    )  # fmt: skip


def test_a_scanner_scans() -> None:
    """Its scans have low severity and name the role; those of other hosts keep their severity."""
    weighed = AlertScorer(World(), GIVEN).scored(made("discovery.port_scan", SCANNER))
    assert weighed.severity == Severity.low
    assert "scanner" in weighed.why[-1]
    assert AlertScorer(World(), GIVEN).scored(made("discovery.port_scan", OTHER)).severity == Severity.medium


def test_a_role_is_no_licence() -> None:
    """A scanner that starts remote services, and a jump host that scans, keep the usual severity."""
    scorer = AlertScorer(World(), GIVEN)
    assert (
        scorer.scored(made("lateral_movement.remote_service", SCANNER, severity=Severity.high)).severity
        == Severity.high
    )
    assert scorer.scored(made("discovery.port_scan", JUMP)).severity == Severity.medium


def test_chains_over_a_jump_host() -> None:
    """The actor is the first host; the jump host is on the way. At the end of a chain it is a target as any other."""
    scorer = AlertScorer(World(), GIVEN)
    assert scorer.scored(made("lateral_movement.hop_chain", OTHER, JUMP, "10.0.0.5")).severity == Severity.low
    assert scorer.scored(made("lateral_movement.hop_chain", OTHER, "10.0.0.5", JUMP)).severity == Severity.medium


def test_what_is_mild_already_stays() -> None:
    """A role never raises a severity."""
    assert (
        AlertScorer(World(), GIVEN).scored(made("discovery.port_scan", SCANNER, severity=Severity.info)).severity
        == Severity.info
    )


def test_every_role_names_detectors_that_there_are() -> None:
    """Each role is also known to the configuration."""
    assert RolesSection.__struct_fields__ == tuple(ROLES)
    known = detector_units()
    assert [
        name for names in ROLES.values() for name in names if not any(unit.startswith(name) for unit in known)
    ] == []


def test_a_block_that_is_none_is_reported_with_its_place(tmp_path: Path) -> None:
    """The error is reported together with all other faults of the file."""
    path = tmp_path / "sensor.yaml"
    path.write_text("roles:\n  scanner: [10.0.0.8, nonsense]\n", encoding="utf-8")
    with pytest.raises(DocumentErrors, match="2:"):
        load_config(path)
