"""The assessments of a dataset: score, weaknesses, recommendations and paths of attack."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sensor.core.foreign import part, tidy
from sensor.inventory.store.reader import Reader
from sensor.posture.firewall.view import Baseline
from sensor.posture.picture import AssessmentInputs, Picture
from sensor.views.dataset import Data
from sensor.views.latest import known_of

Record = dict[str, Any]


def picture_of(data: Data, around: AssessmentInputs) -> Picture:
    """All assessments of a dataset. They remain usable after the dataset was closed, except for the evidence of devices
    and their earlier addresses.
    """
    known = known_of(data)
    if not data.inventory:
        return Picture(known, around)
    reader = Reader(Path(), data.base)
    baseline = Baseline(dict(reader.habits()), reader.watched())

    def details(record: Record) -> Record:
        return reader.details(tidy(part(record, "device").get("id"))) or record

    return Picture(known, around, baseline, details)
