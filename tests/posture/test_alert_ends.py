"""Devices at the ends of alerts: the device that was attacked, not the next one with its address."""

from __future__ import annotations

from typing import Any

from sensor.core.device import Lease
from sensor.eventlog.fold import Fold
from sensor.posture.alert_ends import alert_ends, unnamed
from sensor.posture.paths.build import build
from sensor.posture.paths.costs import Kind
from sensor.posture.picture import AssessmentInputs, Picture

TS = "2026-11-24T09:20:00.000000Z"
NS = 1_795_512_000 * 10**9


def device(number: int, *ips: str, action: str = "changed", reason: str = "") -> dict[str, Any]:
    about = {"id": f"dev-{number}", "type": "camera", "ips": list(ips)}
    return {"ts": TS, "kind": "device", "action": action, "reason": reason, "device": about}


def exploit(number: int, src: dict[str, str], dst: dict[str, str]) -> dict[str, Any]:
    about = {"id": f"alert-{number}", "detector": "initial_access.exploit_attempt", "risk": 70, "last": TS}
    return {
        "ts": TS,
        "kind": "alert",
        "action": "open",
        "severity": "high",
        "alert": about,
        "src": src,
        "dst": dst,
    }


def attacked(*records: dict[str, Any]) -> set[str]:
    """Devices to which an alert gives points, which is the same for all assessments."""
    fold = Fold()
    for record in records:
        fold.add(record)
    picture = Picture(fold, AssessmentInputs())
    found = {
        name
        for name, one in picture.exposures.devices.items()
        if any(term.name == "attack" and term.points for term in one.terms)
    }
    assert found == {name for name, node in picture.site.nodes.items() if node.aimed.attacked and not node.gone}
    return found


ATTACK = exploit(1, {"ip": "203.0.113.66"}, {"ip": "10.0.0.7", "device": "dev-1"})
UNNAMED = exploit(1, {"ip": "203.0.113.66"}, {"ip": "10.0.0.7"})


def test_an_attack_counts_for_90_days() -> None:
    """After its last occurrence, as seen from the last record: an old one repeated lately counts."""
    target = device(1, "10.0.0.7")
    for last, counted in (("2026-08-26T10:00:00.000000Z", True), ("2026-08-26T09:00:00.000000Z", False)):
        old = exploit(1, {"ip": "203.0.113.66"}, {"ip": "10.0.0.7", "device": "dev-1"})
        old["alert"]["last"] = last
        fold = Fold()
        for record in (target, old):
            fold.add(record)
        picture = Picture(fold, AssessmentInputs())
        assert picture.site.nodes["dev-1"].aimed.attacked == counted, last


def test_the_next_device_with_the_address_was_not_attacked() -> None:
    """DHCP assigns the address to another device: the alert stays with the first one, also if that is gone."""
    before, after = device(1, "10.0.0.7"), device(2, "10.0.0.7")
    assert attacked(before, ATTACK) == {"dev-1"}
    assert attacked(before, ATTACK, device(1, "10.0.0.8"), after) == {"dev-1"}
    assert attacked(before, ATTACK, device(1, "10.0.0.7", action="gone"), after) == set()
    assert attacked(ATTACK, after) == set()


def test_an_alert_without_a_device_is_about_the_present_one_at_its_address() -> None:
    """The device was not known yet; one that is gone has no address."""
    assert attacked(UNNAMED, device(1, "10.0.0.7")) == {"dev-1"}
    assert attacked(UNNAMED, device(1, "10.0.0.7", action="gone"), device(2, "10.0.0.7")) == {"dev-2"}


def test_a_device_that_came_later_was_not_attacked() -> None:
    """The address had another holder then, which is not known. One that was first seen soon after is the host itself;
    without a time, the present one counts.
    """
    later = device(1, "10.0.0.7")
    for first, found in (("2026-11-24T10:19:00Z", {"dev-1"}), ("2026-11-24T10:21:00Z", set()), ("", {"dev-1"})):
        later["device"]["first_seen"] = first
        assert attacked(UNNAMED, later) == found, first


