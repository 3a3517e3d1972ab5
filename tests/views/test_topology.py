"""The map of the office: every conversation is in one link, devices are in groups, folded nodes are counted."""

from __future__ import annotations

from typing import Any

import pytest

from sensor.posture.picture import AssessmentInputs, Picture
from sensor.views import topology as module
from sensor.views.assessment import picture_of
from sensor.views.conversations import ConversationFilter, conversations
from sensor.views.dataset import Data
from sensor.views.errors import Unknown
from sensor.views.paths import cheapest
from sensor.views.topology import GROUPINGS, INTERNET, OTHERS, Topology, topology


@pytest.fixture
def picture(office: Data) -> Picture:
    return picture_of(office, AssessmentInputs())


def check(found: Topology, picture: Picture, wanted: ConversationFilter) -> None:
    """Nothing is omitted or counted twice, and links end at nodes of the map."""
    rows = conversations(picture, wanted, limit=1000).rows
    ends = {end.id for row in rows for end in (row.client, row.server)}
    ids = [node.id for node in found.nodes]
    assert len(set(ids)) == len(ids)
    assert {end for link in found.links for end in (link.client, link.server)} == set(ids)
    assert sum(link.conversations for link in found.links) == found.conversations == len(rows)
    assert found.devices == len(ends & set(picture.site.nodes)) > 0


@pytest.mark.parametrize("by", GROUPINGS)
@pytest.mark.parametrize("given", [{}, {"direction": ("internal",)}, {"text": "smb"}], ids=["all", "internal", "smb"])
def test_every_conversation_is_in_one_link(picture: Picture, by: str, given: dict[str, Any]) -> None:
    """For any grouping, and with each group opened."""
    wanted = ConversationFilter(**given)
    whole = topology(picture, wanted, by)
    check(whole, picture, wanted)
    assert whole.folded == 0
    for group in whole.nodes:
        if group.id != INTERNET:
            opened = topology(picture, wanted, by, group.id)
            check(opened, picture, wanted)
            assert sum(bool(node.device) for node in opened.nodes) == group.devices


def test_the_camera_that_an_attacker_took_over(picture: Picture) -> None:
    """Its group has the severity of its alert; in the opened group each camera has that of its own alert."""
    (cameras,) = (node for node in topology(picture, by="type").nodes if node.id == "camera")
    assert (cameras.devices, cameras.severity) == (2, "critical")
    opened = topology(picture, by="type", opened="camera")
    assert sorted(node.severity for node in opened.nodes if node.device) == ["critical", "medium"]
    (printers,) = (node for node in opened.nodes if node.id == "printer")
    assert printers.severity == ""


def test_what_is_too_much_is_folded_and_counted(picture: Picture, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two groups and one device are drawn, the others are folded."""
    monkeypatch.setattr(module, "GROUPS", 2)
    monkeypatch.setattr(module, "DEVICES", 1)
    found = topology(picture, by="type", opened="voip_phone")
    check(found, picture, ConversationFilter())
    assert sum(bool(node.device) for node in found.nodes) == 1
    assert OTHERS in {node.id for node in found.nodes}
    kinds = {node.id for node in topology(picture, by="vendor").nodes}
    assert len(kinds - {INTERNET, OTHERS}) <= 2
    assert found.folded > 4


def test_invalid_values(picture: Picture) -> None:
    """Each error names the reason."""
    with pytest.raises(Unknown):
        topology(picture, by="colour")
    with pytest.raises(Unknown):
        topology(picture, by="type", opened="spaceship")


def test_attack_paths_are_on_the_map_device_by_device(picture: Picture) -> None:
    """Each step connects two nodes of the map: devices, or the internet. Conversations are the same as without."""
    rows = cheapest(picture).page.rows
    hops = {(hop.source, hop.target) for row in rows for hop in row.hops}
    found, plain = topology(picture, along=rows), topology(picture)
    nodes = {node.id: node for node in found.nodes}
    assert {(step.source, step.target) for step in found.steps} == {
        tuple(INTERNET if end == "outside" else end for end in hop) for hop in hops
    }
    for step in found.steps:
        assert nodes[step.target].device == step.target
        assert step.source == INTERNET or nodes[step.source].device == step.source
    assert (found.devices, found.conversations) == (plain.devices, plain.conversations)
    assert sum(link.conversations for link in found.links) == found.conversations
    assert plain.steps == []


def test_an_opened_group_with_paths_folds_only_its_other_devices(
    picture: Picture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "DEVICES", 1)
    rows = cheapest(picture).page.rows
    found = topology(picture, by="type", opened="server", along=rows)
    alone = [node for node in found.nodes if node.device]
    servers = [node for node in picture.site.nodes.values() if node.type == "server"]
    shown = sum(picture.site.nodes[node.device].type == "server" for node in alone)
    assert found.folded == len(servers) - shown
