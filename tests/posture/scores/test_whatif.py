"""What-if scores: equal to the score after the fix, and quick for a large site."""

from __future__ import annotations

import time

from hypothesis import given

from sensor.posture.scores.causes import SHUT, causes_of
from sensor.posture.scores.exposure import Exposures, exposures
from sensor.posture.scores.whatif import fixed_device, fixed_site
from sensor.posture.site import Site
from sensor.posture.vulnerabilities.priority import RiskFactors
from sensor.posture.weakness import FIND_OUT
from tests.golden import Golden
from tests.posture.scores.sites import alert, large, node, site, weakness
from tests.posture.scores.test_exposure import sites

DEVICES, SECONDS = 10_000, 4.0


def test_of_a_device() -> None:
    """Fixes are sorted by how much they lower the score, with all weaknesses that they fix; each alone, and together
    with those before it.
    """
    weak = [
        weakness("dev-1", "CVE-1", 53.6, "update"),
        weakness("dev-1", "CVE-2", 40.0, "update"),
        weakness("dev-1", "telnet", 30.0),
    ]
    assert [
        (one.fix.key, one.points, one.together, one.fixes)
        for one in fixed_device(causes_of(site([node(1)], weak)), "dev-1")
    ] == [
        ("update", 30.0, 30.0, ("CVE-1", "CVE-2")),
        ("setting|telnet", 55.9, 0.0, ("telnet",)),
    ]


def test_a_firmware_that_is_found_out_is_known() -> None:
    """Finding out the firmware version may remove all its weaknesses."""
    weak = weakness("dev-1", "CVE-1", 20.0, "version")
    some = site([node(1, firmware="")], [weak._replace(fix=weak.fix._replace(steps=FIND_OUT))])
    assert [(one.points, one.lowers) for one in fixed_device(causes_of(some), "dev-1")] == [(0.0, 22.4)]


def test_what_one_did_to_others_is_one_thing_to_deal_with(golden: Golden) -> None:
    """All alerts of an internal actor are one fix, also for its targets; alerts of external actors are single."""
    alerts = [alert(1, "dev-1", "dev-2"), alert(2, "dev-1", "dev-2", "dev-3"), alert(3, "", "dev-3")]
    some = site([node(1), node(2), node(3)], alerts=alerts)
    first, second = fixed_site(causes_of(some))
    assert (first.fix.key, first.fixes) == ("alerts|dev-1", ("alert-1", "alert-2"))
    golden(first.fix.title)
    assert first.devices == {"dev-1": 0.0, "dev-2": 0.0, "dev-3": 28.0}
    assert (second.fix.key, second.fix.title, second.fixes) == (
        "alerts|alert-3",
        "Investigate alert-3: Port scan",
        ("alert-3",),
    )


def test_to_shut_the_outside_out_is_a_fix() -> None:
    """Blocking inbound traffic is a fix for all devices that are reachable from outside."""
    some = site([node(1, aimed=RiskFactors(outside=True)), node(2, aimed=RiskFactors(outside=True)), node(3)])
    assert [(one.fix, one.points, one.devices) for one in fixed_site(causes_of(some))] == [
        (SHUT, 0.0, {"dev-1": 0.0, "dev-2": 0.0})
    ]


def test_of_a_site() -> None:
    """The fix of the most severe device comes first, then those of most devices, although the site's score does not
    show them.
    """
    nodes = [node(number) for number in range(40)]
    weak = [
        weakness("dev-0", "CVE-1", 90.0, "update"),
        *(weakness(one.id, "telnet", 30.0) for one in nodes[1:5]),
        weakness("dev-9", "ftp", 30.0),
    ]
    found = fixed_site(causes_of(site(nodes, weak)))
    assert [(one.fix.key, one.points, one.together, len(one.devices), one.lowers) for one in found] == [
        ("update", 30.0, 30.0, 1, 90.0),
        ("setting|telnet", 72.0, 23.2, 4, 120.0),
        ("setting|ftp", 76.5, 0.0, 1, 30.0),
    ]


@given(sites())
def test_it_is_what_the_score_would_be(before: Site) -> None:
    """A fix gives the score of the site without the fixed weaknesses, alone and together with those before it."""
    done: set[str] = set()
    fixes = list(fixed_site(causes_of(before), 100))
    assert len({one.fix.key for one in fixes}) == len(fixes)
    for one in fixes:
        done.add(one.fix.key)
        alone, together = _without(before, {one.fix.key}), _without(before, done)
        assert (one.points, one.together) == (alone.site.points, together.site.points)
        assert {name: alone.devices[name].points for name in one.devices} == one.devices


def _without(before: Site, fixes: set[str]) -> Exposures:
    """The scores after some fixes: without their weaknesses, and without alerts of the handled devices."""
    alerts = [one for one in before.alerts if f"alerts|{one['src']['device']}" not in fixes]
    nodes = [
        one._replace(aimed=one.aimed._replace(outside=one.aimed.outside and SHUT.key not in fixes))
        for one in before.nodes.values()
    ]
    return exposures(site(nodes, (weak for _, weak in before.weak() if weak.fix.key not in fixes), alerts))


def test_ten_thousand_devices() -> None:
    """Scores, segments and the ten best fixes of fifty thousand weaknesses are computed in time."""
    some = large(DEVICES)
    began = time.process_time()
    found, best = exposures(some), fixed_site(causes_of(some))
    took = time.process_time() - began
    assert (len(found.devices), len(found.segments), len(best)) == (DEVICES, DEVICES // 200, 10)
    assert took < SECONDS, took
    print(f"{DEVICES:,} devices with {sum(map(len, some.weaknesses.values())):,} weaknesses: {took:.2f} s")
