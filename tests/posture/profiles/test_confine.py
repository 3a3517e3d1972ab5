"""Whether flows comply with a profile: peers, directions, and what cannot be determined."""

from __future__ import annotations

import pytest

from sensor.core.addresses import Networks, parse, parse_network
from sensor.core.observation import Subject
from sensor.posture.profiles.confine import Confines, Conversation
from sensor.posture.profiles.installed import Installed
from sensor.posture.profiles.model import (
    BLOCK,
    CONTROLLER,
    FROM_DEVICE,
    LOCAL,
    MAKER,
    MODEL,
    MY_CONTROLLER,
    NAME,
    SAME_MAKER,
    TO_DEVICE,
    AccessList,
    Entry,
    Peer,
    Profile,
)
from tests.golden import Golden
from tests.posture.profiles.observed_traffic import CAMERA, DNS, NVR, PC, PRINTER, SISTER

HTTPS = ((443, 443),)
CLOUD, OTHER = "203.0.113.5", "203.0.113.6"
DNS_CLASS = "urn:ietf:params:mud:dns"


class Item:
    """A device as profiles see it."""

    def __init__(self, of) -> None:
        self.id, self.type, self._sent = of.id, of.type, {"vendor": of.vendor, "model": of.model}

    def value(self, name: str) -> str:
        return self._sent.get(name, "")


class World:
    """A few devices by address."""

    networks = Networks()

    def __init__(self) -> None:
        self.things = {parse(one.address): Item(one) for one in (CAMERA, SISTER, NVR, DNS, PC, PRINTER)}

    def device(self, subject: Subject) -> Item | None:
        return self.things.get(subject.address)

    def names_of(self, address: int) -> tuple[str, ...]:
        return ()


def profile(*entries: Entry, way: str = FROM_DEVICE, url: str = "https://axis.example/p3245") -> Profile:
    return Profile(url, "2026-11-24T08:00:00Z", (AccessList("list", way, entries),))


def installed(*entries: Entry, target: tuple[str, str] = ("type", "camera"), **more) -> Installed:
    return Installed("made", target, profile(*entries), **more)


def evaluated(
    one: Installed,
    other: str,
    *,
    port: int = 443,
    proto: int = 6,
    names: tuple[str, ...] = (),
    begins: bool = True,
    more: tuple[Installed, ...] = (),
):
    """The violation of a flow between the camera and a peer."""
    world = World()
    near, far = (0, port) if begins else (port, 0)
    conversation = Conversation(
        world.device(Subject(0, parse(CAMERA.address))), Subject(0, parse(other)), proto, near, far, names
    )
    return Confines(world, [one, *more]).evaluate(one, conversation, begins=begins)


ALL = Entry("all")


@pytest.mark.parametrize(
    ("peer", "keeps", "beyond"),
    [
        (Peer(NAME, "cloud.example"), (CLOUD, "cloud.example"), (CLOUD, "evil.example")),
        (Peer(BLOCK, "203.0.113.0/29"), (CLOUD, ""), ("203.0.113.9", "")),
        (Peer(LOCAL), ("10.9.9.9", ""), (CLOUD, "")),
        (Peer(SAME_MAKER), (SISTER.address, ""), (NVR.address, "")),
        (Peer(CONTROLLER, DNS_CLASS), (DNS.address, ""), (CLOUD, "")),
        (Peer(), (CLOUD, ""), None),
    ],
    ids=str,
)
def test_who_is_meant(golden: Golden, peer: Peer, keeps: tuple[str, str], beyond: tuple[str, str] | None) -> None:
    """The peer in the profile complies, another one is a certain violation."""
    one = installed(Entry("e", peers=(peer,)))
    assert evaluated(one, keeps[0], names=(keeps[1],) if keeps[1] else ()) is None
    if beyond is not None:
        golden(evaluated(one, beyond[0], names=(beyond[1],) if beyond[1] else ()))


def test_controllers_are_who_the_operator_reports(golden: Golden) -> None:
    """Only the configured controllers comply; a class without controllers cannot be determined inside and is uncertain
    outside.
    """
    entry = Entry("e", peers=(Peer(MY_CONTROLLER),))
    one = installed(entry, controllers={MY_CONTROLLER: (parse_network(NVR.address),)})
    assert evaluated(one, NVR.address) is None
    golden(evaluated(one, PC.address))
    assert evaluated(installed(entry), PC.address) is None
    golden(evaluated(installed(entry), CLOUD))
    named = installed(
        Entry("e", peers=(Peer(CONTROLLER, DNS_CLASS),)), controllers={DNS_CLASS: (parse_network(DNS.address),)}
    )
    assert evaluated(named, PC.address) is not None


