"""Weighing: what raises the severity of an alert, and what does not."""

from __future__ import annotations

from typing import Any

import pytest

from sensor.alerts.scoring import AlertScorer
from sensor.core.addresses import parse
from sensor.core.alert import Alert, Severity
from sensor.core.device import Attribute, Device
from sensor.core.flow import Change, Flow, Reason
from sensor.core.observation import Evidence, Subject
from sensor.core.record import RecordMaker
from sensor.core.risk import risk
from sensor.intel.store import ThreatLists
from tests.detectors.stories import World, device

HERE, SERVER, OUTSIDE = "10.0.0.9", "10.0.0.5", "203.0.113.66"


def made(target: str = SERVER, *, answered: bool = False, **more: Any) -> Alert:
    actor, other = Subject(0, parse(HERE)), Subject(0, parse(target))
    flow = Flow(
        1, 1, 1, actor.address, other.address, 0, 0, 1, 445, 6, 0, 0, Change.NEW, Reason.NONE, answered, 1, 1, 60, 60
    )
    facts = {"severity": Severity.medium, "usual": Severity.medium} | more
    return Alert(
        1, "d.x", "t", confidence=0.5, techniques=(), actor=actor, summary="s", why=("w",), numbers={}, advice="a",
        false_positives="f", key="k", target=other,
        targets=(other,), proof=(flow,), **facts,
    )  # fmt: skip


def critical(address: str, word: str) -> Device:
    known = device("server", address)
    text = Evidence("criticality", word, 1.0, "operator", "operator", "operator.anna", word, 1, 1)
    known.attributes["criticality"] = Attribute("criticality", word, 1.0, (text,))
    return known


@pytest.fixture
def lists(tmp_path: Any) -> ThreatLists:
    (tmp_path / "bad.txt").write_text(f"{OUTSIDE}\n2001:db8:66::/48\n")
    return ThreatLists([tmp_path / "bad.txt"])


def test_nothing_known_changes_nothing() -> None:
    """Without device, list or criticality the severity is that of the detector."""
    weighed = AlertScorer(World()).scored(made())
    assert (weighed.severity, weighed.terms, weighed.why) == (Severity.medium, {}, ("w",))


def test_a_device_with_one_job_raises_it_by_one() -> None:
    """The severity of an alert about a fixed-function device rises by one, and the reason is given."""
    weighed = AlertScorer(World(device("camera", HERE))).scored(made())
    assert (weighed.severity, weighed.terms) == (Severity.high, {"device_type": 5})
    assert "fixed-function" in weighed.why[-1]


@pytest.mark.parametrize(
    "more",
    [
        {"usual": None},
        {"severity": Severity.high},
        {"severity": Severity.low, "usual": Severity.low},
    ],
    ids=["the detector weighs itself", "it was raised already", "it is no alarm"],
)
def test_what_is_not_raised(more: dict[str, Any]) -> None:
    """The points still count."""
    weighed = AlertScorer(World(device("camera", HERE))).scored(made(**more))
    assert weighed.severity == more.get("severity", Severity.medium)
    assert weighed.terms == {"device_type": 5}


@pytest.mark.parametrize(
    ("word", "severity", "points"),
    [
        ("critical", Severity.high, 10),
        ("high", Severity.high, 5),
        ("medium", Severity.medium, 0),
        ("other", Severity.medium, 0),
    ],
)
def test_a_criticality_set_by_the_operator(word: str, severity: Severity, points: int) -> None:
    """The severity rises for a critical target."""
    weighed = AlertScorer(World(critical(SERVER, word))).scored(made())
    assert (weighed.severity, weighed.terms) == (severity, {"criticality": points} if points else {})


def test_what_matters_little_counts_less() -> None:
    weighed = AlertScorer(World(critical(SERVER, "low"))).scored(made())
    assert (weighed.severity, risk(weighed)) == (Severity.medium, 45)


@pytest.mark.parametrize("outside", [OUTSIDE, "2001:db8:66::9"])
@pytest.mark.parametrize(("answered", "severity"), [(True, Severity.high), (False, Severity.medium)])
def test_a_listed_end_that_answers(lists: ThreatLists, outside: str, answered: bool, severity: Severity) -> None:
    """A listed endpoint that answers raises it; the list alone gives points."""
    weighed = AlertScorer(World(lists=lists)).scored(made(outside, answered=answered))
    assert weighed.severity == severity
    assert weighed.terms == {"listed": 5} | ({"answered": 3} if answered else {})


def test_an_entry_that_expired_before_the_alert_gives_no_points(tmp_path: Any) -> None:
    (tmp_path / "old.csv").write_text(f"indicator,valid_until\n{OUTSIDE},1970-01-02\n")
    scorer = AlertScorer(World(lists=ThreatLists([tmp_path / "old.csv"])))
    later = made(OUTSIDE)
    later.ts = 3 * 86_400 * 10**9
    assert [scorer.scored(one).terms for one in (made(OUTSIDE), later)] == [{"listed": 5}, {}]


def test_a_neighbour_of_a_listed_block_is_not_listed(lists: ThreatLists) -> None:
    assert AlertScorer(World(lists=lists)).scored(made("2001:db8:67::9", answered=True)).terms == {"answered": 3}


def test_an_inside_address_on_a_list_is_not_looked_up(tmp_path: Any) -> None:
    (tmp_path / "bad.txt").write_text(f"{SERVER}\n")
    assert AlertScorer(World(lists=ThreatLists([tmp_path / "bad.txt"]))).scored(made()).terms == {}


def test_the_risk_is_the_sum_of_its_terms(lists: ThreatLists) -> None:
    """The terms are in the record, and the sum is at most 100."""
    both = World(device("camera", HERE), critical(SERVER, "critical"), lists=lists)
    body = RecordMaker("s").alert("open", AlertScorer(both).scored(made(severity=Severity.high))).alert
    assert isinstance(body, dict)
    assert body["risk_terms"] == {"severity": 90, "confidence": 0, "device_type": 5, "criticality": 10}
    assert body["risk"] == 100
