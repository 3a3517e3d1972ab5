"""Takes upgrades that the hub offers: downloads and verifies packages, orders the installation, reports the result.

It has no right to install: a unit of systemd runs the installer (``sensor upgrade install``) as root.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from sensor.core.reader import clean
from sensor.logs.logs import log
from sensor.outputs.hub_protocol.messages import UpgradeOffer, UpgradeReport
from sensor.sync.health import Health, worse
from sensor.upgrades.packages import Dpkg
from sensor.upgrades.releases import Rejected, Release, check_release, read_release, verify_release
from sensor.upgrades.results import Result, load_result
from sensor.upgrades.staging import Order, Staging

# Parts of a package that one turn downloads, so that the caller can do other work.
PARTS = 4
# Consecutive bad observations until health counts as worse, and downloads of a package that is not valid.
OBSERVATIONS, ATTEMPTS = 3, 3
REASON_LIMIT = 300


class _Target(NamedTuple):
    """A verified offer."""

    release: Release
    before: Release
    order: Order


class _Refusal(NamedTuple):
    version: str
    signed: int
    reason: str


class Upgrader:
    """``staging``: the folder of packages; ``results``: the folder of the installer; ``operator``: public key whose
    releases are accepted; ``part``: fetches a part of a package by digest and offset.
    """

    def __init__(
        self, staging: Path, results: Path, operator: str, part: Callable[[str, int], bytes], dpkg: Dpkg,
    ) -> None:  # fmt: skip
        self._staging, self._results, self._operator = Staging(staging), results, operator
        self._part, self._dpkg = part, dpkg
        self._target: _Target | None = None
        self._refused: _Refusal | None = None
        self._worse = 0
        self._attempts: Counter[Release] = Counter()

    @property
    def is_installing(self) -> bool:
        result = load_result(self._results)
        return result is not None and result.state == "installing"

    def report(self, health: Health) -> UpgradeReport:
        """The state of the upgrade. ``health``: of the running sensor, now."""
        report = UpgradeReport(self._dpkg.installed(), self._dpkg.architecture())
        result, target = load_result(self._results), self._target
        if target is not None and not (result is not None and result.is_of(target.release)):
            report.state = "ready" if self._is_complete(target) else "downloading"
            report.version, report.signed = target.release.version, target.release.signed
        elif self._refused is not None:
            report.state, (report.version, report.signed, report.reason) = "refused", self._refused
        elif result is not None:
            report.state, report.version, report.signed = result.state, result.version, result.signed
            report.reason = clean(result.reason, REASON_LIMIT)
            if result.state == "installed" and report.installed == result.version:
                report.health, report.reason = self._observed(result, health)
        return report

    def take(self, offer: UpgradeOffer | None) -> None:
        """Accept an offer, or withdraw the one before. Raises OSError."""
        try:
            target = None if offer is None else self._verified(offer)
        except Rejected as rejected:
            self._refuse(*_claimed(offer), str(rejected))
            return
        if target is not None and self._attempts[target.release] >= ATTEMPTS:
            return
        self._refused = None
        if target is None:  # an order may be older than this process
            self._staging.withdraw()
        self._target = target

    def turn(self, *, hold: bool = False) -> None:
        """Download some parts of a package, or order its installation unless ``hold``. Raises Retry, OSError."""
        target = self._target
        if target is None:
            return
        result = load_result(self._results)
        if result is not None and result.is_of(target.release):
            return
        try:
            for _ in range(PARTS):
                if not self._fetch(target):
                    break
        except Rejected as rejected:
            self._attempts[target.release] += 1
            self._refuse(target.release.version, target.release.signed, str(rejected))
            return
        if self._is_complete(target) and not hold:
            self._staging.order(target.order)

    def _fetch(self, target: _Target) -> bool:
        """Download the next part; False if both packages are complete. Raises Rejected."""
        missing = [release for release in (target.before, target.release) if not self._staging.has(release)]
        if not missing:
            return False
        release = missing[0]
        part, stored = b"", self._staging.stored(release)
        if stored < release.size:  # otherwise it was not verified before a crash
            part = self._part(release.sha256, stored)
            if not part:
                raise Rejected(f"the hub does not have the package of version {release.version}")
        self._staging.add(release, part)
        return True

    def _is_complete(self, target: _Target) -> bool:
        return self._staging.has(target.before) and self._staging.has(target.release)

    def _verified(self, offer: UpgradeOffer) -> _Target | None:
        """The releases of an offer; None if the version is installed. Raises Rejected if it cannot be used."""
        release, installed = verify_release(offer.release, self._operator), self._dpkg.installed()
        if release.version == installed:
            return None
        if not installed:
            raise Rejected("the sensor is not installed from the Debian package")
        if release.architecture != self._dpkg.architecture():
            raise Rejected(f"the package is for {release.architecture}, expected {self._dpkg.architecture()}")
        if not self._dpkg.is_newer(release.version, installed):
            raise Rejected(f"version {release.version} is older than the installed version {installed}")
        if offer.before is None:
            raise Rejected(f"the hub has no package of the installed version {installed}, to which a rollback returns")
        before = verify_release(offer.before, self._operator)
        if before.version != installed:
            raise Rejected(f"the rollback would return to version {before.version}, expected {installed}")
        self._staging.clean([release, before])
        self._staging.check_space([release, before])
        return _Target(release, before, Order(offer.release, offer.before))

    def _observed(self, result: Result, health: Health) -> tuple[str, str]:
        """Health since the upgrade, and the reason."""
        reason = worse(result.health, health)
        self._worse = self._worse + 1 if reason else 0
        if self._worse >= OBSERVATIONS:
            return "worse", reason
        if not (result.health.running and health.running):
            return "unknown", "no sensor was running" if not result.health.running else "the sensor does not answer"
        return "ok", ""

    def _refuse(self, version: str, signed: int, reason: str) -> None:
        refused = _Refusal(version, signed, clean(reason, REASON_LIMIT))
        if refused != self._refused:
            log().warning("an upgrade of the hub is refused", version=version, reason=refused.reason)
        self._refused, self._target = refused, None
        self._staging.withdraw()


def _claimed(offer: UpgradeOffer | None) -> tuple[str, int]:
    """Version and time of an offer that was rejected; empty if it is invalid."""
    try:
        release = None if offer is None else check_release(read_release(offer.release.content))
    except Rejected:
        release = None
    return ("", 0) if release is None else (release.version, release.signed)
