"""Rules for an alert that names no device: they block the device that had the address then, not the present one."""

from __future__ import annotations

import pytest

from sensor.core.addresses import text
from sensor.core.device import Lease
from sensor.core.record_parts import time_text
from sensor.eventlog.fold import Fold
from sensor.posture.firewall.requests import Spec
from sensor.posture.firewall.suggest import Question, Suggested, suggested
from sensor.posture.picture import AssessmentInputs, Picture
from tests.posture.firewall.requested import NOW
from tests.posture.test_alert_ends import NS, UNNAMED, device, exploit

HOUR = 3600 * 10**9
ADDRESS = "10.0.0.7"


def known(*leases: Lease) -> Fold:
    """The first device had the address, and has another one by now; the second has had it since then."""
    fold = Fold()
    first, second = device(1, "10.0.0.8"), device(2, ADDRESS)
    for one in (first, second):
        one["device"]["first_seen"] = "2026-11-01T00:00:00Z"
    for record in (UNNAMED, first, second):
        fold.add(record)
    fold.leases[ADDRESS] = list(leases)
    return fold


def rules_for(fold: Fold) -> Suggested:
    view = Picture(fold, AssessmentInputs()).view
    return suggested(Question("alert-1", Spec(NOW, None, "", None, None, False)), view, time_text)


def blocked(found: Suggested) -> set[str]:
    return {
        str(block.network_address)
        for one in found.requests
        for rule in one.rules
        for block in (*rule.sources, *rule.destinations)
    }


def test_the_holder_at_the_time_of_the_traffic_is_blocked() -> None:
    then = Lease("dev-1", NS - 9 * HOUR, NS + HOUR, held=False)
    found = rules_for(known(Lease("dev-2", NS + 2 * HOUR, NS + 9 * HOUR, held=True), then))
    assert blocked(found) == {"10.0.0.8", "203.0.113.66"}
    assert [one.id for request in found.requests for one in request.machines] == ["dev-1"]
    assert [one.code for one in found.remarks] == ["firewall.left-out"]


def test_the_present_holder_had_the_address_then() -> None:
    found = rules_for(known(Lease("dev-2", NS - 9 * HOUR, NS + HOUR, held=True)))
    assert blocked(found) == {ADDRESS, "203.0.113.66"}
    assert [one.id for request in found.requests for one in request.machines] == ["dev-2"]
    assert found.remarks == []


def test_an_unknown_holder_is_not_replaced_by_the_present_one() -> None:
    found = rules_for(known(Lease("dev-2", NS + 2 * HOUR, NS + 9 * HOUR, held=True)))
    assert found.requests == []
    assert "firewall.left-out" in {one.code for one in found.remarks}


@pytest.mark.parametrize(("first_seen", "expected"), [("2026-11-24T09:30:00Z", "dev-2"), ("2026-11-25T00:00:00Z", "")])
def test_a_log_has_no_leases(first_seen: str, expected: str) -> None:
    """The present device counts if it was known by then or soon after."""
    fold = Fold()
    second = device(2, ADDRESS)
    second["device"]["first_seen"] = first_seen
    for record in (UNNAMED, second):
        fold.add(record)
    found = rules_for(fold)
    assert [one.id for request in found.requests for one in request.machines] == [expected] * bool(expected)


def test_a_device_that_is_gone_leaves_its_address() -> None:
    """No other device has it: it is blocked."""
    fold = Fold()
    for record in (UNNAMED, device(1, ADDRESS, action="gone")):
        fold.add(record)
    assert blocked(rules_for(fold)) == {ADDRESS, "203.0.113.66"}


def test_an_address_of_a_gateway_in_another_alert() -> None:
    """It is in no record of a device: the alert that names the device shows whose it is."""
    fold = Fold()
    named = exploit(2, {"ip": "203.0.113.66"}, {"ip": ADDRESS, "device": "dev-1"})
    for record in (device(1, "10.0.0.8"), named, UNNAMED):
        fold.add(record)
    view = Picture(fold, AssessmentInputs()).view
    party = view.party(UNNAMED["dst"], UNNAMED)
    assert party is not None
    assert (party.id, [text(one) for one in party.addresses]) == ("dev-1", [ADDRESS, "10.0.0.8"])
