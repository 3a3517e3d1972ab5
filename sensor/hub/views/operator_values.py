"""Values of devices that operators set, in lists and on the page of a device of the hub."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sensor.core.foreign import part
from sensor.core.record_parts import claim_body, objects, time_text
from sensor.hub.device_values import FIELDS, values_of
from sensor.hub.views.ids import joined
from sensor.hub.views.query import Conditions, Reader, like
from sensor.inventory.corrections import Correction, evidence_of, onto_body
from sensor.views.devices import DeviceFilter

# In filters and facets: without a criticality.
NONE = "none"


def add_conditions(wanted: DeviceFilter, test: Conditions) -> None:
    """Conditions on owner, criticality and tags. The tests of "not empty" are those of partial indices."""
    if wanted.criticality:
        chosen = ["" if one == NONE else one for one in wanted.criticality]
        test.add_any("d", "criticality", "criticality", chosen)
        if "" not in chosen:
            test.add("d.criticality <> ''")
    if wanted.owner:
        test.add("d.owner <> '' AND d.owner ILIKE %(owner)s", owner=like(wanted.owner))
    if wanted.tag:
        tags = [tag.lower() for tag in wanted.tag]
        test.add("d.tags <> '{}' AND %(tags)s::text[] <@ ARRAY(SELECT lower(unnest(d.tags)))", tags=tags)


def with_values(
    reader: Reader, record: dict[str, Any], sensor: int, name: str, applied: dict[str, Correction]
) -> dict[str, Any]:
    """A record with the operator values of the hub, as a sensor shows its own. ``applied``: of its row."""
    key = joined(sensor, name)
    changes = values_of(reader, sensor, name, key)
    newest = {one.field: one for one, undone in reversed(changes) if not undone}
    corrections = {field: newest.get(field, one) for field, one in applied.items()}
    evidence = [claim_body(evidence_of(one)) for one in corrections.values()]
    return record | {
        "key": key,
        "device": onto_body(part(record, "device"), corrections),
        "evidence": [*evidence, *objects(record.get("evidence"))],
        "said": [{"field": one.field, "value": one.value} for one in corrections.values()],
        "history": [_change(one, undone) for one, undone in reversed(changes)],
    }


def _change(one: Correction, undone: bool) -> dict[str, Any]:
    shown = {"ts": time_text(one.ts), "number": str(one.number), "what": f"{one.field}={one.value}"}
    return shown | {"author": one.author, "reason": one.reason, "state": "undone" if undone else "said"}


def in_row(values: Sequence[str | list[str] | None]) -> dict[str, Correction]:
    """Operator values by field, from the columns of a device for FIELDS."""
    texts = [", ".join(value) if isinstance(value, list) else value for value in values]
    return {field: Correction("", field, text) for field, text in zip(FIELDS, texts, strict=True) if text}
