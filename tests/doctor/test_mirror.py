"""Mirror ports whose kernel responds to received packets, and the commands that make them silent."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sensor.doctor.mirror_checks import silent_port
from tests.doctor.office import keepalive, mac, office, seen
from tests.doctor.test_card import card

MIRRORED = seen(office(), live=True, own=0x02_0000_0000_99)


def test_a_silent_port() -> None:
    """No address, no ARP, no IPv6: the port is not visible in the network."""
    assert silent_port(card(), MIRRORED).level == "ok"


@pytest.mark.parametrize(
    ("more", "expected", "command"),
    [
        ({"ipv6": True}, "router advertisements", "sysctl -w net.ipv6.conf.eth7.disable_ipv6=1;"),
        ({"arp": True}, "answers ARP", "ip link set eth7 arp off;"),
        (
            {"addresses": ["10.0.0.9/24", "fe80::1/64"]},
            "has 10.0.0.9/24",
            "ip address flush dev eth7 (",
        ),
    ],
)
def test_a_port_that_answers(more: dict[str, object], expected: str, command: str) -> None:
    """Each way to respond is reported with the command that ends it, and the unit that does so at each boot."""
    found = silent_port(card(**more), MIRRORED)
    assert (found.level, expected in found.found) == ("warning", True)
    assert found.advice.startswith(command)
    assert found.advice.endswith(": systemctl enable --now sensor-mirror@eth7")


def test_odd_names() -> None:
    """Dots in a name are kept in sysctl keys, and dashes are escaped for systemd."""
    port = card(ipv6=True)
    port.name = "eth7.30"
    assert silent_port(port, MIRRORED).advice.startswith("sysctl -w net/ipv6/conf/eth7.30/disable_ipv6=1;")
    port.name = "br-lan"
    assert silent_port(port, MIRRORED).advice.endswith(r"systemctl enable --now 'sensor-mirror@br\x2dlan'")


def test_a_port_that_is_no_mirror() -> None:
    """Interfaces with own traffic, too few frames, loopback, or in a bridge are not checked."""
    answering = card(arp=True, ipv6=True, addresses=["10.0.0.200/24"])
    assert silent_port(answering, seen(keepalive(500), live=True, own=mac("10.0.0.200"))) is None
    assert silent_port(answering, seen(keepalive(20), live=True)) is None
    assert silent_port(card(loopback=True, arp=True), MIRRORED) is None
    assert silent_port(card(switching=True, arp=True), MIRRORED) is None


PROGRAM = """
import json, subprocess
from sensor.doctor.card import look
from sensor.doctor.mirror_checks import silent_port
from tests.doctor.test_mirror import MIRRORED
first = silent_port(look("vd0"), MIRRORED)
for command in first.advice.split("; ")[:-1]:
    subprocess.run(command.partition(" (")[0].split(), check=True, stdout=subprocess.DEVNULL)
silent = silent_port(look("vd0"), MIRRORED).level
subprocess.run(["ip", "link", "add", "br0", "type", "bridge"], check=True)
subprocess.run(["ip", "link", "set", "vd0", "master", "br0"], check=True)
print(json.dumps([first.facts, silent, look("vd0").switching, look("br0").switching]))
"""


@pytest.fixture
def space() -> Iterator[str]:
    name = f"sensor-m-{os.getpid()}"
    subprocess.run(["ip", "netns", "add", name], check=True)
    try:
        subprocess.run(["ip", "-n", name, "link", "add", "vd0", "type", "veth", "peer", "name", "vd1"], check=True)
        subprocess.run(["ip", "-n", name, "address", "add", "10.9.8.7/24", "dev", "vd0"], check=True)
        for one in ("vd0", "vd1"):
            subprocess.run(["ip", "-n", name, "link", "set", one, "up"], check=True)
        yield name
    finally:
        subprocess.run(["ip", "netns", "del", name], check=True)


@pytest.mark.lab
@pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("ip") or not shutil.which("sysctl"), reason="needs root, iproute2 and procps"
)
def test_the_commands_silence_a_real_port(space: str, root: Path) -> None:
    """A new interface responds in every way; after the commands it responds in none."""
    arguments = ["ip", "netns", "exec", space, sys.executable, "-c", PROGRAM]
    done = subprocess.run(
        arguments, cwd=root, env={**os.environ, "PYTHONPATH": str(root)}, capture_output=True, text=True, check=True
    )
    facts, afterwards, *bridged = json.loads(done.stdout)
    assert (facts["arp"], facts["ipv6"]) == (True, True)
    assert "10.9.8.7/24" in facts["addresses"].split()
    assert afterwards == "ok"
    assert bridged == [True, True]
