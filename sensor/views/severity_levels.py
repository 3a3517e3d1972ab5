"""The severities that the filter of a list selects."""

from __future__ import annotations

from sensor.core.severities import SEVERITIES
from sensor.views.errors import one_of

# Before a value of a filter: exactly this value.
EXACTLY = "="


def levels_of(wanted: str) -> range:
    """Positions in SEVERITIES: ``medium`` is medium and above, ``=medium`` medium alone, empty all. Raises Unknown."""
    name = wanted.removeprefix(EXACTLY)
    one_of("severity", [name] if wanted else [], SEVERITIES)
    least = SEVERITIES.index(name) if wanted else 0
    return range(least, least + 1 if wanted.startswith(EXACTLY) else len(SEVERITIES))
