"""What narrows a list of alerts. Values that no alert could have are errors, which name the nearest valid one."""

from __future__ import annotations

from collections import Counter
from fnmatch import fnmatchcase

import msgspec

from sensor.tables.lines import SEVERITIES
from sensor.tables.notes import VERDICTS
from sensor.views.alert_groups import NOBODY, NONE, Groups, named
from sensor.views.errors import Unknown, one_of

STATES = ("open", "acknowledged", "closed")
# Fields of which a filter names values.
EITHER = ("state", "verdict", "assignee", "site")


class AlertFilter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Several values of one field mean either, several fields mean all. ``severity``: at least; ``detector``: a pattern
    with * and ?; times in ns, of when an alert was seen last; ``source``, ``target``, ``device``: an address, a
    network, a MAC, the id of a device or a name.
    """

    text: str = ""
    state: tuple[str, ...] = ()
    severity: str = ""
    detector: tuple[str, ...] = ()
    verdict: tuple[str, ...] = ()
    assignee: tuple[str, ...] = ()
    site: tuple[str, ...] = ()
    vlan: int | None = None
    source: str = ""
    target: str = ""
    device: str = ""
    since: int | None = None
    until: int | None = None


EVERY_ALERT = AlertFilter()


def groups_that_fit(groups: Groups, wanted: AlertFilter) -> Counter[int]:
    """How many alerts are in each group that a filter leaves. Unknown where it names what there is not."""
    known = [group for group, _ in groups.values()]
    one_of("state", wanted.state, STATES)
    one_of("severity", [wanted.severity] if wanted.severity else [], SEVERITIES)
    one_of("verdict", wanted.verdict, (*VERDICTS, NONE))
    one_of("assignee", wanted.assignee, {NOBODY, *(group.assignee for group in known if group.assignee)})
    one_of("site", wanted.site, {group.site for group in known})
    _check_detectors(wanted.detector, {group.detector for group in known})
    least = SEVERITIES.index(wanted.severity) if wanted.severity else 0
    values = {name: set(getattr(wanted, name)) for name in EITHER if getattr(wanted, name)}
    return Counter(
        {
            number: count
            for number, (group, count) in groups.items()
            if group.severity >= least
            and all(named(name, getattr(group, name)) in either for name, either in values.items())
            and (not wanted.detector or any(fnmatchcase(group.detector, pattern) for pattern in wanted.detector))
        }
    )


def _check_detectors(patterns: tuple[str, ...], known: set[str]) -> None:
    """A pattern may match nothing; a name must be one of a detector that told an alert."""
    for pattern in patterns:
        if not set(pattern) & set("*?[") and pattern not in known:
            raise Unknown("detector", pattern, known)
