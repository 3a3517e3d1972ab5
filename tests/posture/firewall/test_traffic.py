"""Rules applied on a router between real hosts: a camera and a PC are blocked from one address and all other traffic
passes, until the rules are removed.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator

import pytest

from pcaps.lab._lab import Host, Lab
from sensor.posture.firewall.formats import written
from sensor.posture.firewall.model import Match
from sensor.posture.firewall.requests import request_of_outside, request_of_service
from tests.posture.firewall.requested import C2, CAMERA, LAPTOP, WEEK, addresses_block, internal, only, outbound, party

TOOLS = [tool for tool in ("ip", "sysctl", "nft", "iptables-restore") if shutil.which(tool) is None]
pytestmark = [
    pytest.mark.lab,
    pytest.mark.slow,
    pytest.mark.skipif(bool(TOOLS), reason=f"not installed: {', '.join(TOOLS)}"),
]

# The programs need the standard library alone.
PYTHON = (sys.executable, "-I", "-S", "-c")
# Accepts connections at the given ports.
ANSWER = """
import select, socket, sys
there = [socket.create_server(("", int(port))) for port in sys.argv[1:]]
while True:
    for one in select.select(there, [], [])[0]:
        one.accept()[0].close()
"""
# Prints the given addresses and ports that accept a connection.
CONNECT = """
import socket, sys
for place in sys.argv[1:]:
    host, port = place.split("/")
    try:
        socket.create_connection((host, int(port)), 0.7).close()
    except OSError:
        continue
    print(place)
"""
OTHER = "198.51.100.9"
PORTS = (8080, 8081)
LOADERS = {"nftables": ("nft", "-f", "-"), "iptables": ("iptables-restore", "--noflush")}


class Net:
    """A camera, a PC and a printer behind the router; a control server and another address beyond it."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        addresses = {"camera": CAMERA.texts[0], "pc": LAPTOP.texts[0], "printer": "10.20.10.21"}
        self.near = [lab.host(name, ip) for name, ip in addresses.items()]
        self.far = [lab.external(name, ip) for name, ip in (("c2", C2.texts[0]), ("other", OTHER))]
        for host in (*self.near, *self.far):
            lab.start(host, *PYTHON, ANSWER, *map(str, PORTS))
        self.all_of_it = self._once_all_answer()

    def _once_all_answer(self) -> set[tuple[str, str, int]]:
        """Waits until all hosts reach each other: twelve directions, two ports."""
        for _ in range(20):
            found = self.reached()
            if len(found) == 12 * len(PORTS):
                return found
        raise TimeoutError(f"only these answer: {found}")

    def reached(self) -> set[tuple[str, str, int]]:
        """Which host reaches which one at which port, across the router in both directions."""
        return {
            found
            for side, others in ((self.near, self.far), (self.far, self.near))
            for source in side
            for found in self._reached(source, others)
        }

    def _reached(self, source: Host, others: list[Host]) -> Iterator[tuple[str, str, int]]:
        names = {f"{other.ip}/{port}": (source.name, other.name, port) for other in others for port in PORTS}
        for place in self.lab.run(source, *PYTHON, CONNECT, *names).split():
            yield names[place]

    def load(self, name: str, text: str) -> None:
        assert not self.lab.run(self.lab.router, *LOADERS[name], stdin=text)


@pytest.fixture(scope="module")
def hosts() -> Iterator[Net]:
    lab = Lab()
    try:
        yield Net(lab)
    finally:
        lab.close()


@pytest.fixture
def net(hosts: Net) -> Iterator[Net]:
    """Hosts that all reach each other, before the rules of a test."""
    yield hosts
    hosts.load("nftables", "flush ruleset\n")
    assert hosts.reached() == hosts.all_of_it


@pytest.mark.parametrize("name", LOADERS)
def test_two_machines_are_blocked_from_one_address_and_nothing_else_is(net: Net, name: str) -> None:
    """Both directions are blocked; removing the rules restores all traffic."""
    request = only([outbound(CAMERA), outbound(LAPTOP)])
    net.load(name, written(name, [request]))
    cut = {("camera", "c2"), ("c2", "camera"), ("pc", "c2"), ("c2", "pc")}
    assert net.all_of_it - net.reached() == {(*pair, port) for pair in cut for port in PORTS}
    net.load(name, written(name, [request], undo=True))
    assert net.reached() == net.all_of_it


@pytest.mark.parametrize("name", LOADERS)
def test_one_service_is_cut_and_the_others_go_on(net: Net, name: str) -> None:
    """The camera is blocked from one port of a server but not from another; other hosts are not blocked."""
    net.load(name, written(name, [only([internal(CAMERA, party(OTHER), 6 << 16 | 8080)])]))
    assert net.all_of_it - net.reached() == {("camera", "other", 8080)}


@pytest.mark.parametrize("name", LOADERS)
def test_a_service_is_left_to_who_administers_it(net: Net, name: str) -> None:
    """One port of the camera and the PC is reachable only from one address beyond the router, the other from all."""
    request = request_of_service([CAMERA, LAPTOP], [], Match(6, 8080), WEEK._replace(allow=(party(OTHER),)), [])
    net.load(name, written(name, [request]))
    assert net.all_of_it - net.reached() == {("c2", host, 8080) for host in ("camera", "pc")}


@pytest.mark.parametrize("name", LOADERS)
def test_a_camera_that_needs_nothing_outside_reaches_only_what_it_is_left(net: Net, name: str) -> None:
    """The camera reaches only its allowed external address, in both directions; other hosts are not blocked."""
    request = request_of_outside([CAMERA], [addresses_block("10.0.0.0/8")], WEEK._replace(allow=(C2,)), [], [])
    net.load(name, written(name, [request]))
    assert net.all_of_it - net.reached() == {
        (*pair, port) for pair in (("camera", "other"), ("other", "camera")) for port in PORTS
    }
