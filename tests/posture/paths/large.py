"""A large synthetic site: offices of printers, phones, cameras and PCs, common servers, administrators, and a few weak
devices.
"""

from __future__ import annotations

import random

from sensor.inventory.habits import Habits, Use
from sensor.posture.paths.facts import offered
from sensor.posture.site import Site
from tests.posture.paths.sites import HTTPS, RTSP, SMB, SSH, START, flaw, node, setting, site

KINDS = (
    ("workstation", 55, ()),
    ("voip_phone", 20, ("sip/5060", "http/80")),
    ("printer", 10, ("ipp/631", "http/80")),
    ("camera", 12, ("rtsp/554", "http/80")),
)
SERVERS = 300
SERVER_SERVICES = ("smb/445", "https/443", "ssh/22")


def large(devices: int, conversations: int, seed: int = 7) -> Site:
    """``conversations``: distinct clients, services and servers."""
    chance = random.Random(seed)
    words = chance.choices(KINDS, [share for _, share, _ in KINDS], k=devices - SERVERS)
    nodes = [
        node(f"dev-{at}", kind, f"10.{at // 62500}.{at // 250 % 250}.0/24", *services)
        for at, (kind, _, services) in enumerate(words)
    ]
    nodes += [
        node(
            f"srv-{at}", "server", f"10.9.{at // 100}.0/24", *SERVER_SERVICES, criticality="critical" if at < 30 else ""
        )
        for at in range(SERVERS)
    ]
    weak = [setting(one.id, "http_basic") for one in nodes if one.type == "printer" and chance.random() < 0.3]
    weak += [
        flaw(one.id, f"CVE-2026-{chance.randint(1, 40)}", chance.uniform(20, 90))
        for one in nodes
        if one.type == "camera" and chance.random() < 0.5
    ]
    made = site(nodes, weak=tuple(weak))
    assert made.seen.habits is not None
    _conversation(made.seen.habits, nodes, conversations, chance)
    return made


def _conversation(habits: dict[str, Habits], nodes: list, conversations: int, chance: random.Random) -> None:
    """Most flows are with servers, some with neighbors; stored as a baseline, with one time for all."""
    use, servers = Use(START, START), [one for one in nodes if one.type == "server"]
    doors = [(one.id, service) for one in servers for service in (SMB, HTTPS)] + [
        (one.id, RTSP) for one in nodes if one.type == "camera"
    ]
    admins = [one.id for one in nodes if one.type == "workstation"][:20]
    each = conversations // len(nodes) + 1
    for one in nodes:
        for door in chance.sample(doors, min(each, len(doors))):
            habits[one.id].uses.put(door, use)
    for name in admins:
        for one in chance.sample(servers, 20):
            habits[name].uses.put((one.id, SSH), use)
    assert all(list(offered(one.services)) for one in servers)
