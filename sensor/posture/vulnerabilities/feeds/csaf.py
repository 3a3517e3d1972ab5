"""CSAF 2.0 advisories (docs.oasis-open.org/csaf): branches of the product tree that are known to be affected by a CVE.

A version is the branch ``product_version``; a range is text: ``<5.3``, ``<= 5.9.8``, ``vers:generic/>=1.0|<1.4``. Other
text is kept unparsed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from sensor.core.lazy_pattern import lazy_pattern
from sensor.posture.vulnerabilities.feeds.entry import (
    AFFECTS_LIMIT,
    Affects,
    Broken,
    Entry,
    cve_of,
    grouped,
    list_of,
    number_of,
    object_of,
    text_of,
)
from sensor.posture.vulnerabilities.ranges import Range

DEPTH_LIMIT = 32
_STATUSES = ("known_affected", "first_affected", "last_affected")
_BOUND = lazy_pattern(r"(<=|>=|<|>|=)?\s*([vVrR]?\d[\w.()+ -]{0,63})\Z")


class _Product(NamedTuple):
    vendor: str
    name: str
    version: Range | str


def entries_of(document: dict[str, Any]) -> Iterator[Entry | Broken]:
    """One entry per CVE of the advisory. Raises ValueError if it is invalid."""
    about = object_of(document.get("document"))
    if not text_of(about.get("csaf_version"), 8).startswith("2."):
        raise ValueError("found no csaf_version, expected a CSAF 2 advisory")
    advisory, tree = _identity(about), object_of(document.get("product_tree"))
    products = {
        name: product
        for branch in list_of(tree.get("branches"))
        for name, product in _leaves(object_of(branch), _Product("", "", ""), 0)
    }
    _join(products, tree)
    for number, vulnerability in enumerate(map(object_of, list_of(document.get("vulnerabilities")))):
        try:
            yield _entry(about, advisory, vulnerability, products)
        except ValueError as error:
            yield Broken(f"{advisory} vulnerabilities[{number}]", str(error))


def _identity(about: dict[str, Any]) -> str:
    """Its publisher and the id that this one gave it (CSAF 2.0, 3.2.1.12.4). Raises ValueError without an id."""
    name = text_of(object_of(about.get("tracking")).get("id"))
    if not name:
        raise ValueError("found no tracking id, expected a CSAF 2 advisory")
    return f"{text_of(object_of(about.get('publisher')).get('namespace'))} {name}".strip()


def _entry(about: dict[str, Any], advisory: str, vulnerability: dict[str, Any], products: dict[str, _Product]) -> Entry:
    """One CVE. Raises ValueError if it is invalid."""
    tracking, scores = object_of(about.get("tracking")), list_of(vulnerability.get("scores"))
    rated = [number_of(object_of(object_of(one).get("cvss_v3")).get("baseScore"), 10) for one in scores]
    score = max((one for one in rated if one is not None), default=None)
    affected, cut = _affected(vulnerability, products)
    return Entry(
        cve_of(vulnerability.get("cve")),
        text_of(vulnerability.get("title"), 400) or text_of(about.get("title"), 400),
        grouped(map(_affects, affected)), score,
        "3" if score is not None else "", text_of(tracking.get("initial_release_date"))[:10],
        text_of(tracking.get("current_release_date")), cut=cut, advisory=advisory,
    )  # fmt: skip


def stamp_of(document: dict[str, Any]) -> str:
    return text_of(object_of(object_of(document.get("document")).get("tracking")).get("current_release_date"), 32)


def _affected(vulnerability: dict[str, Any], products: dict[str, _Product]) -> tuple[list[_Product], bool]:
    """Known affected products, and whether others are left out: those over the limit, and those without a vendor and a
    name. The first and the last affected version are affected; whether others are is unknown.
    """
    status = object_of(vulnerability.get("product_status"))
    named = [(name, products.get(text_of(one))) for name in _STATUSES for one in list_of(status.get(name))]
    usable = [(name, one) for name, one in named if one is not None and one.vendor and one.name]
    found: list[_Product] = []
    for name, product in usable[:AFFECTS_LIMIT]:
        found.append(product)
        if name != _STATUSES[0]:
            found.append(product._replace(version=f"{name.replace('_', ' ')}: {product.version}"))
    return found, len(named) > len(usable[:AFFECTS_LIMIT])


def _leaves(branch: dict[str, Any], above: _Product, depth: int) -> Iterator[tuple[str, _Product]]:
    """(product id, product) of each leaf."""
    category, name = branch.get("category"), text_of(branch.get("name"))
    if category == "vendor":
        above = above._replace(vendor=name)
    elif category in ("product_name", "product_family"):
        above = above._replace(name=name if category == "product_name" or not above.name else above.name)
    elif category in ("product_version", "product_version_range"):
        above = above._replace(version=version_of(name))
    product = object_of(branch.get("product"))
    if identity := text_of(product.get("product_id")):
        yield identity, above
    if depth < DEPTH_LIMIT:
        for below in list_of(branch.get("branches")):
            yield from _leaves(object_of(below), above, depth + 1)


def _join(products: dict[str, _Product], tree: dict[str, Any]) -> None:
    """A relationship (firmware installed on a device) becomes the product with the version: the firmware, on its
    device.
    """
    for relationship in map(object_of, list_of(tree.get("relationships"))):
        part = products.get(text_of(relationship.get("product_reference")))
        whole = products.get(text_of(relationship.get("relates_to_product_reference")))
        identity = text_of(object_of(relationship.get("full_product_name")).get("product_id"))
        if identity and part is not None and whole is not None:
            products[identity] = whole._replace(version=part.version or whole.version)


def version_of(text: str) -> Range | str:
    """A range, or the text if it cannot be compared."""
    text = text.strip()
    scheme, slash, rest = text.partition("/")
    bounds = rest.split("|") if slash and scheme.startswith("vers:") else [text]
    if bounds == ["*"]:
        return Range()
    found = [_BOUND.match(one.strip()) for one in bounds]
    made = Range()
    for bound in found:
        if bound is None or (len(found) > 1 and (not bound[1] or bound[1] == "=")):
            return text
        sign, version = bound[1] or "=", bound[2].strip()
        if sign == "=":
            return Range(version, version, through=True)
        taken = made.end if sign[0] == "<" else made.start
        if taken:
            return text
        made = (
            made._replace(end=version, through=sign == "<=")
            if sign[0] == "<"
            else made._replace(start=version, after=sign == ">")
        )
    return made


def _affects(product: _Product) -> Affects:
    if isinstance(product.version, Range):
        return Affects(product.vendor, product.name, (product.version,))
    return Affects(product.vendor, product.name, unclear=product.version or "the advisory contains no version")
