"""Data of periodic checks besides the advice: default names of vendors, end-of-support dates, segments of device types,
and types that need no internet access. Files of ``fingerprints/recommendations``; every entry has examples, which are
run as tests.
"""

from __future__ import annotations

import functools
import re
from datetime import date
from typing import Annotated, Any, Literal, TypeVar

from sensor.core.model import Check, Field, Model
from sensor.documents import load_shipped, own_folder
from sensor.fingerprinting.fuse import SEPARATOR
from sensor.fingerprinting.load import own_vocabulary
from sensor.posture.vulnerabilities.curated import Regex, Text, Types, Vendors, device_types

FOLDER = "recommendations"
NAMES, SUPPORT, PLACES, OUTSIDE = "default_names.yaml", "end_of_life.yaml", "places.yaml", "outside.yaml"
TABLES = (NAMES, SUPPORT, PLACES, OUTSIDE)
Id = Annotated[str, Field(pattern=r"^[a-z0-9_]+$", max_length=64)]
Table = TypeVar("Table", bound=Model)


class FactoryName(Model):
    """A vendor's default names for some device types. ``pattern`` is searched, case-insensitive."""

    id: Id
    pattern: Regex
    types: Types = Field(min_length=1)
    examples: list[Text] = Field(min_length=1)
    negatives: list[Text] = Field(min_length=1)


class FactoryNames(Model):
    """The file."""

    default_names: list[FactoryName] = Field(min_length=1)


class SupportExample(Model):
    """A device, and whether the entry applies to it."""

    vendor: str = ""
    model: str = ""
    type: str = "unknown"
    os: str = ""
    firmware: str = ""
    software: str = ""
    verdict: Literal["ended", "other"] = Field(alias="is")


class Support(Model):
    """A product that its vendor no longer updates from a date on. ``product`` is searched in vendor and model, ``os``
    and ``firmware`` in those attributes, ``software`` in each program, case-insensitive; all that are given must match.
    ``at_latest``: by that date, and perhaps earlier. ``basis``: whether ``source`` was read for it (``record``), or the
    date is from memory (``recalled``).
    """

    id: Id
    name: Text
    product: Regex = ""
    os: Regex = ""
    firmware: Regex = ""
    software: Regex = ""
    types: Types = []
    severity: Literal["low", "medium", "high"] = "medium"
    ends: date
    at_latest: bool = False
    basis: Literal["record", "recalled"]
    source: str = Field(pattern=r"^https://", max_length=256)
    note: str = Field("", max_length=256)
    examples: list[SupportExample] = Field(min_length=2)

    def check_whole(self, context: Any) -> None:
        if not (self.product or self.os or self.software):
            raise ValueError("expected product, os or software")
        if {one.verdict for one in self.examples} != {"ended", "other"}:
            raise ValueError("found examples of one kind, expected one that ended and one that is another product")

    @property
    def rests_on(self) -> str:
        """The most specific attribute."""
        return "software" if self.software else "firmware" if self.firmware else "os" if self.os else "model"

    def program(self, software: str) -> str:
        """The first of several programs to which the entry applies; empty if none."""
        programs = software.split(SEPARATOR)
        return next((one for one in programs if re.search(self.software, one, re.IGNORECASE)), "")

    def covers(self, product: str, kind: str, system: str, firmware: str, software: str = "") -> bool:
        """Whether the entry applies to a device. ``product``: vendor and model."""
        if (self.types and kind not in self.types) or (self.software and not self.program(software)):
            return False
        wanted = ((self.product, product), (self.os, system), (self.firmware, firmware))
        return all(not pattern or re.search(pattern, text, re.IGNORECASE) is not None for pattern, text in wanted)


class Supports(Model):
    """The file."""

    end_of_life: list[Support] = Field(min_length=1)


class SegmentTypes(Model):
    """Types that share a segment. ``people``: user devices; ``apart``: types that should have separate segments;
    ``nowhere``: types that occur everywhere and are no evidence.
    """

    people: Types = Field(min_length=1)
    apart: Types = Field(min_length=1)
    nowhere: Types = []


class ExpectedTraffic(Model):
    """The internet services that a type of device needs: ``services`` (``udp/5060``, ``udp/*``) are its function;
    ``sold_with``: vendors whose devices include a cloud service, and ``domains`` of such services.
    """

    services: list[Annotated[str, Field(pattern=r"^(?:tcp|udp)/(?:\d{1,5}|\*)$")]] = []
    sold_with: Annotated[list[str], Vendors] = []
    domains: list[str] = []


class InternetUse(Model):
    """Types of devices that need no internet access except what is listed for them. ``any_device``: services that any
    device may use.
    """

    any_device: list[str] = []
    types: Annotated[dict[str, ExpectedTraffic], Check(device_types)] = Field(min_length=1)


def _load(name: str, model: type[Table]) -> Table:
    return load_shipped(own_folder() / FOLDER / name, model, own_vocabulary)


@functools.cache
def factory_names() -> tuple[FactoryName, ...]:
    """Raises DocumentErrors with all faults, here and below."""
    return tuple(_load(NAMES, FactoryNames).default_names)


@functools.cache
def supports() -> tuple[Support, ...]:
    return tuple(_load(SUPPORT, Supports).end_of_life)


@functools.cache
def places() -> SegmentTypes:
    return _load(PLACES, SegmentTypes)


@functools.cache
def outside() -> InternetUse:
    return _load(OUTSIDE, InternetUse)
