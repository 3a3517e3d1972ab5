"""An allow-list at work: on a router between real machines a camera reaches what it needs and is reached by whom it
serves, and that is all.
"""

from __future__ import annotations

import pytest

from sensor.posture.firewall.formats import written
from tests.posture.firewall.requested import CAMERA
from tests.posture.firewall.test_traffic import LOADERS, OTHER, PORTS, Net, net, pytestmark  # noqa: F401 - the fixture and the marks
from tests.posture.profiles.observed_traffic import habits, node, site
from tests.posture.profiles.test_allowlist import allowlist_request


@pytest.mark.parametrize("name", LOADERS)
def test_a_camera_gets_through_to_what_it_needs_only(net: Net, name: str) -> None:  # noqa: F811
    """One service of one machine outside, answers too; it serves one to anybody; others are left alone, and when it is
    undone all is as it was.
    """
    camera = node("dev-camera", "camera", CAMERA.texts[0])
    learned = habits("camera", reaches=(f"tcp/8080 {OTHER}",), serves=("tcp/8081 outside",))
    request = allowlist_request(site((camera,), {"dev-camera": learned}), camera)
    net.load(name, written(name, [request]))
    allowed = {("camera", "other", 8080), ("other", "camera", 8081), ("c2", "camera", 8081)}
    ways = [("camera", "other"), ("camera", "c2"), ("other", "camera"), ("c2", "camera")]
    assert net.all_of_it - net.reached() == {(*way, port) for way in ways for port in PORTS} - allowed
    net.load(name, written(name, [request], undo=True))
    assert net.reached() == net.all_of_it
