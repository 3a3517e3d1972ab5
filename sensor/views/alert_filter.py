"""Filters of lists of alerts. A value that no alert can have is an error that names the nearest valid one."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from fnmatch import translate

import msgspec

from sensor.tables.notes import VERDICTS
from sensor.views.alert_groups import NOBODY, NONE, Group, Groups, named
from sensor.views.errors import one_of
from sensor.views.known_values import check_detectors, check_vlans
from sensor.views.severity_levels import levels_of

STATES = ("open", "acknowledged", "closed")
# Fields whose filter values must exist.
EITHER = ("state", "verdict", "assignee", "site")


class AlertFilter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Several values of one field are alternatives, several fields must all match. ``severity``: as in ``levels_of``;
    ``detector``: a pattern with * and ?; times in ns, of when an alert was last seen; ``source``, ``target``,
    ``device``: an address, a network, a MAC, a device id or a name.
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
    """Number of alerts in each group that matches a filter. Raises Unknown if the filter names a value that does not
    exist.
    """
    one_of("state", wanted.state, STATES)
    levels_of(wanted.severity)
    one_of("verdict", wanted.verdict, (*VERDICTS, NONE))
    one_of("assignee", wanted.assignee, {NOBODY, *_known(groups, wanted, "assignee")} - {""})
    one_of("site", wanted.site, _known(groups, wanted, "site") - {""})
    check_vlans(() if wanted.vlan is None else (wanted.vlan,))
    check_detectors(wanted.detector, lambda: _known(groups, wanted, "detector"))
    fits = _tests(wanted)
    if not fits:
        return Counter({number: count for number, (_, count) in groups.items()})
    return Counter({number: count for number, (group, count) in groups.items() if all(test(group) for test in fits)})


def _known(groups: Groups, wanted: AlertFilter, name: str) -> set[str]:
    """The values that alerts have in a field, if the filter names some."""
    return {getattr(group, name) for group, _ in groups.values()} if getattr(wanted, name) else set()


def _tests(wanted: AlertFilter) -> list[Callable[[Group], bool]]:
    """The conditions on groups, only for fields that the filter names."""
    tests: list[Callable[[Group], bool]] = []
    if wanted.severity:
        levels = levels_of(wanted.severity)
        tests.append(lambda group: group.severity in levels)
    tests += [_one_of(name, either) for name in EITHER if (either := set(getattr(wanted, name)))]
    if wanted.detector:
        several = [re.compile(translate(pattern)).match for pattern in wanted.detector]
        tests.append(lambda group: any(match(group.detector) for match in several))
    return tests


def _one_of(name: str, either: set[str]) -> Callable[[Group], bool]:
    return lambda group: named(name, getattr(group, name)) in either
