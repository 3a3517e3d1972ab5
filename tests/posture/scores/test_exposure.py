"""The exposure score: its terms, that no device is hidden, and that fixes never raise it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensor.inventory.habits import OUTSIDE, Habits
from sensor.posture.firewall.simulate import Seen
from sensor.posture.scores import exposure
from sensor.posture.scores.exposure import Exposure, band_of, exposure_of, exposures
from sensor.posture.site import Site
from sensor.posture.vulnerabilities.priority import RiskFactors
from sensor.posture.weakness import Weakness
from tests.golden import Golden
from tests.posture.scores.sites import alert, node, site, weakness

CVE = weakness("dev-1", "CVE-2021-36260", 53.6)


def alone(*weaknesses: Any, alerts: Any = (), **more: Any) -> Exposure:
    """The score of one device."""
    return exposures(site([node(1, **more)], weaknesses, alerts)).devices["dev-1"]


def added(exposure: Exposure) -> dict[str, float]:
    """The points of each term, without terms of 0."""
    return {term.name: term.points for term in exposure.terms if term.points}


def test_no_weakness_is_no_exposure(golden: Golden) -> None:
    """A known device without weaknesses has score 0, whatever its criticality; every term has a reason."""
    found = alone(aimed=RiskFactors(criticality="critical"))
    assert (found.points, found.band) == (0.0, "low")
    golden([term.why for term in found.terms])


def test_terms_add_up(golden: Golden) -> None:
    """Each term adds its share of the remaining points, with its evidence."""
    found = alone(
        CVE,
        weakness("dev-1", "telnet", 30.0),
        alerts=[alert(7, "dev-1")],
        aimed=RiskFactors(outside=True, criticality="high"),
        firmware="",
    )
    assert added(found) == {"weaknesses": 55.4, "attack": 25.0, "reach": 4.9, "unknown": 0.4, "criticality": 1.9}
    assert found.points == 87.6
    assert found.terms[0].why == "53.6 CVE-2021-36260: about CVE-2021-36260; 1 more add 1.8"
    assert found.terms[0].of == ("dev-1|CVE-2021-36260", "dev-1|telnet")
    assert found.terms[1].of == ("alert-7",)
    golden(found.terms[1].why)
    golden(found.terms[2].why)


def test_many_small_ones_do_not_beat_a_severe_one() -> None:
    """Fifty low settings stay in a lower band than one exploited vulnerability."""
    many = alone(*(weakness("dev-1", f"small_{number}", 10.0) for number in range(50)))
    assert (many.band, alone(CVE).band) == ("medium", "high")
    assert many.points < alone(CVE).points / 2


@pytest.mark.parametrize(
    ("record", "adds"),
    [
        (alert(1, "dev-1", "dev-2", risk=70), 56.0),
        (alert(1, "dev-2", "dev-1", risk=70), 28.0),
        (alert(1, "dev-1", "dev-1", risk=70), 56.0),
        (alert(1, "dev-1", risk=20, severity="low"), 0.0),
        (alert(1, "dev-1", detector="device.new"), 0.0),
        (alert(1, "dev-1", action="close", closed={"by": "ann"}), 0.0),
        (alert(1, "dev-1", action="close"), 56.0),
        (alert(1, "dev-1", action="close", last="2026-11-09T00:00:00Z"), 0.0),
        (alert(1, "dev-1", risk=1000), 80.0),
        ({"kind": "alert", "severity": "high", "alert": 7}, 0.0),
        (alert(1, "dev-1") | {"src": 5, "targets": "x", "dst": {"ip": ["10.0.0.1"]}}, 0.0),
    ],
)
def test_attacks(record: dict[str, Any], adds: float) -> None:
    """Actors count more than targets; closed and old alerts, those about no attack, and damaged ones count nothing."""
    assert added(exposures(site([node(1), node(2)], (), [record])).devices["dev-1"]).get("attack", 0.0) == adds


def test_reach(golden: Golden) -> None:
    """Exposure to external hosts, external traffic and PCs in the segment count; PCs are no risk to each other."""
    habits = Habits("camera", "10.0.0.0/24", 0)
    habits.use(OUTSIDE, 6 << 16 | 443, 0)
    camera, other = node(1, aimed=RiskFactors(outside=True)), node(2, segment="vlan 7")
    found = exposures(site([camera, node(3, "workstation"), other], seen=Seen({}, {"dev-1": habits, "dev-3": habits})))
    assert {name: added(one) for name, one in found.devices.items()} == {
        "dev-1": {"reach": 35.0},
        "dev-2": {},
        "dev-3": {"reach": 5.0},
    }
    golden(found.devices["dev-1"].terms[2].why)


def test_what_is_not_known_counts_a_little() -> None:
    """An unknown device has some exposure."""
    assert added(alone(type="unknown", firmware="")) == {"unknown": 6.0}
    assert added(alone(type="workstation", firmware="")) == {}


def test_devices_with_the_same_causes_are_evaluated_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a large site, most devices have neither weaknesses nor attacks; each of the others is evaluated."""
    evaluated: list[object] = []
    monkeypatch.setattr(exposure, "exposure_of", lambda one: evaluated.append(one) or exposure_of(one))
    quiet, worse = [node(number) for number in range(1, 9)], node(9)
    found = exposures(site([*quiet, worse], [weakness("dev-9", "sip_clear", 40.0)], [alert(1, "dev-9")]))
    assert len(evaluated) == 2
    assert len({found.devices[one.id] for one in quiet}) == 1
    assert all(found.devices[name] == exposure_of(one) for name, one in found.causes.items())


