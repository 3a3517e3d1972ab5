"""Numbers of units on pages are those of this version."""

from __future__ import annotations

from pathlib import Path

import pytest

import sensor.detectors
import sensor.dissectors
from sensor.core.detector import Detector
from sensor.core.dissector import Dissector
from sensor.posture.recommendations.knowledge import load_advice
from sensor.records import hunts_library
from sensor.registry import units

ROOT = Path(__file__).parents[2]
HUNTS = Path(hunts_library.__file__).with_name("hunts")


@pytest.mark.parametrize(
    ("page", "stated"),
    [
        ("README.md", "{detectors} detections"),
        ("README.md", "from {dissectors} protocols"),
        ("README.md", "{hunts} hunts"),
        ("README.md", "{settings} insecure settings"),
        ("docs/understand/data_model.md", "{detectors} [detections]"),
        ("docs/understand/data_model.md", "by {dissectors} protocols"),
        ("docs/understand/data_model.md", "[{settings} insecure settings]"),
        ("docs/improve/recommendations.md", "{settings} recommendations"),
    ],
)
def test_a_page_states_the_number_of_units(page: str, stated: str) -> None:
    counts = {
        "detectors": len(units(sensor.detectors, Detector)),
        "dissectors": len(units(sensor.dissectors, Dissector)),
        "hunts": len(list(HUNTS.glob("*.yaml"))),
        "settings": len(load_advice()),
    }
    assert stated.format(**counts) in (ROOT / page).read_text(encoding="utf-8")
