"""The unprivileged part: downloads that continue, packages that are not those of the release, and reports."""

from __future__ import annotations

from pathlib import Path

import pytest

from sensor.core.output import Retry
from sensor.outputs.hub_protocol.messages import Signed, UpgradeOffer
from sensor.outputs.transport.nkeys import OPERATOR, KeyPair
from sensor.sync.health import Health
from sensor.upgrades.staging import ORDER
from sensor.upgrades.upgrader import ATTEMPTS, OBSERVATIONS, PARTS, Upgrader
from tests.upgrades.machine import BROKEN, Machine, built, needs_dpkg, release_of

pytestmark = needs_dpkg
SIZE = 100
GOOD = Health(running=True, packets=10_000, began=1.0)


class Story:
    """A sensor, and a hub that sends packages in parts of 100 bytes. ``limit``: parts until the connection breaks."""

    def __init__(self, folder: Path) -> None:
        self.machine = Machine(folder)
        self.package = built(folder, "1.1")
        self.stored = {release_of(path, "1").sha256: path.read_bytes() for path in (self.machine.before, self.package)}
        self.limit, self.sent = 10**6, 0
        self.upgrader = self.started()

    def started(self) -> Upgrader:
        places = self.machine.places
        return Upgrader(places.staging, places.own, self.machine.pair.public, self._part, self.machine.dpkg)

    def _part(self, sha256: str, offset: int) -> bytes:
        if self.sent >= self.limit:
            raise Retry("the connection is closed")
        self.sent += 1
        return self.stored.get(sha256, b"")[offset : offset + SIZE]

    def offer(self, version: str = "1.1", signer: KeyPair | None = None, before: str = "1.0") -> UpgradeOffer:
        present = self.machine.signed(self.machine.before, before) if before else None
        return UpgradeOffer(self.machine.signed(self.package, version, signer), present)

    def take(self, offer: UpgradeOffer | None) -> tuple[str, str]:
        """State and reason after an offer."""
        self.upgrader.take(offer)
        report = self.upgrader.report(GOOD)
        return report.state, report.reason

    def downloaded(self) -> str:
        """State after all turns that a download needs."""
        for _ in range(2 * self.package.stat().st_size // (SIZE * PARTS) + 2):
            self.upgrader.turn()
        return self.upgrader.report(GOOD).state

    def is_ordered(self) -> bool:
        return (self.machine.places.staging / ORDER).exists()


@pytest.fixture
def story(tmp_path: Path) -> Story:
    return Story(tmp_path)


def test_a_download_continues(story: Story) -> None:
    """A lost connection and a restart of the process: no byte is sent twice."""
    parts = sum(-(-len(body) // SIZE) for body in story.stored.values())
    assert parts > PARTS
    story.limit = parts // 2
    assert story.take(story.offer()) == ("downloading", "")
    with pytest.raises(Retry):
        story.downloaded()
    story.limit, story.upgrader = parts, story.started()
    assert story.take(story.offer()) == ("downloading", "")
    assert story.downloaded() == "ready"
    assert (story.sent, story.is_ordered()) == (parts, True)


def test_a_package_that_was_not_verified_before_a_crash(story: Story) -> None:
    """All bytes are stored under the name of an incomplete package: it is verified, not requested again."""
    story.take(story.offer())
    for sha256, body in story.stored.items():
        (story.machine.places.staging / f"{sha256}.part").write_bytes(body)
    assert story.downloaded() == "ready"
    assert (story.sent, story.is_ordered()) == (0, True)


def test_one_turn_is_short(story: Story) -> None:
    """The process has other work between two turns."""
    story.take(story.offer())
    story.upgrader.turn()
    assert story.sent == PARTS


def test_an_order_waits_for_another_trial(story: Story) -> None:
    story.take(story.offer())
    story.upgrader.turn(hold=True)
    for _ in range(story.limit):
        sent = story.sent
        story.upgrader.turn(hold=True)
        if story.sent == sent:
            break
    assert not story.is_ordered()
    story.upgrader.turn()
    assert story.is_ordered()


@pytest.mark.parametrize("restarts", [False, True])
def test_a_stopped_rollout_withdraws_the_order(story: Story, restarts: bool) -> None:
    """Also if the process was restarted since it ordered."""
    story.take(story.offer())
    story.downloaded()
    assert story.is_ordered()
    if restarts:
        story.upgrader = story.started()
    assert story.take(None) == ("", "")
    assert not story.is_ordered()


def test_offers_that_are_refused(story: Story) -> None:
    """Another signer, an older version, no way back, another architecture: nothing is downloaded."""
    for offer, reason in (
        (story.offer(signer=KeyPair.generate(OPERATOR)), "not signed"),
        (story.offer("0.9"), "older"),
        (story.offer(before=""), "no package of the installed version"),
        (story.offer(before="0.8"), "expected 1.0"),
        (UpgradeOffer(story.machine.signed(story.package, "1.1", architecture="riscv99")), "riscv99"),
        (UpgradeOffer(Signed("{}", "")), "not signed"),
    ):
        state, found = story.take(offer)
        assert (state, reason in found) == ("refused", True), found
        story.upgrader.turn()
    assert (story.sent, story.is_ordered()) == (0, False)
    assert story.take(story.offer()) == ("downloading", "")


@pytest.mark.parametrize(
    "change", [lambda body: body[:-1] + b"x", lambda body: body + b"x", lambda body: body[:-1], lambda _: b""]
)
def test_a_package_that_does_not_match(story: Story, change: object) -> None:
    """A package that was changed or cut at the hub is not ordered, and is not downloaded for ever."""
    sha256 = release_of(story.package, "1.1").sha256
    story.stored[sha256] = change(story.stored[sha256])  # type: ignore[operator]
    for _ in range(ATTEMPTS + 2):
        story.take(story.offer())
        assert story.downloaded() == "refused"
    before = story.sent
    assert story.take(story.offer())[0] == "refused"
    assert story.downloaded() == "refused"
    assert (story.sent, story.is_ordered()) == (before, False)


def test_health_after_the_upgrade_is_reported(story: Story) -> None:
    """Healthy at first; a fault counts after some observations in a row."""
    story.take(story.offer())
    story.downloaded()
    story.machine.installer().run()
    assert story.take(story.offer()) == ("installed", "")
    report = story.upgrader.report(GOOD)
    assert (report.installed, report.version, report.health) == ("1.1", "1.1", "ok")
    bad = Health(running=True, lasting=BROKEN["lasting"], packets=20_000, began=1.0)  # type: ignore[arg-type]
    assert [story.upgrader.report(bad).health for _ in range(OBSERVATIONS)] == ["ok"] * (OBSERVATIONS - 1) + ["worse"]
    assert story.upgrader.report(Health()).health == "worse"
    assert story.upgrader.report(GOOD).health == "ok"


def test_a_failed_upgrade_is_not_ordered_again(story: Story) -> None:
    """The offer stays until the hub knows; its repetition changes nothing."""
    story.package = built(story.machine.folder / "b", "1.2", BROKEN)
    story.stored[release_of(story.package, "1.2").sha256] = story.package.read_bytes()
    story.take(story.offer("1.2"))
    story.downloaded()
    story.machine.installer().run()
    state, reason = story.take(story.offer("1.2"))
    assert (state, "event log" in reason) == ("rolled_back", True)
    assert story.downloaded() == "rolled_back"
    assert not story.is_ordered()
