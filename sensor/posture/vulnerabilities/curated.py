"""Vulnerabilities that come with the sensor: ``fingerprints/vulnerabilities``, one file per kind of device. They need
no import and no network.

An entry has versions only if a published record names them (``basis: record``). If the versions are from memory
(``recalled``) or unknown (``none``) there is no rule, and the answer is *unknown*. Each rule has examples that are
run as tests.
"""

from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from sensor.core.device import TYPES
from sensor.core.model import Check, Field, Model
from sensor.documents import DocumentErrors, Fault, each_known, fault_at, load_shipped, nearest, own_folder
from sensor.documents.shipped import VOCABULARY
from sensor.fingerprinting.load import own_vocabulary
from sensor.fingerprinting.vocabulary import Vocabulary
from sensor.posture.vulnerabilities.ranges import Range
from sensor.posture.vulnerabilities.schemes import SCHEMES

if TYPE_CHECKING:
    from pydantic import ValidationInfo

FOLDER = "vulnerabilities"
# In the same folder, but no vulnerabilities: names of products in feeds.
NAMES = "cpe_names.yaml"
Text = Annotated[str, Field(min_length=1, max_length=512)]


def regex(pattern: str) -> str:
    """A regular expression that compiles. Raises ValueError otherwise."""
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from None
    return pattern


Regex = Annotated[str, Field(max_length=512), Check(regex)]


def scheme_name(name: str) -> str:
    """The name of an existing version scheme. Raises ValueError otherwise."""
    if name not in SCHEMES:
        raise ValueError(f"found the scheme {name!r}, {nearest(name, list(SCHEMES))}")
    return name


SchemeName = Annotated[str, Check(scheme_name)]


def vendors(given: Any, info: ValidationInfo[Any]) -> Any:
    """A vendor, several of them, or values by vendor, all in the vocabulary. Raises ValueError otherwise."""
    known = getattr(info.context, "vendors", None)
    for one in [given] if isinstance(given, str) else given:
        if known is not None and one not in known:
            raise ValueError(f"found the vendor {one!r}, {nearest(one, list(known))}")
    return given


def device_types(types: Any) -> Any:
    """Types of devices, or values by type. Raises ValueError for an unknown type."""
    each_known(types, TYPES, "the type")
    return types


Vendors = Check(vendors, informed=True)
Types = Annotated[list[str], Check(device_types)]


class Affected(Model):
    """Versions from one on (``above``: excluding it) and before another (``through``: including it), or ``all``."""

    start: str = Field("", alias="from")
    above: str = ""
    before: str = ""
    through: str = ""
    all: bool = False

    def check_whole(self, context: Any) -> None:
        if self.start and self.above:
            raise ValueError("found from and above, expected one of them")
        if self.before and self.through:
            raise ValueError("found before and through, expected one of them")
        if self.all == any((self.start, self.above, self.before, self.through)):
            raise ValueError(
                "found no bound, or bounds beside all, expected from, above, before or through, or else all: true"
            )

    @property
    def range(self) -> Range:
        return Range(self.start or self.above, self.before or self.through, bool(self.above), bool(self.through))


class Example(Model):
    """A device, and the verdict of the entry; ``other``: the entry is about another product."""

    model: Text
    vendor: str = ""
    os: str = ""
    firmware: str = ""
    verdict: Literal["affected", "not affected", "unknown", "other"] = Field(alias="is")


class Vulnerability(Model):
    """One CVE of one product family. ``product`` is searched in vendor and model, ``os`` in the system,
    case-insensitive; ``types`` restricts the match.

    ``known``: known affected versions, if the record does not mention others. ``certainty``: confidence in the version
    rule.
    """

    cve: str = Field(pattern=r"^CVE-\d{4}-\d{4,8}$")
    title: Text
    vendor: Annotated[str | list[str], Vendors]
    product: Regex = ""
    os: Regex = ""
    types: Types = []
    scheme: SchemeName = "dotted"
    affected: list[Affected] = []
    known: list[Text] = []
    fixed: str = Field("", max_length=256)
    basis: Literal["record", "recalled", "none"]
    source: str = ""
    certainty: float = Field(0.9, gt=0, le=1)
    cvss: float | None = Field(None, ge=0, le=10)
    kev: bool = False
    exploited: bool = False
    advice: Text
    examples: list[Example] = []
    note: str = ""

    def check_whole(self, context: Any) -> None:
        if not (self.product or self.os or self.types):
            raise ValueError("found no devices, expected product, os or types")
        rules = bool(self.affected or self.known)
        if rules and self.basis != "record":
            raise ValueError(f"found versions whose basis is {self.basis}, expected none: a verdict needs a record")
        verdicts = {example.verdict for example in self.examples}
        if rules and not ("affected" in verdicts and verdicts - {"affected"}):
            raise ValueError(
                "found a version rule without examples both ways, expected an affected version and one that is not"
            )
        for name in (*(bound for one in self.affected for bound in one.range[:2]), *self.known):
            if name and SCHEMES[self.scheme].read(name) is None:
                raise ValueError(f"found the version {name!r}, expected one of the scheme {self.scheme}")

    @property
    def vendors(self) -> tuple[str, ...]:
        return (self.vendor,) if isinstance(self.vendor, str) else tuple(self.vendor)

    @property
    def ranges(self) -> tuple[Range, ...]:
        """Affected ranges; each known version is a range of one."""
        return (*(one.range for one in self.affected), *(Range(one, one, through=True) for one in self.known))


class VulnerabilityFile(Model):
    """One file."""

    note: str = ""
    vulnerabilities: list[Vulnerability] = Field(min_length=1)


@functools.cache
def all_terms() -> Vocabulary:
    """Our vocabulary with that of vulnerabilities. Raises DocumentErrors."""
    return own_vocabulary().joined(load_shipped(own_folder() / FOLDER / VOCABULARY, Vocabulary))


@functools.cache
def load_curated(folder: Path | None = None) -> tuple[Vulnerability, ...]:
    """All entries. Raises DocumentErrors with all faults of the files."""
    folder = folder or own_folder() / FOLDER
    found: dict[tuple[str, str, str], Vulnerability] = {}
    faults: list[Fault] = []
    for path in sorted(folder.glob("*.yaml")):
        if path.name in (NAMES, VOCABULARY):
            continue
        try:
            document = load_shipped(path, VulnerabilityFile, all_terms)
        except DocumentErrors as errors:
            faults += errors.faults
            continue
        for number, entry in enumerate(document.vulnerabilities):
            key = entry.cve, entry.product, entry.os
            if key in found:
                faults.append(
                    fault_at(
                        path,
                        ("vulnerabilities", number, "cve"),
                        f"found {entry.cve} twice for the same products, expected it once",
                    )
                )
            found[key] = entry
    if faults:
        raise DocumentErrors(faults)
    return tuple(found.values())
