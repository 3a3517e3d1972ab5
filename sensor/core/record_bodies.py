"""Techniques, chapters of incidents and recommendations as JSON objects of records."""

from __future__ import annotations

from sensor.core.attack import Technique
from sensor.core.ids import entity_id
from sensor.core.incident import Chapter
from sensor.core.reader import clean
from sensor.core.recommendation import Recommendation
from sensor.core.record_parts import MSG_LIMIT, TEXT_LIMIT, Body, filled, short_text, time_text


def attack_body(techniques: tuple[Technique, ...]) -> list[Body]:
    """ATT&CK techniques, each with its tactic."""
    return [
        {"tactic": one.tactic, "technique": one.technique, "name": one.name.split(": ", 1)[-1]} for one in techniques
    ]


def chapter_body(chapter: Chapter) -> Body:
    """One alert of an incident."""
    return filled(
        {
            "ts": time_text(chapter.ts),
            "alert": chapter.alert,
            "detector": chapter.detector,
            "severity": chapter.severity.name,
            "msg": clean(chapter.summary, MSG_LIMIT),
            "count": chapter.count,
        }
    )


def recommendation_body(advice: Recommendation, scope: str) -> Body:
    """``scope``: the sensor, of which the id is made (``core.ids``)."""
    return filled(
        {
            "id": entity_id("recommendation", f"{advice.key}#0", scope),
            "setting": advice.setting,
            "title": short_text(advice.title),
            "count": advice.count,
            "first": time_text(advice.first),
            "last": time_text(advice.ts),
            "why": [clean(advice.why, TEXT_LIMIT)],
            "seen": clean(advice.seen, TEXT_LIMIT),
            "fix": clean(advice.fix, TEXT_LIMIT),
            "product": short_text(advice.product),
            "maker": short_text(advice.maker),
            "steps": clean(advice.steps, TEXT_LIMIT),
            "test": clean(advice.test, TEXT_LIMIT),
        }
    )
