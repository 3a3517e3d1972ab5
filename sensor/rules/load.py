"""Loads the operator's rules: files, or folders of them. An invalid rule is reported with its position and does not
affect the others.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from sensor.core.addresses import Networks
from sensor.core.detector import Context, Detector
from sensor.core.device import Device
from sensor.core.observation import Subject
from sensor.documents import DocumentErrors, Fault, fault_at, load_entries, stamps, yaml_files

if TYPE_CHECKING:
    from sensor.rules.detector import CustomDetector
    from sensor.rules.model import Rule
    from sensor.rules.values import RuleError, Sets

FOLDER = "rules"


class Loaded(NamedTuple):
    """One rule, with the sets of its file, and its position: index in the list of the file."""

    rule: Rule
    sets: Sets
    path: Path
    place: int

    def detector(self, context: Context) -> CustomDetector:
        from sensor.rules.detector import detector_of

        return detector_of(self.rule, self.sets, context)

    @property
    def zoned(self) -> bool:
        """Whether its conditions may depend on the configured internal networks."""
        from sensor.rules.values import ZONES

        text = f"{self.rule.model_dump_json()} {self.sets}"
        return any(zone in text for zone in ZONES)

    def same_as(self, other: Loaded | None) -> bool:
        """Whether its content is equal."""
        return other is not None and self.rule == other.rule and self.sets == other.sets

    def fault(self, error: RuleError) -> Fault:
        """A fault at its position."""
        return fault_at(self.path, ("rules", self.place, *error.location), error.message, key=error.key)


class Rules:
    """The rules of a run: ``faults`` of the invalid ones, ``made``: detectors of the others; ``stamps`` of the files
    when they were read.
    """

    def __init__(self, paths: Iterable[Path]) -> None:
        files = files_of(paths)
        self.stamps = stamps(files)
        self.loaded, self.faults = load_rules(files)
        self.made: tuple[Detector, ...] = ()

    def same_as(self, other: Rules | None) -> bool:
        """Whether the content of all of them is equal."""
        known = {one.rule.id: one for one in other.loaded} if other is not None else {}
        return len(known) == len(self.loaded) and all(one.same_as(known.get(one.rule.id)) for one in self.loaded)

    def detectors(self, context: Context, before: Rules | None = None, *, zones: bool = False) -> tuple[Detector, ...]:
        """Detectors of all enabled rules. A rule equal to one of ``before`` keeps its object and counts, unless it
        depends on the internal networks and those changed (``zones``).
        """
        if not self.loaded:  # the usual case, which imports nothing
            return ()
        from sensor.core.known_values import CUSTOM

        old = {detector.id: detector for detector in before.made} if before is not None else {}
        known = {one.rule.id: one for one in before.loaded} if before is not None else {}
        made: list[Detector] = []
        for one in self.loaded:
            if one.rule.enabled:
                same = (
                    old.get(CUSTOM + one.rule.id)
                    if one.same_as(known.get(one.rule.id)) and not (zones and one.zoned)
                    else None
                )
                made.append(same if same is not None else one.detector(context))
        self.made = tuple(made)
        return self.made


class EmptyContext:
    """A context without devices, for rules that are only checked or tested."""

    intel: Any = None
    baseline: Any = None
    profiles: Any = None
    more_bits = 0

    def __init__(self, devices: dict[int, Device] | None = None) -> None:
        self.networks, self._devices = Networks(), devices or {}

    def device(self, subject: Subject) -> Device | None:
        return self._devices.get(subject.address)

    def names_of(self, address: int) -> tuple[str, ...]:
        return ()


def load_rules(paths: Iterable[Path]) -> tuple[list[Loaded], list[Fault]]:
    """All valid rules of files and folders, disabled ones included, and the faults of the others."""
    found: dict[str, Loaded] = {}
    faults: list[Fault] = []
    files = files_of(paths)
    if not files:
        return [], []
    from sensor.rules.model import RuleFile

    for path in files:
        try:
            document, places, faulty = load_entries(path, RuleFile, "rules")
        except DocumentErrors as errors:
            faults += errors.faults
            continue
        faults += faulty
        for rule, place in zip(document.rules, places, strict=True):
            one = Loaded(rule, document.sets, path, place)
            senseless = _faults_of(one, found)
            faults += senseless
            if not senseless:
                found[rule.id] = one
    return list(found.values()), sorted(faults)


def files_of(paths: Iterable[Path]) -> list[Path]:
    """Files, and those in folders, without duplicates."""
    files = [file for path in paths for file in (yaml_files(path) if path.is_dir() else [path])]
    return [*dict.fromkeys(file.resolve() if file.exists() else file for file in files)]


def _faults_of(one: Loaded, known: dict[str, Loaded]) -> list[Fault]:
    """The faults of a rule beyond its schema."""
    from sensor.rules.values import RuleError

    if one.rule.id in known:
        first = known[one.rule.id].path
        return [one.fault(RuleError(f"found the id {one.rule.id!r} a second time, the first is in {first}", "id"))]
    try:
        one.detector(EmptyContext())
    except RuleError as error:
        return [one.fault(each) for each in (error, *error.others)]
    return []