def test_makers_and_models_are_known_by_the_profiles_of_the_others() -> None:
    """Vendor and model are compared by the URLs of installed profiles; without one, no violation is reported."""
    theirs = Installed("theirs", ("type", "printer"), Profile("https://kyocera.example/taskalfa", "", ()))
    maker = installed(Entry("e", peers=(Peer(MAKER, "kyocera.example"),)))
    model = installed(Entry("e", peers=(Peer(MODEL, "https://kyocera.example/taskalfa"),)))
    assert (
        evaluated(maker, PRINTER.address, more=(theirs,)) is evaluated(model, PRINTER.address, more=(theirs,)) is None
    )
    other_profile = theirs._replace(profile=Profile("https://other.example/x", "", ()))
    assert evaluated(maker, PRINTER.address, more=(other_profile,)) is not None
    assert evaluated(model, PRINTER.address, more=(other_profile,)) is not None
    assert evaluated(maker, PRINTER.address) is None
    assert evaluated(maker, CLOUD) is not None


def test_a_name_that_was_not_requested_is_unsure(golden: Golden) -> None:
    """An address without a DNS query is an uncertain violation; another service is a certain one."""
    one = installed(Entry("e", proto=6, far=HTTPS, peers=(Peer(NAME, "cloud.example"),)))
    golden(evaluated(one, CLOUD))
    golden(evaluated(one, CLOUD, port=8443))


def test_the_first_entry_that_matches_decides() -> None:
    """A drop before an accept drops; an entry that may match does not hide the next one."""
    drop = Entry("d", accept=False, peers=(Peer(BLOCK, "203.0.113.5/32"),))
    cloud = Entry("c", peers=(Peer(NAME, "cloud.example"),))
    assert evaluated(installed(drop, ALL), CLOUD) is not None
    assert evaluated(installed(drop, ALL), OTHER) is evaluated(installed(ALL, drop), CLOUD) is None
    assert evaluated(installed(cloud, ALL), CLOUD) is None


@pytest.mark.parametrize(
    "entry",
    [
        Entry("e", version=6), Entry("e", proto=17), Entry("e", far=((80, 80),)), Entry("e", begun=TO_DEVICE),
        Entry("e", peers=(Peer(LOCAL), Peer(BLOCK, "203.0.113.0/24"))),
    ],
    ids=str,
)  # fmt: skip
def test_every_condition_has_to_be_met(golden: Golden, entry: Entry) -> None:
    """Family, protocol, port, initiator, and all conditions about the peer have to match."""
    golden(evaluated(installed(entry), CLOUD))


def test_a_condition_that_is_not_understood_causes_no_violation() -> None:
    """An unknown condition of an accept counts as met, and of a drop as not met, so that it causes no alert."""
    assert evaluated(installed(Entry("e", unread=("dscp",))), CLOUD) is None
    drop = Entry("d", accept=False, unread=("dscp",))
    assert evaluated(installed(drop, ALL), CLOUD) is None
    assert evaluated(installed(drop), CLOUD) is not None


def test_what_others_begin_is_evaluated_by_what_may_reach_the_device(golden: Golden) -> None:
    """Inbound flows are compared by the device's port; a direction without entries is not checked."""
    served = Installed(
        "made",
        ("type", "camera"),
        profile(Entry("e", proto=6, near=((554, 554),), peers=(Peer(LOCAL),)), way=TO_DEVICE),
    )
    assert evaluated(served, NVR.address, port=554, begins=False) is None
    golden(evaluated(served, NVR.address, port=23, begins=False))
    assert evaluated(served, CLOUD, port=554, begins=False) is not None
    assert evaluated(served, CLOUD, port=9999) is None


def test_the_narrowest_profile_is_that_of_a_device() -> None:
    """A device's profile precedes that of its product, which precedes that of its type; product names ignore case."""
    kinds = [
        Installed(name, target, profile())
        for name, target in (
            ("t", ("type", "camera")),
            ("p", ("product", "axis p3245")),
            ("d", ("device", "dev-camera")),
        )
    ]
    confines, item = Confines(World(), kinds), Item(CAMERA)
    assert confines.of(item).name == "d"
    confines.become(kinds[:2])
    assert (confines.of(item).name, len(confines)) == ("p", 2)
    confines.become(kinds[:1])
    assert confines.of(item).name == "t"
    assert not confines.has(Item(PRINTER))