def test_one_burning_camera_among_many_is_not_hidden(golden: Golden) -> None:
    """One critical camera makes the site high; the number of other weak devices is shown, too."""
    nodes = [node(number, "workstation") for number in range(500)]
    burning = exposures(site([*nodes, node(501)], [weakness("dev-501", "CVE-2021-36260", 90.0)]))
    assert (burning.site.band, burning.site.points) == ("high", 63.9)
    assert [term.of[0] for term in burning.site.terms] == ["dev-501", "dev-501"]
    golden(burning.site.terms[1].why)
    assert len(burning.site.terms[1].of) == 51
    everywhere = exposures(site(nodes, [weakness(one.id, "CVE-2021-36260", 90.0) for one in nodes]))
    assert everywhere.site.points == 90.0


def test_segments() -> None:
    """Each segment has the score of its devices; a device without a segment counts for the site only."""
    found = exposures(
        site(
            [node(1, segment="vlan 1"), node(2, segment="vlan 2"), node(3, segment="")],
            [weakness("dev-3", "telnet", 30.0)],
        )
    )
    assert {name: one.points for name, one in found.segments.items()} == {"vlan 1": 0.0, "vlan 2": 0.0}
    assert found.site.points == 30.0


def test_who_is_gone_does_not_count() -> None:
    """A device that is gone has no score; an empty site has 0."""
    found = exposures(site([node(1, gone=True)], [CVE], [alert(1, "dev-1")]))
    assert found == (Exposure(0.0, "low", ()), {}, {}, {})


@pytest.mark.parametrize(
    ("points", "band"),
    [(0.0, "low"), (19.9, "low"), (20.0, "medium"), (49.9, "medium"), (50.0, "high"), (100.0, "high")],
)
def test_bands(points: float, band: str) -> None:
    assert band_of(points) == band


# Properties of all sites.

POINTS = st.floats(0, 100).map(lambda points: round(points, 1))
DEVICES = st.integers(1, 6)
FIXES = st.sampled_from(["update", "setting", "other"])


@st.composite
def sites(draw: st.DrawFn) -> Site:
    """Up to six devices of any type in two segments, with arbitrary weaknesses."""
    nodes = [
        node(
            number,
            draw(st.sampled_from(["camera", "workstation", "unknown"])),
            segment=draw(st.sampled_from(["vlan 1", "vlan 2"])),
            firmware=draw(st.sampled_from(["", "5.4"])),
            aimed=RiskFactors(draw(st.booleans()), False, draw(st.sampled_from(["", "low", "high", "critical"]))),
        )
        for number in range(1, draw(DEVICES) + 1)
    ]
    ids = st.sampled_from([one.id for one in nodes])
    weak = [
        weakness(draw(ids), f"setting_{number}", draw(POINTS), draw(FIXES)) for number in range(draw(st.integers(0, 8)))
    ]
    alerts = [
        alert(number, draw(ids), draw(ids), risk=draw(st.integers(0, 100))) for number in range(draw(st.integers(0, 3)))
    ]
    return site(nodes, weak, alerts)


def never_higher(better: Site, worse: Site) -> None:
    after, before = exposures(better), exposures(worse)
    assert after.site.points <= before.site.points
    assert all(one.points <= before.devices[name].points for name, one in after.devices.items())
    assert all(one.points <= before.segments[name].points for name, one in after.segments.items())


def without(one: Site, gone: Weakness) -> Site:
    return site(one.nodes.values(), (weak for _, weak in one.weak() if weak is not gone), one.alerts)


@given(sites(), st.data())
def test_mending_never_raises_a_score_and_a_new_weakness_never_lowers_one(worse: Site, data: st.DataObject) -> None:
    """The property holds for any weakness, and for the scores of device, segment and site."""
    for _, weak in worse.weak():
        never_higher(without(worse, weak), worse)
    new = weakness(data.draw(st.sampled_from(sorted(worse.nodes))), "new", data.draw(POINTS))
    never_higher(worse, site(worse.nodes.values(), [*(weak for _, weak in worse.weak()), new], worse.alerts))


@given(sites())
def test_closing_an_alert_and_shutting_the_outside_out_never_raise_a_score(worse: Site) -> None:
    """More knowledge of a device, or a lower criticality, does not raise its score either."""
    weak = [one for _, one in worse.weak()]
    never_higher(site(worse.nodes.values(), weak, worse.alerts[1:]), worse)
    better = [
        one._replace(aimed=one.aimed._replace(outside=False, criticality=""), firmware="5.4")
        for one in worse.nodes.values()
    ]
    never_higher(site(better, weak, worse.alerts), worse)


@given(sites())
def test_scores_are_the_sum_of_their_terms(some: Site) -> None:
    """The sum is exact, from 0 to 100, and in the band of the number."""
    found = exposures(some)
    for one in (found.site, *found.devices.values(), *found.segments.values()):
        assert round(sum(term.points for term in one.terms), 1) == one.points
        assert 0 <= one.points <= 100
        assert all(term.points >= 0 and term.why for term in one.terms)
        assert one.band == band_of(one.points)
