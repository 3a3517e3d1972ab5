"""A weakness: one fault of one device, from any source, with its fix. Scores, tickets, paths and reports are derived
from these.

It comes from a vulnerability of the firmware, or from a recommendation about a setting. Its points, 0 to 100, are the
priority of the vulnerability (``priority.py``), or those in ``SETTING_POINTS``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from sensor.core.alert import Severity
from sensor.core.ids import entity_id
from sensor.core.record_parts import objects
from sensor.posture.recommendations.knowledge import load_advice
from sensor.posture.vulnerabilities.about import About
from sensor.posture.vulnerabilities.asset import Asset
from sensor.posture.vulnerabilities.finding import Finding
from sensor.posture.vulnerabilities.ranges import AffectedStatus

SETTING_POINTS = {
    Severity.info: 3.0,
    Severity.low: 10.0,
    Severity.medium: 30.0,
    Severity.high: 55.0,
    Severity.critical: 80.0,
}
# CVSS score from which a vulnerability has a severity (CVSS 3.1, section 5); an unrated one is medium.
RATED = ((9.0, Severity.critical), (7.0, Severity.high), (4.0, Severity.medium), (0.0, Severity.low))
VULNERABILITY, SETTING = "vulnerability", "setting"
SEE_FIRMWARE = (
    "A packet of the device contains the new version, and `sensor vulns device` no longer lists the vulnerability."
)
FIND_OUT = (
    "Look up the firmware version on the device and set it (`sensor devices set … firmware=`), or "
    "update to the newest version."
)
COMPARE = (
    "The operator set this version, and no packet confirms it: if an advisory lists it (see `sensor "
    "vulns show`), update the device."
)

Body = Mapping[str, Any]


class Fix(NamedTuple):
    """A fix: the same ``key`` is the same work on another device. ``makers``: vendor → location in its devices;
    ``test``: how to verify the fix.
    """

    key: str
    title: str
    steps: str
    test: str
    makers: Mapping[str, str] = {}


class Proof(NamedTuple):
    """The packet behind a weakness. ``ts``: in the time format of records; ``event``: its description; ``seen``: the
    field and its value.
    """

    ts: str = ""
    event: str = ""
    seen: str = ""


class Weakness(NamedTuple):
    """``name``: the CVE or the setting; ``sure``: False if it is unknown whether the device is affected; ``id``: of
    device and name, permanent.
    """

    id: str
    device: str
    kind: str
    name: str
    title: str
    severity: Severity
    points: float
    sure: bool
    why: str
    fix: Fix
    proof: Proof


def of_vulnerability(asset: Asset, finding: Finding, about: About, points: float) -> Weakness:
    """From a finding other than ``not affected``."""
    claim = asset.proof[0] if asset.proof else {}
    proof = Proof(
        _text(claim.get("last") or claim.get("first")), _text(claim.get("observation")), _text(claim.get("seen"))
    )
    return Weakness(
        entity_id("weakness", f"{asset.id}|{finding.cve}"),
        asset.id,
        VULNERABILITY,
        finding.cve,
        about.title or finding.cve,
        rated(about.cvss),
        points,
        finding.verdict is AffectedStatus.AFFECTED,
        finding.reason,
        _update(asset, about),
        proof,
    )


def of_recommendation(record: Body, device: str) -> Weakness:
    """From an open record about a known device."""
    body = record.get("recommendation") or {}
    severity = Severity.__members__.get(_text(record.get("severity")), Severity.medium)
    setting, proofs, why = _text(body.get("setting")), objects(record.get("evidence")), body.get("why")
    first = proofs[0] if proofs else {}
    return Weakness(
        entity_id("weakness", f"{device}|{setting}"),
        device,
        SETTING,
        setting,
        _text(body.get("title")),
        severity,
        SETTING_POINTS[severity],
        True,
        " ".join(map(_text, why)) if isinstance(why, list) else "",
        _change(body),
        Proof(_text(first.get("ts")), _text(first.get("event")), _text(body.get("seen"))),
    )


def rated(cvss: float | None) -> Severity:
    """The severity of a score."""
    return Severity.medium if cvss is None else next(severity for least, severity in RATED if cvss >= least)


def _update(asset: Asset, about: About) -> Fix:
    """The fix is the same for all devices with the same product and version; if the version is unknown, for the
    product.
    """
    product = asset.product or asset.os or asset.type
    if asset.firmware and not asset.proof:
        key = f"version|{asset.vendor}|{asset.model or asset.os}|{asset.firmware}"
        return Fix(key, f"Determine whether {product} {asset.firmware} is affected", COMPARE, SEE_FIRMWARE)
    if asset.trouble:
        return Fix(
            f"version|{asset.vendor}|{asset.model or asset.os}",
            f"Determine the firmware version of {product}",
            FIND_OUT,
            SEE_FIRMWARE,
        )
    steps = " ".join(filter(None, (f"Fixed in {about.fixed}." if about.fixed else "", about.advice)))
    key = f"update|{asset.vendor}|{asset.model or asset.os}|{asset.firmware}"
    return Fix(key, f"Update {product} from {asset.firmware}", steps, SEE_FIRMWARE)


def _change(body: Body) -> Fix:
    """The fix is the same for all devices with the setting, or of a product, if the record names one; its location
    differs by vendor.
    """
    setting, product = _text(body.get("setting")), _text(body.get("product"))
    known = load_advice().get(setting)
    key, title = f"setting|{setting}", _text(body.get("title"))
    if product:
        key, title = f"{key}|{product}", f"{title}: {product}"
    return Fix(key, title, _text(body.get("fix")), _text(body.get("test")), known.makers if known is not None else {})


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
