"""An allowlist applied on a router between real hosts: a camera reaches its allowed servers, its allowed clients reach
it, and all else is blocked.
"""

from __future__ import annotations

import pytest

from sensor.posture.firewall.formats import written
from tests.posture.firewall.requested import CAMERA
from tests.posture.firewall.test_traffic import LOADERS, OTHER, PORTS, Net, hosts, net, pytestmark  # noqa: F401 - the fixture and the marks
from tests.posture.profiles.observed_traffic import habits, node, site
from tests.posture.profiles.test_allowlist import allowlist_request


@pytest.mark.parametrize("name", LOADERS)
def test_a_camera_gets_through_to_what_it_needs_only(net: Net, name: str) -> None:  # noqa: F811
    """The camera reaches one external service, with answers, and serves one to all hosts; other hosts are not blocked,
    and removing the rules restores all traffic.
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
