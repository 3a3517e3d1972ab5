"""Attacks on the map: who attacks whom, by pairs of nodes, and what is left out is counted."""

from __future__ import annotations

from typing import Any

import pytest

from sensor.core.severities import SEVERITIES
from sensor.posture.picture import AssessmentInputs, Picture
from sensor.views import attacks as module
from sensor.views import topology as map_module
from sensor.views.assessment import picture_of
from sensor.views.attacks import Attacks
from sensor.views.conversations import ConversationFilter
from sensor.views.dataset import Data
from sensor.views.errors import Malformed, Unknown
from sensor.views.topology import ADDRESSES, INTERNET, PastState, topology

CAMERA, NAS, LAB = "10.20.10.62", "10.20.10.5", "10.20.10.106"


@pytest.fixture
def picture(office: Data) -> Picture:
    return picture_of(office, AssessmentInputs())


def name_of(picture: Picture, address: str) -> str:
    (found,) = (node.id for node in picture.site.nodes.values() if node.address == address)
    return found


def attacks(picture: Picture, severity: str = "", **given: Any) -> Attacks:
    found = topology(picture, ConversationFilter(**given), severity=severity).attacks
    assert found is not None
    return found


def of_records(picture: Picture, *records: dict[str, Any]) -> Attacks:
    """Of these open alerts alone."""
    then = PastState(picture.site.nodes, records, 0, 1 << 62)
    found = topology(picture, then=then, severity="").attacks
    assert found is not None
    return found


def test_actors_and_targets(picture: Picture) -> None:
    """The camera that contacts a botnet, and the scanner with the NAS and with addresses of no device; devices are
    nodes of their own, which those of a map without attacks are not.
    """
    found = topology(picture, severity="")
    assert found.attacks is not None
    camera, nas, lab = (name_of(picture, address) for address in (CAMERA, NAS, LAB))
    pairs = {(one.source, one.target): one for one in found.attacks.pairs}
    assert (pairs[camera, INTERNET].severity, pairs[camera, INTERNET].alerts) == ("critical", 1)
    assert [alert.title for alert in pairs[lab, nas].named] == ["Port scan"]
    assert pairs[lab, ADDRESSES].alerts == 2
    nodes = {node.id: node for node in found.nodes}
    assert all(end in nodes for pair in pairs for end in pair)
    assert (nodes[camera].device, nodes[camera].severity) == (camera, "critical")
    assert [SEVERITIES.index(one.severity) for one in found.attacks.pairs] == sorted(
        (SEVERITIES.index(one.severity) for one in found.attacks.pairs), reverse=True
    )
    assert (found.attacks.alerts, found.attacks.alone, found.attacks.more) == (7, 0, 0)
    plain = topology(picture)
    assert plain.attacks is None
    assert not any(node.device for node in plain.nodes)
    assert (plain.devices, plain.conversations) == (found.devices, found.conversations)


@pytest.mark.parametrize("by", ["type", "segment", "vendor"])
def test_every_grouping_has_the_same_attacks(picture: Picture, by: str) -> None:
    found = topology(picture, by=by, severity="")
    assert found.attacks is not None
    assert found.attacks.pairs == attacks(picture).pairs


def test_filters(picture: Picture) -> None:
    """Severity, host, address and title select alerts; services and directions of conversations do not."""
    assert attacks(picture, "high").alerts == 1
    assert attacks(picture, "=medium").alerts == 4
    assert attacks(picture, address="203.0.113.0/24").alerts == 1
    assert attacks(picture, device=name_of(picture, NAS)).alerts == 2
    assert attacks(picture, text="port scan").alerts == 1
    assert attacks(picture, service=("smb/445",), direction=("inbound",)).alerts == 7
    with pytest.raises(Unknown):
        attacks(picture, "grave")
    with pytest.raises(Malformed):
        attacks(picture, address="nowhere")


def test_a_closed_alert_is_no_attack(picture: Picture) -> None:
    """Nor one whose severity this version does not know; the open twin is one."""
    ends = {"src": {"ip": LAB}, "dst": {"ip": NAS}}
    alert = {"id": "alert-x", "title": "Port scan"}
    assert of_records(picture, {"severity": "low", "alert": alert} | ends).alerts == 1
    assert of_records(picture, {"severity": "low", "action": "close", "alert": alert} | ends).pairs == []
    assert of_records(picture, {"severity": "grave", "alert": alert} | ends).pairs == []


def test_an_alert_without_another_host_is_counted(picture: Picture) -> None:
    """No target, the actor as target, no actor: no line is invented. Broken records are no fault."""
    lone: list[dict[str, Any]] = [{"src": {"ip": LAB}}, {"src": {"ip": LAB}, "dst": {"ip": LAB}}, {"dst": {"ip": NAS}}]
    lone += [{}, {"src": "x", "targets": [1, "y"], "dst": []}]
    records = [one | {"severity": "low", "alert": {"id": f"alert-{number}"}} for number, one in enumerate(lone)]
    found = of_records(picture, *records)
    assert (found.pairs, found.alerts, found.alone) == ([], 0, len(lone))


def test_an_attack_from_the_internet_and_multicast(picture: Picture) -> None:
    """External hosts are one node; a multicast address is in the network."""
    found = of_records(
        picture,
        {"severity": "high", "alert": {"id": "a"}, "src": {"ip": "198.51.100.7"}, "dst": {"ip": NAS}},
        {"severity": "low", "alert": {"id": "b"}, "src": {"ip": LAB}, "dst": {"ip": "224.0.0.251"}},
    )
    assert [(one.source, one.target) for one in found.pairs] == [
        (INTERNET, name_of(picture, NAS)), (name_of(picture, LAB), ADDRESSES),
    ]  # fmt: skip


def test_too_many_are_counted(picture: Picture, monkeypatch: pytest.MonkeyPatch) -> None:
    """Excess devices are in their groups, with their attacks; excess pairs are counted, the most severe stay."""
    monkeypatch.setattr(map_module, "ATTACKED", 1)
    found = topology(picture, severity="")
    assert found.attacks is not None
    assert [node.device for node in found.nodes if node.device] == [name_of(picture, CAMERA)]
    assert found.attacks.alerts == 7
    monkeypatch.setattr(module, "PAIRS", 1)
    found = topology(picture, severity="")
    assert found.attacks is not None
    assert [one.severity for one in found.attacks.pairs] == ["critical"]
    assert found.attacks.more > 0
