"""Text form of the arithmetic of sensor.fingerprinting.fuse, in one line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sensor.core.reader import clean
from sensor.fingerprinting.fuse import (
    CERTAIN,
    ONE_FAMILY,
    SAME_SOURCE,
    SEPARATOR,
    SEVERAL,
    WEAK,
    WEAK_FAMILY,
    is_wider,
)

# Sums from records are only as exact as the three digits of a confidence in them.
CLOSE = 0.006


@dataclass(frozen=True)
class Sum:
    """Combined confidence of the families of evidence for one value, and the sum as text."""

    sure: float
    text: str

    @classmethod
    def of(cls, claims: Iterable[Mapping[str, Any]]) -> Sum:
        """The sum over the claims for one value: the best of each family, then ``1 − Π(1 − c)``, then the maximum for
        these families.
        """
        best: dict[str, float] = {}
        for claim in claims:
            family, confidence = clean(str(claim.get("family") or "")), claim.get("confidence")
            if isinstance(confidence, int | float):
                best[family] = max(best.get(family, 0.0), float(confidence))
        weak = all(family in WEAK for family in best)
        counted = {family: sure for family, sure in best.items() if SAME_SOURCE.get(family) not in best}
        doubt = 1.0
        for sure in counted.values():
            doubt *= 1 - min(sure, CERTAIN)
        most = WEAK_FAMILY if weak and len(best) == 1 else ONE_FAMILY if weak or len(counted) == 1 else CERTAIN
        total = min(1 - doubt, most)
        ordered = sorted(counted.items(), key=lambda one: (-one[1], one[0]))
        if len(ordered) == 1:
            text = f"{ordered[0][0]} {ordered[0][1]:.2f}"
        else:
            text = ", ".join(f"{family} {sure:.2f}" for family, sure in ordered)
            text += (
                ": 1 − " + " × ".join(f"(1 − {min(sure, CERTAIN):.2f})" for _, sure in ordered) + f" = {1 - doubt:.2f}"
            )
        if 1 - doubt > most:
            kind = "weak families" if weak else "one family" if len(counted) == 1 else "any number of families"
            text += f", at most {most:.2f} for {'one weak family' if weak and len(best) == 1 else kind}"
        skipped = sorted(best.keys() - counted.keys())
        return cls(total, text + (f" ({', '.join(skipped)} is the same text and counts once)" if skipped else ""))

    def against(self, attribute: str, value: str, sums: Mapping[str, Sum], reported: object) -> Iterator[str]:
        """What other values subtract, and where the sensor had more evidence than the record contains."""
        rivals: list[str] = []
        wider: list[str] = []
        for key in sums:
            if key != value:
                (wider if is_wider(attribute, key, value) else rivals).append(key)
        if wider:
            yield f"{', '.join(wider)} is a broader term for {value}: no contradiction"
        total = self.sure
        if rivals and self.sure < 1:
            mine, others = _odds(self.sure), [_odds(sums[key].sure) for key in rivals]
            total = mine / (1 + mine + sum(others))
            yield (
                f"against the others: odds {mine:.2f} / (1 + {mine:.2f} + "
                f"{' + '.join(f'{one:.2f}' for one in others)}) = {total:.2f}"
            )
        if isinstance(reported, int | float) and abs(total - reported) > CLOSE:
            yield f"reported as {reported:.2f}: old evidence counts less, and some may not be in this record"


def comparable(attribute: str, value: str) -> str:
    """The same text for values that fusion treats as equal: they differ in case, blanks and hyphens only."""
    return value if attribute in {"type", "vendor"} else value.casefold().replace(" ", "").replace("-", "")


def reported(attribute: str, value: str) -> tuple[str, ...]:
    """The values that an attribute reports, each as ``comparable``: several of them, or one."""
    values = value.split(SEPARATOR) if attribute in SEVERAL else (value,)
    return tuple(comparable(attribute, one) for one in values)


def _odds(sure: float) -> float:
    return sure / (1 - sure)
