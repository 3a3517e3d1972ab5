"""Pulls the configuration of a hub, checks and applies it, and rolls back if the health of the sensor gets worse.

The sensor does not depend on it: without its hub it keeps its current version.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Protocol

from sensor.core.reader import clean
from sensor.documents import LAYERED, DocumentErrors
from sensor.logs.logs import log
from sensor.outputs.hub_protocol.messages import Offer, Report, Signed, UpgradeOffer, UpgradeReport
from sensor.sync.folder import FleetFolder
from sensor.sync.health import Health, worse
from sensor.sync.layers import File, Layer, Refused, digest_of, verify
from sensor.sync.local_keys import check_keys
from sensor.sync.state import ConfigurationTrial, DamagedState, Outcome, State, load_state, save_state

# Duration of a trial in seconds, and consecutive bad observations that end it.
TRIAL_S, OBSERVATIONS = 120.0, 3
RETRY_S = 900.0
REASON_LIMIT = 300


class Hub(Protocol):
    """Source of layers (``link.Link``)."""

    @property
    def key(self) -> str: ...

    @property
    def operator(self) -> str: ...

    def offer(self, report: Report) -> Offer: ...

    def fetch(self, file: File) -> bytes: ...


class Upgrades(Protocol):
    """Upgrades of the sensor, which use the same requests (``upgrades.upgrader.Upgrader``)."""

    @property
    def is_installing(self) -> bool: ...

    def report(self, health: Health) -> UpgradeReport: ...

    def take(self, offer: UpgradeOffer | None) -> None: ...

    def turn(self, *, hold: bool) -> None: ...


class Agent:
    """``root``: the folder ``fleet``; ``check``: faults of the configuration with the layers of a folder, as `sensor
    config check` prints them; ``health``: of the running sensor; ``outputs``: those of type ``hub``; ``upgrades``: None
    if the sensor does not take them from the hub.
    """

    def __init__(
        self, root: Path, hub: Hub, check: Callable[[Path], Sequence[str]], health: Callable[[], Health],
        outputs: Collection[str] = (), clock: Callable[[], float] = time.time, upgrades: Upgrades | None = None,
    ) -> None:  # fmt: skip
        self.folder, self._hub, self._check, self._health = FleetFolder(root), hub, check, health
        self._outputs, self._clock, self._upgrades = outputs, clock, upgrades
        self._load()

    def pull(self) -> None:
        """Ask the hub once, and apply a new version. Raises Retry if the hub cannot be reached, OSError if the folder
        cannot be written.
        """
        if self._is_damaged:
            self._load()
        health, upgrades = self._health(), self._upgrades
        self.state.restart = health.restart
        report = self.report()
        report.upgrade = upgrades.report(health) if upgrades is not None else None
        offer = self._hub.offer(report)
        if upgrades is not None:
            upgrades.take(offer.upgrade)
            if upgrades.is_installing:  # the effects of two changes could not be distinguished
                return
        if self._is_damaged:
            return
        try:
            self._take(offer)
        except Refused as refusal:
            self._refuse(digest_of(offer.layers), str(refusal))
        self._save()

    def watch(self) -> None:
        """Observe the health of a version on trial: keep it, continue watching, or roll back. Raises OSError."""
        trial = self.state.trial
        if trial is None:
            return
        if self.folder.current == trial.before or self.folder.current in self.state.failed:
            self._resume(trial)
            return
        now, trial.begun = self._health(), min(trial.begun, self._clock())  # the clock may have been corrected
        reason = worse(trial.health, now)
        trial.worse = trial.worse + 1 if reason else 0
        if trial.worse >= OBSERVATIONS:
            self._roll_back(trial, reason)
        elif self._clock() - trial.begun >= TRIAL_S and not reason:
            self.state.trial, self.state.outcome, self.state.reason = None, "applied", _caveat(trial.health, now)
            self.folder.clean([])
            log().info("the configuration of the hub is applied", digest=self.folder.current)
        self._save()

    def upgrade(self) -> None:
        """Continue a download, or order the installation. Raises Retry, OSError."""
        if self._upgrades is not None:
            self._upgrades.turn(hold=self.state.trial is not None)

    def report(self) -> Report:
        state = self.state
        return Report(state.outcome, self.folder.current, state.reason, state.restart)

    def _load(self) -> None:
        """Load the state. While it is damaged, the current version stays in use, and the hub gets the reason."""
        try:
            self.state, self._is_damaged = load_state(self.folder.root), False
        except DamagedState as damaged:
            self.state, self._is_damaged = State("refused", str(damaged)), True

    def _take(self, offer: Offer) -> None:
        """Apply an offer that is not in use. Raises Refused if it cannot be used."""
        digest, state = digest_of(offer.layers), self.state
        if offer.reason:
            raise Refused(f"the hub sent no configuration: {clean(offer.reason, REASON_LIMIT)}")
        if digest in state.failed or state.trial is not None or self._was_refused(digest):
            return
        layers = self._verified(offer.layers)
        state.refused = ""
        if digest == self.folder.current:
            outcome: Outcome = "applied" if digest else "local"
            if state.outcome != outcome:
                state.outcome, state.reason = outcome, ""
            return
        place = self.folder.stage(digest, layers, self._hub.fetch)
        self._check_keys(place)
        if faults := self._check(place):
            raise Refused("; ".join(faults[:3]) + (f" (and {len(faults) - 3} more)" if len(faults) > 3 else ""))
        self._apply(digest, layers)

    def _verified(self, signed: Sequence[Signed]) -> list[Layer]:
        """The verified layers. Raises Refused if a signature is not valid, or a layer is for another sensor or older
        than the one used before.
        """
        operator, accepted = self._hub.operator if signed else "", self.state.accepted
        layers = [verify(one, operator) for one in signed]
        for layer in layers:
            if layer.scope == "sensor" and layer.target != self._hub.key:
                raise Refused("a layer is for another sensor")
            if layer.signed < accepted.get(layer.place, 0):
                raise Refused(f"layer {layer.place} of version {layer.version} is older than the one in use")
        scopes = {layer.scope for layer in layers}
        # A sensor may be moved to a site without a layer; a layer of another scope ends only with a signed empty one.
        missing = {place.partition(":")[0] for place in accepted} - scopes - {"site"}
        if missing or len(scopes) < len(layers):
            raise Refused(f"the layer {min(missing)} is missing" if missing else "found two layers of one scope")
        return layers

    def _check_keys(self, place: Path) -> None:
        for path in sorted(place.glob(f"*/{LAYERED}")):
            try:
                check_keys(path, path.read_text(encoding="utf-8", errors="replace"), self._outputs)
            except DocumentErrors as errors:
                raise Refused(str(errors.faults[0])) from None

    def _apply(self, digest: str, layers: Sequence[Layer]) -> None:
        """Apply a version. The trial is recorded first, so that it continues after a crash."""
        self.state.trial = ConfigurationTrial(self.folder.current, self._health(), self._clock())
        self.state.outcome, self.state.reason = "trial", ""
        self.state.accepted |= {layer.place: layer.signed for layer in layers}
        self._save()
        self.folder.use(digest)
        log().info("a configuration of the hub is on trial", digest=digest, seconds=TRIAL_S)

    def _roll_back(self, trial: ConfigurationTrial, reason: str) -> None:
        failed = self.folder.current
        self.state.fail(failed, "rolled_back", reason)
        self._save()  # first, so that a crash does not put it on trial again
        self.folder.use(trial.before)
        self.state.trial = None
        log().warning("the configuration of the hub is rolled back", digest=failed, reason=reason)

    def _resume(self, trial: ConfigurationTrial) -> None:
        """After a crash between a change of the state and that of the folder: the version on trial was not in use yet,
        or is to be rolled back.
        """
        self.folder.use(trial.before)
        self.state.trial = None
        if self.state.outcome == "trial":
            self.state.outcome = ""
        self._save()

    def _was_refused(self, digest: str) -> bool:
        """Whether it was refused recently. Later the cause may be gone: the local configuration may have changed."""
        state = self.state
        return bool(state.refused) and state.refused == digest and 0 <= self._clock() - state.refused_at < RETRY_S

    def _refuse(self, digest: str, reason: str) -> None:
        """Record the refusal; the current version stays in use."""
        reason = clean(reason, REASON_LIMIT)
        if (self.state.outcome, self.state.reason) != ("refused", reason):
            log().warning("a configuration of the hub is refused", digest=digest, reason=reason)
        self.state.outcome, self.state.reason = "refused", reason
        self.state.refused, self.state.refused_at = digest, self._clock()

    def _save(self) -> None:
        save_state(self.folder.root, self.state)


def _caveat(before: Health, now: Health) -> str:
    """What is unknown about the effect of an applied version."""
    return "" if before.running and now.running else "no sensor was running, so its effect on health is unknown"
