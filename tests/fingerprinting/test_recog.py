"""Hardware vendors by banner, measured with the examples of Rapid7's Recog (BSD-2-Clause), if they are present."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from sensor.core.observation import Evidence
from sensor.fingerprinting.fuse import fuse
from sensor.fingerprinting.match import Matcher
from tests.fingerprinting.own import own_knowledge
from tests.fingerprinting.recog import FILES, FOLDER, Example, examples, same_vendor, systems

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="SENSOR_RECOG names no folder of Recog")

EXAMPLES, SYSTEMS = 1773, 1303
RIGHT, OTHER = 0.95, 0.015
# Of older devices, some vendors are named as their successors: Foundry is Brocade, Symbol is Zebra, Oce is Canon.
RIGHT_SYSTEM, OTHER_SYSTEM = 0.78, 0.09
# The minimum share of correct vendors in files with enough examples.
LEAST = {
    "dhcp_vendor_class": 0.98, "ftp_banners": 0.95, "html_title": 0.92, "http_servers": 0.92, "http_wwwauth": 0.92,
    "mdns_device-info_txt": 0.95, "sip_banners": 0.88, "sip_user_agents": 0.95, "snmp_sysdescr": 0.95,
    "telnet_banners": 0.92,
    "x509_issuers": 0.95, "x509_subjects": 0.92,
}  # fmt: skip


def vendor_of(matcher: Matcher, example: Example) -> str:
    """The vendor by banner alone, or empty."""
    values = FILES[example.file](example.text)
    attributes = fuse(
        [Evidence(*claim, kind, value, 0, 0) for kind, value in values for claim in matcher.match(kind, value)]
    )
    return attributes["vendor"].value if "vendor" in attributes else ""


@functools.cache
def results(of: Callable[[str], Iterator[Example]]) -> dict[str, Counter[str]]:
    """How many examples of each file yield the correct vendor, another one, or none."""
    matcher, spellings = Matcher(own_knowledge()), own_knowledge().vocabulary.spellings()
    found: dict[str, Counter[str]] = {file: Counter() for file in FILES}
    for file in FILES:
        for example in of(file):
            vendor = vendor_of(matcher, example)
            right = bool(vendor) and same_vendor(example.vendor, vendor, spellings)
            found[file]["right" if right else "other" if vendor else "unknown"] += 1
    return found


def test_most_hardware_has_its_vendor(capsys: pytest.CaptureFixture[str]) -> None:
    """Nine of ten banners yield their vendor, and almost none another one. The table is printed."""
    total = sum(results(examples).values(), Counter())
    with capsys.disabled():
        print()
        for file, count in {**results(examples), "all": total}.items():
            shares = ", ".join(f"{word} {count[word]:4}" for word in ("right", "other", "unknown"))
            print(f"{file:22} {count.total():5} examples: {shares}")
    assert total.total() == EXAMPLES
    assert total["right"] / EXAMPLES >= RIGHT
    assert total["other"] / EXAMPLES <= OTHER


def test_devices_that_are_known_by_their_system() -> None:
    """Eight of ten yield the vendor of their system."""
    total = sum(results(systems).values(), Counter())
    assert total.total() == SYSTEMS
    assert total["right"] / SYSTEMS >= RIGHT_SYSTEM
    assert total["other"] / SYSTEMS <= OTHER_SYSTEM


@pytest.mark.parametrize("file", sorted(LEAST))
def test_each_kind_of_banner(file: str) -> None:
    """Each protocol reaches the minimum share for itself."""
    count = results(examples)[file]
    assert count["right"] / count.total() >= LEAST[file], count
