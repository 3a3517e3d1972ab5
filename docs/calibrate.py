"""Measures what confidence and severity mean: of the claims made with a confidence, how many are right, on labelled
captures; and writes docs/understand/calibration.md with its plot.

python -m docs.calibrate FOLDER       FOLDER holds manifest.yaml and the captures it lists: ``devices`` with mac, type,
                                      vendor, model; ``benign``; ``expect`` with attacker_ip and victim_ips
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from docs.pictures import FONT
from sensor.capture.files import open_captures
from sensor.config import load_config
from sensor.core.addresses import mac_text
from sensor.core.alert import Severity
from sensor.core.device import Attribute
from sensor.core.observation import Evidence
from sensor.core.record import Record
from sensor.engine.pipeline import Pipeline
from sensor.fingerprinting import fuse as fusion
from sensor.runtime.assembly import assemble

PAGE = Path(__file__).parent / "understand" / "calibration.md"
PLOT = Path(__file__).parent / "pictures" / "calibration.svg"
ATTRIBUTES = ("type", "vendor", "model")
BINS = (0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
# Names of types in labels that the vocabulary has under others.
SAME_TYPE = {"lightbulb": "light", "phone_mobile": "mobile", "other_iot": "iot"}
# Constants of the fusion, and the values that are tried for each.
TRIED = {"ONE_FAMILY": (0.7, 0.75, 0.8, 0.85, 0.9, 0.95), "WEAK_FAMILY": (0.3, 0.4, 0.5, 0.6, 0.7)}
SILENCE = 0.25
SIDE, LEFT, RADIUS = 320, 48, 4
COLORS = {"type": "#1f6feb", "vendor": "#2da44e", "model": "#bf8700"}


class Claim(NamedTuple):
    """One statement of the sensor, with its confidence, and whether the label agrees."""

    what: str
    confidence: float
    right: bool


class Case(NamedTuple):
    """A labelled device: the label, and the evidence for each attribute."""

    label: dict[str, Any]
    evidence: tuple[Evidence, ...]


def words(text: object) -> list[str]:
    return re.findall(r"[a-z0-9]+", str(text or "").lower())


def same_name(reported: object, truth: object) -> bool:
    """Whether one name contains the other, or both share a word of more than two letters."""
    mine, theirs = words(reported), words(truth)
    joined, other = "".join(mine), "".join(theirs)
    common = set(mine) & {word for word in theirs if len(word) > 2}
    return bool(mine and theirs) and (joined in other or other in joined or bool(common))


def agrees(attribute: str, value: object, label: dict[str, Any]) -> bool | None:
    """Whether a value agrees with the label; None if the label has none."""
    if not label.get(attribute):
        return None
    if attribute != "type":
        return same_name(value, label[attribute])
    fair = {SAME_TYPE.get(kind, kind) for kind in (label["type"], *(label.get("acceptable_types") or ()))}
    return value in fair


def read(path: Path) -> tuple[Pipeline, list[Record]]:
    """An engine after it read a capture, and its records."""
    records: list[Record] = []
    engine = assemble(load_config(None), records.append)
    source = open_captures([str(path)])
    for batch in source.batches():
        engine.process(batch)
        batch.release()
    engine.finish()
    source.close()
    return engine, records


def cases_of(engine: Pipeline, labels: Iterable[dict[str, Any]]) -> Iterator[Case]:
    """The labelled devices that the inventory knows, with all their evidence."""
    received: list[tuple[Evidence, ...]] = []

    def listen(evidence: Iterable[Evidence], now: int = 0) -> dict[str, Attribute]:
        received.append(tuple(evidence))
        return fusion.fuse(received[-1], now)

    inventory = engine.inventory
    inventory.fuse = listen
    for queue in (inventory.table.unidentified, inventory.table.identified):
        for record in queue:
            record.stale = True
    known: dict[str, tuple[Evidence, ...]] = {}
    for device in inventory.devices():
        known |= {mac_text(mac): received[-1] for mac in device.macs}
    for label in labels:
        evidence = known.get(str(label.get("mac")).lower())
        if evidence is not None:
            yield Case(label, evidence)


def claims_of(cases: Iterable[Case]) -> Iterator[Claim]:
    """The claims that the present fusion derives from the evidence."""
    for case in cases:
        for name, attribute in fusion.fuse(case.evidence).items():
            right = agrees(name, attribute.value, case.label) if name in ATTRIBUTES else None
            if right is not None:
                yield Claim(name, attribute.confidence, right)


def alerts_of(entry: dict[str, Any], records: Iterable[Record]) -> Iterator[tuple[Severity, bool]]:
    """Severity of each alert of a labelled capture, and whether it is right: the capture has an attack, and the alert
    names one of its parties.
    """
    wanted = {
        str(one)
        for want in entry.get("expect") or ()
        for one in (want.get("attacker_ip"), *(want.get("victim_ips") or ()))
    }
    for record in records:
        if record.kind == "alert" and record.action == "open" and "benign" in entry:
            ends = [end for end in (record.src, record.dst, *(record.targets or ())) if isinstance(end, dict)]
            named = {str(end.get("ip")) for end in ends}
            right = entry["benign"] is False and (not wanted or bool(named & wanted))
            yield Severity[record.severity], right


def brier(claims: Sequence[Claim]) -> float:
    """Mean squared error of the confidence (Brier, 1950): 0 is perfect."""
    return sum((claim.confidence - claim.right) ** 2 for claim in claims) / len(claims) if claims else 0.0


def cost(cases: Sequence[Case]) -> float:
    """Mean squared error over all labels: a label without a claim costs as much as a guess with a confidence of 0.5."""
    total, labels = 0.0, 0
    for case in cases:
        reported = fusion.fuse(case.evidence)
        for name in ATTRIBUTES:
            claim = reported.get(name)
            right = agrees(name, claim.value if claim is not None else "", case.label)
            if right is not None:
                labels += 1
                total += (claim.confidence - right) ** 2 if claim is not None else SILENCE
    return total / labels if labels else 0.0


def fitted(cases: Sequence[Case]) -> dict[str, tuple[float, float, float]]:
    """For each constant of the fusion: the value with the smallest cost while the others stay unchanged, this cost,
    and the cost of the value in use.
    """
    best: dict[str, tuple[float, float, float]] = {}
    for name, values in TRIED.items():
        present, costs = getattr(fusion, name), {}
        for value in (*values, present):
            setattr(fusion, name, value)
            costs[value] = cost(cases)
        setattr(fusion, name, present)
        least = min(costs, key=lambda value: (costs[value], abs(value - present)))
        best[name] = least, costs[least], costs[present]
    return best


def shares(claims: Iterable[Claim]) -> list[tuple[float, float, int, float, float]]:
    """For each bin of confidence: from, to, number of claims, mean confidence, and share of right claims."""
    found = []
    for low, high in pairwise(BINS):
        inside = [
            one for one in claims if low <= one.confidence < high or (high == BINS[-1] and one.confidence == high)
        ]
        if inside:
            mean = sum(one.confidence for one in inside) / len(inside)
            found.append((low, high, len(inside), mean, sum(one.right for one in inside) / len(inside)))
    return found


def drawn(claims: Sequence[Claim]) -> str:
    """The reliability diagram as SVG: a point per bin and attribute; on the diagonal, confidence equals accuracy."""
    parts = [
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{SIDE + 2 * LEFT}' height='{SIDE + 2 * LEFT}' {FONT}>",
        f"<rect x='{LEFT}' y='{LEFT}' width='{SIDE}' height='{SIDE}' fill='none' stroke='#888'/>",
        f"<line x1='{LEFT}' y1='{LEFT + SIDE}' x2='{LEFT + SIDE}' y2='{LEFT}' stroke='#888' stroke-dasharray='4'/>",
        f"<text x='{LEFT}' y='{2 * LEFT + SIDE - 12}'>confidence, 0 to 1</text>",
        f"<text x='{LEFT}' y='{LEFT - 12}'>share of correct claims, 0 to 1</text>",
    ]
    for row, attribute in enumerate(ATTRIBUTES):
        color = COLORS[attribute]
        parts.append(f"<text x='{LEFT + 12}' y='{LEFT + 24 + 18 * row}' fill='{color}'>{attribute}</text>")
        for _, _, _, mean, share in shares([one for one in claims if one.what == attribute]):
            at = LEFT + SIDE * mean, LEFT + SIDE * (1 - share)
            parts.append(f"<circle cx='{at[0]:.1f}' cy='{at[1]:.1f}' r='{RADIUS}' fill='{color}'/>")
    return "\n".join([*parts, "</svg>", ""])


def page(claims: Sequence[Claim], alerts: Sequence[tuple[Severity, bool]], cases: Sequence[Case], captures: int) -> str:
    """The page of the documentation."""
    lines = [
        "# Calibration", "",
        "This page shows how accurate the sensor's confidence and severity are. A confidence of 0.9 should mean that",
        "90 % of such claims are correct. `make calibrate CAPTURES=folder` measures this on labelled captures and",
        f"writes this page. The figures are from {captures} captures with {len(cases)} labelled devices.", "",
        "![Reliability diagram: the share of correct claims by confidence](../pictures/calibration.svg)", "",
        "## Devices", "", "| attribute | confidence | claims | mean confidence | correct |", "|---|---|---|---|---|",
    ]  # fmt: skip
    for attribute in ATTRIBUTES:
        for low, high, count, mean, share in shares([one for one in claims if one.what == attribute]):
            lines.append(f"| {attribute} | {low} to {high} | {count} | {mean:.2f} | {share:.1%} |")
    lines += ["", f"Brier score of all claims (mean squared error, 0 is perfect): {brier(claims):.4f}.", ""]
    lines += ["## Constants of the fusion", ""]
    lines += [
        "For each constant of `sensor/fingerprinting/fuse.py`, the table shows the tested value with the smallest cost",
        "while the others stay unchanged. The cost is the mean squared error over all labels; a label without a claim",
        "is a guess with a confidence of 0.5.",
        "",
    ]
    lines += ["| constant | value in use | cost | best tested value | cost |", "|---|---|---|---|---|"]
    for name, (value, least, present) in fitted(cases).items():
        lines.append(f"| `{name}` | {getattr(fusion, name)} | {present:.4f} | {value} | {least:.4f} |")
    lines += ["", "## Alerts", ""]
    lines += ["Share of the alerts in labelled captures whose actor or target took part in an attack:", ""]
    lines += ["| severity | alerts | of attacks |", "|---|---|---|"]
    for severity in reversed(Severity):
        some = [right for kind, right in alerts if kind == severity]
        if some:
            lines.append(f"| {severity.name} | {len(some)} | {sum(some) / len(some):.1%} |")
    return "\n".join([*lines, ""])


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and write the page and the plot."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--page", type=Path, default=PAGE)
    parser.add_argument("--plot", type=Path, default=PLOT)
    args = parser.parse_args(arguments)
    cases: list[Case] = []
    alerts: list[tuple[Severity, bool]] = []
    captures = 0
    for entry in yaml.safe_load((args.folder / "manifest.yaml").read_text("utf-8"))["captures"]:
        if entry.get("devices") or entry.get("expect") or "benign" in entry:
            engine, records = read(args.folder / entry["path"])
            captures += 1
            cases += cases_of(engine, entry.get("devices") or ())
            alerts += alerts_of(entry, records)
    claims = list(claims_of(cases))
    args.plot.write_text(drawn(claims), "utf-8")
    args.page.write_text(page(claims, alerts, cases, captures), "utf-8")
    print(f"{args.page}: {captures} captures, {len(cases)} devices, {len(claims)} claims, {len(alerts)} alerts")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