def test_an_alert_without_a_device_is_about_the_one_that_had_the_address() -> None:
    """By the stored leases: the present holder is known for long, but had another address then. Of a time without a
    lease, the device is unknown; a lease that began soon after is that of the host itself.
    """
    first, second = device(1, "10.0.0.8"), device(2, "10.0.0.7")
    for one in (first, second):
        one["device"]["first_seen"] = "2026-11-01T00:00:00Z"
    minute = 60 * 10**9
    for begins, ended, found in ((30, 5, "dev-1"), (30, -5, "dev-2"), (61, -5, ""), (-10, -20, "dev-2")):
        fold = Fold()
        for record in (UNNAMED, first, second):
            fold.add(record)
        fold.leases["10.0.0.7"] = [
            Lease("dev-2", NS + begins * minute, NS + 600 * minute, held=True),
            Lease("dev-1", NS - 600 * minute, NS + ended * minute, held=False),
        ]
        assert alert_ends(fold).device(UNNAMED["dst"], UNNAMED) == found, (begins, ended)


def test_a_lease_of_a_merged_device() -> None:
    fold = Fold()
    for record in (device(1), UNNAMED, device(2, "10.0.0.8", action="merged", reason="dev-1 has the same name")):
        fold.add(record)
    fold.leases["10.0.0.7"] = [Lease("dev-1", NS - 10, NS + 10, held=False)]
    assert alert_ends(fold).device(UNNAMED["dst"], UNNAMED) == "dev-2"
    assert unnamed(fold) == {"10.0.0.7", "203.0.113.66"}


def test_an_alert_of_a_merged_device() -> None:
    merged = device(2, "10.0.0.8", action="merged", reason="dev-1 has the same name")
    assert attacked(device(1, "10.0.0.7"), ATTACK, merged) == {"dev-2"}


def exposed(*records: dict[str, Any]) -> set[str]:
    """Devices that external hosts reach, which is the same for priorities and attack paths."""
    fold = Fold()
    for record in records:
        fold.add(record)
    site = Picture(fold, AssessmentInputs()).site
    about = build(site)
    inbound = about.graph.dst[about.graph.kind == Kind.INBOUND] - about.graph.first_service
    found = {about.graph.devices[owner - 1] for owner in about.graph.owner[inbound].tolist()}
    assert found == {name for name, node in site.nodes.items() if node.aimed.outside}
    return found


def test_a_port_mapping_exposes_the_host_behind_the_router() -> None:
    """The client itself, or the host for which it requests one; never the router, which is the target of the alert."""
    camera, router, server = device(1, "10.0.0.7"), device(2, "10.0.0.1"), device(3, "10.0.0.9")
    ends = [{"ip": f"10.0.0.{host}", "device": f"dev-{number}"} for number, host in ((1, 7), (2, 1), (3, 9))]
    numbers = {"protocol": "tcp", "internal_port": 554}
    about = {"detector": "command_and_control.port_mapping", "numbers": numbers, "last": TS}
    own = exploit(1, ends[0], ends[1]) | {"alert": {**about, "id": "alert-1"}, "targets": [ends[1]]}
    other = own | {"targets": [ends[2], ends[1]]}
    assert exposed(camera, router, server, own) == {"dev-1"}
    assert exposed(camera, router, server, other) == {"dev-3"}
    assert exposed(camera, router, other) == set()


def test_damaged_ends() -> None:
    fold = Fold()
    fold.add(device(1, "10.0.0.7"))
    ends = alert_ends(fold)
    assert ends.device({"ip": "10.0.0.7"}, UNNAMED) == "dev-1"
    for damaged in (None, 5, {}, {"ip": ["10.0.0.7"]}, {"device": 1}, {"device": ["dev-1"]}):
        assert ends.device(damaged, UNNAMED) == ""
