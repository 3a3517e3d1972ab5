"""Matches devices with the imported vulnerabilities."""

from __future__ import annotations

import sqlite3
from collections.abc import Container, Iterable, Iterator, Mapping
from typing import NamedTuple

import msgspec

from sensor.core.collection import remembered
from sensor.posture.vulnerabilities.asset import Asset
from sensor.posture.vulnerabilities.database import SOURCES, name_of, number_of
from sensor.posture.vulnerabilities.finding import Finding, strongest
from sensor.posture.vulnerabilities.names import Names, ProductMatch, key
from sensor.posture.vulnerabilities.ranges import AffectedStatus, Answer, Range, evaluate
from sensor.posture.vulnerabilities.schemes import SCHEMES

# Cache sizes: models, and products.
_MODELS, _PRODUCTS = 4096, 256
ranges_of = msgspec.json.Decoder(tuple[Range, ...]).decode
_names = msgspec.json.Decoder(tuple[str, ...]).decode


class _Product(NamedTuple):
    """A product in records that matches a device (``likeness``), or a system that it runs (``system``)."""

    number: int
    name: str
    scheme: str
    likeness: ProductMatch
    system: bool


class _Rule(NamedTuple):
    cve: str
    source: str
    ranges: tuple[Range, ...]
    hardware: tuple[str, ...]
    unclear: str


def _without_identity(asset: Asset) -> Asset:
    """The attributes that determine the products of a device, without its firmware."""
    return asset._replace(id="", firmware="", proof=(), contested=False)


class ImportedIndex:
    """The rules of a database by device."""

    def __init__(self, base: sqlite3.Connection, names: Names) -> None:
        self._base, self._names_of = base, names
        self._products = remembered(self._search, _MODELS)
        self._rules = remembered(self._read, _PRODUCTS)

    def findings(self, asset: Asset, trouble: str) -> Iterable[Finding]:
        """The findings of imported records for a device, one per CVE; none about other products. ``trouble``: why its
        version cannot be used, if so.
        """
        found = (
            self._finding(asset, trouble, product, rule)
            for product in self._products(_without_identity(asset))
            for rule in self._rules(product.number)
        )
        return strongest(found).values()

    def of_cve(self, cve: str, by_vendor: Mapping[str, Iterable[Asset]]) -> dict[str, list[Finding]]:
        """The findings of one CVE, by device id. Only devices of the vendors of its products are compared."""
        statement = (
            "SELECT DISTINCT id, vendor, name FROM rules JOIN products ON products.id = rules.product WHERE cve = ?"
        )
        products: dict[str, dict[int, str]] = {}
        for number, vendor, name in self._base.execute(statement, (number_of(cve),)):
            products.setdefault(vendor, {})[number] = name
        found: dict[str, list[Finding]] = {}
        for maker, assets in by_vendor.items():
            near = {
                number: name
                for vendor in self._names_of.vendors(maker)
                for number, name in products.get(vendor, {}).items()
            }
            if near:
                found |= {
                    asset.id: list(self._of_cve(cve, asset, near))
                    for asset in assets
                    if self._may_be(asset, near.values())
                }
        return found

    def _may_be(self, asset: Asset, names: Iterable[str]) -> bool:
        """Whether any of these products may match: most devices of a vendor are another model."""
        systems = {key(one) for system in self._names_of.systems(asset) for one in system.cpe}
        return any(
            key(name) in systems or self._names_of.likeness(asset, name) is not ProductMatch.OTHER for name in names
        )

    def _of_cve(self, cve: str, asset: Asset, near: Container[int]) -> Iterator[Finding]:
        trouble = asset.trouble
        for product in self._products(_without_identity(asset)):
            if product.number in near:
                yield from (
                    self._finding(asset, trouble, product, rule)
                    for rule in self._rules(product.number)
                    if rule.cve == cve
                )

    def _finding(self, asset: Asset, trouble: str, product: _Product, rule: _Rule) -> Finding:
        answer = self._answer(asset, trouble, product, rule)
        return Finding(rule.cve, answer.verdict, answer.reason, rule.source, product.name)

    def _answer(self, asset: Asset, trouble: str, product: _Product, rule: _Rule) -> Answer:
        if product.likeness is ProductMatch.VARIANT:
            return Answer(AffectedStatus.UNKNOWN, f"the record is about {product.name}, which may be {asset.model}")
        if (
            product.system
            and rule.hardware
            and not any(self._names_of.likeness(asset, one) is ProductMatch.SAME for one in rule.hardware)
        ):
            return Answer(
                AffectedStatus.UNKNOWN,
                f"the record is about {product.name} on other models, {rule.hardware[0]} among them",
            )
        if not rule.ranges:
            return Answer(
                AffectedStatus.UNKNOWN,
                f"the versions are free text: {rule.unclear}" if rule.unclear else "the record contains no versions",
            )
        if trouble:
            return Answer(AffectedStatus.UNKNOWN, trouble)
        answer = evaluate(SCHEMES[product.scheme], asset.firmware, rule.ranges)
        if rule.unclear and answer.verdict is AffectedStatus.NOT_AFFECTED:
            return Answer(AffectedStatus.UNKNOWN, f"some versions are free text: {rule.unclear}")
        return answer

    def _search(self, asset: Asset) -> tuple[_Product, ...]:
        """The products of a model: exact matches, otherwise possible ones; and its systems."""
        vendors = self._names_of.vendors(asset.vendor)
        found = list(self._models(asset, vendors)) if asset.model else []
        same = [one for one in found if one.likeness is ProductMatch.SAME]
        return tuple((same or found) + list(self._systems(asset, vendors)))

    def _models(self, asset: Asset, vendors: tuple[str, ...]) -> Iterator[_Product]:
        scheme = self._names_of.scheme(asset.vendor)
        for number, name in self._near(asset, vendors).items():
            likeness = self._names_of.likeness(asset, name)
            if likeness is not ProductMatch.OTHER:
                yield _Product(number, name, scheme, likeness, system=False)

    def _near(self, asset: Asset, vendors: tuple[str, ...]) -> dict[int, str]:
        """Products with all numbers of the model, or with its whole name: no other one is the model or its variant."""
        found: dict[int, str] = {}
        for vendor in vendors:
            first, *others = (dict(self._named(vendor, term)) for term in self._names_of.terms(asset))
            found |= {number: name for number, name in first.items() if all(number in one for one in others)}
            found |= dict(self._named(vendor, key(asset.model)))
        return found

    def _systems(self, asset: Asset, vendors: tuple[str, ...]) -> Iterator[_Product]:
        for system in self._names_of.systems(asset):
            for name in system.cpe:
                for vendor in vendors:
                    for number, product in self._named(vendor, key(name)):
                        yield _Product(number, product, system.scheme, ProductMatch.SAME, system=True)

    def _named(self, vendor: str, term: str) -> Iterator[tuple[int, str]]:
        found = "SELECT id, name FROM words JOIN products ON products.id = words.product"
        yield from self._base.execute(f"{found} WHERE words.vendor = ? AND word = ?", (vendor, term))

    def _read(self, product: int) -> tuple[_Rule, ...]:
        statement = "SELECT cve, source, ranges, hardware, unclear FROM rules WHERE product = ?"
        return tuple(
            _Rule(name_of(cve), SOURCES[source], ranges_of(ranges), _names(hardware), unclear)
            for cve, source, ranges, hardware, unclear in self._base.execute(statement, (product,))
        )
