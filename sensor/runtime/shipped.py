"""Reads everything that the sensor ships, so that the caches beside the files exist (documents/shipped.py): for
packages, whose users have no permission to write there.
"""

from __future__ import annotations

from sensor.fingerprinting.load import load_knowledge
from sensor.fingerprinting.starts import load_starts
from sensor.intel.defaults import load_defaults
from sensor.intel.signatures import load_signatures
from sensor.posture.recommendations.knowledge import load_advice
from sensor.posture.recommendations.tables import factory_names, outside, places, supports
from sensor.posture.vulnerabilities.curated import load_curated
from sensor.posture.vulnerabilities.names import load_names


def read_all() -> None:
    """Raises DocumentErrors."""
    load_knowledge()
    for subject in ("exploits", "frameworks"):
        load_signatures(subject)
    for load in (load_starts, load_defaults, load_advice, factory_names, outside, places, supports, load_curated):
        load()
    load_names()


if __name__ == "__main__":
    read_all()
