"""Installs a package that the sensor has downloaded, as root, and returns to the former one if health gets worse.

It trusts only its own folder and the operator's key, both writable by root alone: packages are copied first, then
verified. The trial is on disk before anything is installed, so that it continues after a crash.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from sensor.logs.logs import log
from sensor.outputs.transport.nkeys import OPERATOR, is_public
from sensor.sync.health import Health, worse
from sensor.upgrades import results
from sensor.upgrades.packages import Dpkg, check_package
from sensor.upgrades.releases import Rejected, Release, check_release, read_release, verify_release
from sensor.upgrades.results import Result, VersionTrial
from sensor.upgrades.staging import ORDER, Order

# Seconds that the new version has to start, of a trial, and between two observations; bad ones in a row that end it.
START_S, TRIAL_S, EVERY_S, OBSERVATIONS = 120.0, 300.0, 10.0, 3
ORDER_LIMIT, BLOCK = 16 << 10, 1 << 20
NONE = Health()


class InstallerPaths(NamedTuple):
    """``staging``: of the sensor; ``own``: folder of the installer; ``operator``: file with the operator's key."""

    staging: Path
    own: Path
    operator: Path


class Installer:
    """``health``: of the running sensor; ``clock``, ``sleep``, ``steady``: of the system, except in tests; ``steady``:
    elapsed seconds, independent of the wall clock.
    """

    def __init__(
        self, places: InstallerPaths, dpkg: Dpkg, health: Callable[[], Health],
        clock: Callable[[], float] = time.time, sleep: Callable[[float], None] = time.sleep,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self._places, self._dpkg, self._health = places, dpkg, health
        self._clock, self._sleep, self._steady = clock, sleep, steady

    def run(self) -> Result | None:
        """Install what is ordered, or finish an interrupted trial. None if there is neither. Raises OSError."""
        trial = results.load_trial(self._places.own)
        if trial is not None:
            return self._resume(trial)
        order, release = self._ordered()
        if order is None or release is None or self._was_tried(release):
            self._remove_order()
            return None
        try:
            trial = self._prepared(order)
        except (Rejected, OSError) as error:
            return self._end(self._result(release, "refused", str(error)))
        return self._install(trial)

    def _ordered(self) -> tuple[Order | None, Release | None]:
        """The order of the sensor, and its release, whose signature is not verified yet."""
        content = b""
        with contextlib.suppress(FileNotFoundError), _regular(self._places.staging, ORDER) as file:
            content = os.read(file, ORDER_LIMIT)
        try:
            order = msgspec.json.decode(content, type=Order) if content else None
            return order, None if order is None else check_release(read_release(order.release.content))
        except (msgspec.MsgspecError, Rejected) as error:
            log().warning("the order of an upgrade is invalid", error=str(error))
            return None, None

    def _was_tried(self, release: Release) -> bool:
        """Whether it is the last one. A release is tried once; the operator can sign it again."""
        last = results.load_result(self._places.own)
        return last is not None and last.is_of(release)

    def _remove_order(self) -> None:
        with contextlib.suppress(OSError), _opened(self._places.staging) as folder:
            os.unlink(ORDER, dir_fd=folder)

    def _prepared(self, order: Order) -> VersionTrial:
        """Verify both packages in the own folder. Raises Rejected."""
        operator = _operator(self._places.operator)
        release, before = verify_release(order.release, operator), verify_release(order.before, operator)
        installed = self._dpkg.installed()
        if before.version != installed:
            raise Rejected(f"the rollback would return to version {before.version}, expected {installed or 'none'}")
        if not self._dpkg.is_newer(release.version, installed):
            raise Rejected(f"version {release.version} is not newer than the installed version {installed}")
        for old in self._places.own.glob("*.deb"):
            old.unlink()
        for one in (release, before):
            self._copy(one)
            check_package(self._package(one), one)
        self._package(before).replace(self._places.own / "before.deb")
        return VersionTrial(release, before, self._health())

    def _copy(self, release: Release) -> None:
        """Copy a package into the own folder, where the sensor cannot change it, and verify it there."""
        digest, size = hashlib.sha256(), 0
        try:
            with _regular(self._places.staging, release.name) as file, self._package(release).open("wb") as out:
                while (block := os.read(file, BLOCK)) and size <= release.size:
                    digest.update(block)
                    size += out.write(block)
                out.flush()
                os.fsync(out.fileno())
        except FileNotFoundError:
            raise Rejected(f"the package of version {release.version} is missing") from None
        if (size, digest.hexdigest()) != (release.size, release.sha256):
            raise Rejected(f"the package of version {release.version} does not match the signed SHA-256")

    def _install(self, trial: VersionTrial) -> Result:
        results.save(self._places.own, trial)
        results.save(self._places.own, self._result(trial.release, "installing"))
        log().info("installs an upgrade", version=trial.release.version, before=trial.before.version)
        if error := self._dpkg.install(self._package(trial.release)):
            return self._roll_back(trial, f"it cannot be installed: {error}")
        return self._observe(trial)

    def _resume(self, trial: VersionTrial) -> Result:
        """Continue a trial after a crash."""
        installed = self._dpkg.installed()
        if installed == trial.release.version:
            return self._observe(trial)
        reason = "the installation was interrupted"
        if installed == trial.before.version:
            return self._confirm(trial, reason)
        return self._roll_back(trial, reason)

    def _observe(self, trial: VersionTrial) -> Result:
        """Observe health for the time of a trial: keep the version or roll back."""
        begun, bad = self._steady(), 0
        while True:
            self._sleep(EVERY_S)
            now, passed = self._health(), self._steady() - begun
            reason = worse(trial.health, now)
            bad = bad + 1 if reason and (now.running or passed > START_S) else 0
            if bad >= OBSERVATIONS:
                return self._roll_back(trial, reason)
            if passed >= TRIAL_S and not reason:
                unknown = "" if trial.health.running else "no sensor was running, so its effect on health is unknown"
                return self._close(trial, "installed", unknown)

    def _roll_back(self, trial: VersionTrial, reason: str) -> Result:
        log().warning("an upgrade is rolled back", version=trial.release.version, reason=reason)
        package = self._places.own / "before.deb"
        if error := self._dpkg.install(package):
            text = f"the previous version cannot be installed: {error}; try `dpkg --install {package}`"
            return self._close(trial, "failed", f"{reason}; {text}")
        return self._confirm(trial, reason)

    def _confirm(self, trial: VersionTrial, reason: str) -> Result:
        """Wait until the former version runs, if it did before: it may refuse files that the new one has changed."""
        for _ in range(int(START_S // EVERY_S)):
            if not trial.health.running or self._health().running:
                return self._close(trial, "rolled_back", reason)
            self._sleep(EVERY_S)
        text = f"version {trial.before.version} is installed again but does not run: see `journalctl -u sensor`"
        return self._close(trial, "failed", f"{reason}; {text}")

    def _close(self, trial: VersionTrial, state: results.State, reason: str) -> Result:
        return self._end(self._result(trial.release, state, reason, trial.health))

    def _end(self, result: Result) -> Result:
        """Store a result. The order is removed last: after a crash it is tried again, or recognized."""
        results.save(self._places.own, result)
        results.close_trial(self._places.own)
        self._remove_order()
        log().info("an upgrade ended", version=result.version, state=result.state, reason=result.reason)
        return result

    def _result(self, release: Release, state: results.State, reason: str = "", health: Health = NONE) -> Result:
        return Result(state, release.version, release.sha256, release.signed, reason, health, self._clock())

    def _package(self, release: Release) -> Path:
        return self._places.own / release.name


@contextlib.contextmanager
def _opened(folder: Path) -> Iterator[int]:
    """A folder. Raises OSError for a link, too: the sensor can replace its folder by one."""
    file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        yield file
    finally:
        os.close(file)


@contextlib.contextmanager
def _regular(folder: Path, name: str) -> Iterator[int]:
    """A regular file, open for reading. Raises FileNotFoundError for a link or anything else, too."""
    try:
        with _opened(folder) as place:
            file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=place)
    except OSError as error:
        raise FileNotFoundError(error.errno, error.strerror, str(folder / name)) from None
    try:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise FileNotFoundError(2, "not a regular file", str(folder / name))
        yield file
    finally:
        os.close(file)


def _operator(path: Path) -> str:
    """The operator's public key, from a file that only the user of this process may write. Raises Rejected."""
    try:
        with _regular(path.parent, path.name) as file:
            status = os.fstat(file)
            public = os.read(file, 200).decode("ascii", "replace").strip()
    except FileNotFoundError:
        raise Rejected(f"{path} does not exist: `sensor upgrade enable` creates it") from None
    if status.st_uid != os.geteuid() or status.st_mode & 0o022:
        raise Rejected(f"other users than root may write {path}: chown root: {path}; chmod 644 {path}")
    if not is_public(public, OPERATOR):
        raise Rejected(f"{path} contains no public key of an operator: `sensor upgrade enable` creates it")
    return public
