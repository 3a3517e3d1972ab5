"""Firewall requests for an alert, an incident, a recommendation or an address, without those that must not
be blocked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from sensor.core.foreign import tidy
from sensor.posture.firewall.contacts import (
    about_a_name,
    alerts_of,
    contacts_of,
    contacts_with,
    inside,
    reassigned,
    without_refused,
)
from sensor.posture.firewall.model import Host, Match, Request, block_text
from sensor.posture.firewall.refuse import Refusals
from sensor.posture.firewall.requests import Contact, Spec, request_without_contacts, requests_of
from sensor.posture.firewall.view import View
from sensor.posture.firewall.work import allowed, is_about_work, requests_of_work, work_of


class Question(NamedTuple):
    """``what``: id of an alert, an incident or a recommendation; empty if ``spec`` has a block. ``allow``: exempt
    hosts, as the operator names them; ``force``: override refusals.
    """

    what: str
    spec: Spec
    allow: Sequence[str] = ()
    force: bool = False


class Remark(NamedTuple):
    """Why something is not suggested, or applies to all hosts. ``code``: of the error catalogue; ``forcible``: `force`
    overrides it.
    """

    text: str
    code: str
    forcible: bool = False


class Suggested(NamedTuple):
    """Requests, with remarks; without requests the remarks give the reasons."""

    requests: list[Request]
    remarks: list[Remark]


def suggested(question: Question, view: View, clock: Callable[[Any], str]) -> Suggested:
    """The requests. ``clock`` formats times. Raises TooWide, UnknownHost if ``allow`` has a host that cannot be
    exempt.
    """
    remarks: list[Remark] = []
    if is_about_work(question.what):
        return Suggested(_of_work(question, view, clock, remarks), remarks)
    block = question.spec.block
    contacts = _contacts(question, view, remarks) if block is None else contacts_with(block, view, question.spec.match)
    if block is None and not contacts:
        return Suggested([], remarks)
    return Suggested(_of_contacts(question, contacts, view, remarks), remarks)


def _of_contacts(question: Question, contacts: list[Contact], view: View, remarks: list[Remark]) -> list[Request]:
    exempt = _exempted(question, contacts, view)
    keys = {party.key for party in exempt}
    spec, contacts = question.spec._replace(allow=exempt), [one for one in contacts if one.machine.key not in keys]
    if not question.force:
        if spec.block is not None and (why := Refusals(view.seen.machines).of_block(spec.block)):
            remarks.append(Remark(f"refused: {why}", "firewall.refused", forcible=True))
            return []
        left = _without_refused(spec, contacts, view, remarks)
        if contacts and not left:
            return []
        contacts = left
    if not contacts:
        return _without_contacts(question.what, spec, view, remarks)
    made = requests_of(contacts, spec)
    why = "the hosts have no addresses of the same family"
    remarks += [Remark(f"skipped: {one.title}: {why}", "firewall.left-out") for one in made if not one.rules]
    return [one for one in made if one.rules]


def _without_refused(spec: Spec, contacts: list[Contact], view: View, remarks: list[Remark]) -> list[Contact]:
    whole = spec.block is not None and spec.match is None and not spec.everyone
    left, reasons = without_refused(contacts, view, whole=whole) if contacts else ([], [])
    verb = "skipped" if left else "refused"
    remarks += [Remark(f"{verb}: {reason}", "firewall.refused", forcible=True) for reason in reasons]
    return left


def _without_contacts(what: str, spec: Spec, view: View, remarks: list[Remark]) -> list[Request]:
    """Without observed contacts, or if all are exempt: rules for a block apply to all other hosts."""
    if spec.block is None:
        remarks.append(Remark(f"{what}: all its hosts are exempt: nothing to block", "firewall.nothing-to-block"))
        return []
    observed, others = ("only exempt hosts were", "all other") if spec.allow else ("no host was", "all")
    text = f"{observed} observed to contact {block_text(spec.block)}: the rules cover {others} hosts"
    remarks.append(Remark(text, "firewall.nothing-to-block"))
    return [request_without_contacts(spec, spec.block, outside=not inside(spec.block, view))]


def _of_work(question: Question, view: View, clock: Callable[[Any], str], remarks: list[Remark]) -> list[Request]:
    records = work_of(view.known, question.what)
    if not records:
        lists = "`sensor posture recommendations` lists them"
        text = f"no recommendation {question.what!r} in the log: {lists}"
        remarks.append(Remark(text, "recommendation.unknown"))
        return []
    requested = requests_of_work(records, question.spec, view, question.allow, clock, force=question.force)
    remarks += [Remark(f"skipped: {one}", "firewall.left-out") for one in requested.left_out]
    return requested.requests


def _exempted(question: Question, contacts: list[Contact], view: View) -> tuple[Host, ...]:
    """Exempt hosts. Raises TooWide, UnknownHost."""
    users, servers = dict.fromkeys(one.machine for one in contacts), dict.fromkeys(one.peer for one in contacts)
    return allowed(question.allow, list(users), list(servers), question.spec.match or Match(), view)


def _contacts(question: Question, view: View, remarks: list[Remark]) -> list[Contact]:
    """Contacts to block according to the alerts; none after a remark."""
    what, alerts = question.what, alerts_of(view.known, question.what)
    if not alerts:
        lists = "`sensor alerts` and `sensor posture recommendations` list them"
        text = f"no alert, incident or recommendation {what!r} in the log: {lists}"
        remarks.append(Remark(text, "alert.unknown"))
        return []
    names = [] if question.force else [record for record in alerts if about_a_name(record)]
    why = "block the domain at the resolver, not the resolver itself"
    remarks += [Remark(f"skipped: {tidy(one.get('msg'))}: {why}", "firewall.refused", forcible=True) for one in names]
    why = "another device has this address now: it is not blocked"
    moved = [Remark(f"skipped: {address}: {why}", "firewall.left-out") for address in reassigned(alerts, view)]
    remarks += moved
    contacts = contacts_of([record for record in alerts if record not in names], view)
    if not contacts and not names and not moved:
        text = f"{what}: its alerts contain no address pair that a firewall could block"
        remarks.append(Remark(text, "firewall.nothing-to-block"))
    return contacts
