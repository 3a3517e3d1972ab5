"""Operator changes of devices, written into the inventory as `sensor devices set, tag, merge, split` do."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from sensor.console.parts import each
from sensor.core.foreign import part
from sensor.core.phrases import counted
from sensor.core.reader import clean
from sensor.inventory.corrections import Correction, checked, joined
from sensor.inventory.store.operator_changes import NotUndone
from sensor.posture.lookup import mac_of
from sensor.views.backend import Backend, DeviceChanges
from sensor.views.devices import DeviceFilter
from sensor.views.errors import Ambiguous, Malformed, Unknown, one_of

# Fields that may be set on several devices at once: a name or a serial number belongs to one device.
TOGETHER = ("owner", "criticality", "location", "type")
ACTIONS = ("set", "tag", "untag", "merge", "split", "undo")
REASON_LIMIT = 500
Body = dict[str, Any]


class Plan(NamedTuple):
    """A checked change. ``text``: description for the user; ``write``: applies it and returns the numbers
    that undo it.
    """

    text: str
    write: Callable[[DeviceChanges], list[str]]


def known(views: Backend, names: Sequence[str]) -> list[Body]:
    """Devices by their ids, without duplicates. Raises Unknown, Ambiguous; Malformed if there are no ids."""
    if not names:
        raise Malformed("device", "none", "at least one marked device")
    return [views.device(name) for name in dict.fromkeys(names)]


def the_other(views: Backend, text: str) -> Body:
    """The device that an id, address, MAC or name refers to. Raises Unknown, Ambiguous."""
    correction = text.strip()
    if correction.startswith("dev-"):
        return views.device(correction)
    found = views.devices(DeviceFilter(text=correction), limit=5).rows if correction else []
    exact = [row for row in found if correction.casefold() in {row.ip.casefold(), row.name.casefold(), mac_of(row.mac)}]
    rows = exact or found
    if len(rows) > 1:
        raise Ambiguous(correction, [row.id for row in rows])
    if not rows:
        raise Unknown("device", correction, ())
    return views.device(rows[0].id)


def set_values(records: Sequence[Body], fields: Sequence[str], values: Mapping[str, str], reason: str) -> Plan:
    """Set some of ``fields`` on devices; an empty value removes the operator's value. Unchanged values are not written.
    Raises Malformed.
    """
    corrections = [
        Correction(str(record["key"]), field, value, reason=_reason(reason))
        for record in records
        for field, value in _checked(fields, values).items()
        if value != own_values(record).get(field, "")
    ]
    if not corrections:
        raise Malformed("values", "the current values", "a changed value")
    changed = ", ".join(
        dict.fromkeys(f"{correction.field} = {correction.value or 'as observed'}" for correction in corrections)
    )
    return Plan(
        f"{counted(len({correction.key for correction in corrections}), 'device')}: {changed}",
        lambda changes: changes.correct(corrections),
    )


def retag(records: Sequence[Body], tags: str, reason: str, *, remove: bool) -> Plan:
    """Add tags to devices, or remove them. Raises Malformed."""
    wanted = {tag.strip() for tag in checked("tags", tags).split(",")} - {""}
    if not wanted:
        raise Malformed("tags", tags, "one or more tags, separated by commas")
    corrections = []
    for record in records:
        present = {str(tag) for tag in each(part(record, "device").get("tags"))}
        left = joined(sorted(present - wanted if remove else present | wanted))
        if left not in (joined(sorted(present)), own_values(record).get("tags", "")):
            corrections.append(Correction(str(record["key"]), "tags", left, reason=_reason(reason)))
    if not corrections:
        raise Malformed("tags", tags, "a tag that not all of them have" if remove is False else "an existing tag")
    done = "without" if remove else "with"
    text = f"{counted(len(corrections), 'device')} {done} the tag {', '.join(sorted(wanted))}"
    return Plan(text, lambda changes: changes.correct(corrections))


def merge(keep: Body, lose: Body, reason: str) -> Plan:
    """Merge the second device into the first. Raises Malformed."""
    if keep["key"] == lose["key"]:
        raise Malformed("other", _id(lose), "another device")
    return _order("merge", keep, str(lose["key"]), reason, f"merge of {_id(lose)} into {_id(keep)} ordered")


def split(record: Body, what: str, reason: str) -> Plan:
    """Split a MAC or an address of a device off into a separate device. Raises Unknown."""
    body, mac = part(record, "device"), mac_of(what)
    own = [str(one) for one in (*each(body.get("macs")), *each(body.get("ips")))]
    one_of("other", [mac or what], own)
    other = f"mac:{mac}" if mac else f"ip:{what}"
    return _order("split", record, other, reason, f"split of {what} from {_id(record)} ordered")


def undo(numbers: Sequence[str]) -> Plan:
    """Undo changes by their numbers, last one first. Raises Malformed if none can be undone."""
    for number in numbers:
        if not re.fullmatch(r"m?\d{1,15}", number, re.ASCII):
            raise Malformed("number", number, "the number of a change, such as 12 or m3")

    def write(changes: DeviceChanges) -> list[str]:
        undone = []
        for number in reversed(numbers):
            with contextlib.suppress(NotUndone, Unknown):
                changes.undo(number)
                undone.append(number)
        if not undone:
            raise Malformed("number", ", ".join(numbers), "a change that can be undone and was not undone yet")
        return undone

    return Plan(f"undone: {', '.join(numbers)}", write)


def own_values(record: Body) -> dict[str, str]:
    """Values that operators set on a device, by field."""
    return {
        str(correction.get("field")): str(correction.get("value"))
        for correction in each(record.get("said"))
        if isinstance(correction, dict)
    }


def _checked(fields: Sequence[str], values: Mapping[str, str]) -> dict[str, str]:
    one_of("field", list(values), fields)
    try:
        return {field: checked(field, value) for field, value in values.items()}
    except ValueError as error:
        raise Malformed("value", str(error), "a valid value of the field") from None


def _order(action: str, record: Body, other: str, reason: str, text: str) -> Plan:
    def write(changes: DeviceChanges) -> list[str]:
        why = _reason(reason) or f"set by {changes.author}"
        return [changes.order(action, str(record["key"]), other, why)]

    return Plan(text, write)


def _reason(text: str) -> str:
    return clean(text, REASON_LIMIT).strip()


def _id(record: Body) -> str:
    return str(part(record, "device").get("id"))
