"""Scoring: all rules that raise the severity of a finding: actor, target, and whether the other endpoint is on a
threat list and answered.

A detector sets the usual severity of its finding. If it did not adjust the severity itself, one of medium or higher
severity rises by one step if the actor is a fixed-function device, by one if the operator marked an endpoint as
critical, and by one if the other endpoint is on a threat list and answered. A finding below medium is never raised to
an alert, and a finding explained by a role that the operator assigned has at most low severity. All of this is shown as
terms of the risk score.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from sensor.alerts.roles import Roles
from sensor.core.alert import Alert, Severity
from sensor.core.detector import Context
from sensor.core.device import Device
from sensor.core.flow import Flow

# Points of the risk score, 0 to 100, added to those for severity and confidence.
FIXED_FUNCTION, ANSWERED, LISTED = 5, 3, 5
CRITICALITY = {"low": -5, "medium": 0, "high": 5, "critical": 10}
# Number of targets whose criticality is considered.
TARGETS_SCORED = 8


class AlertScorer:
    """Scores alerts by what is known of their endpoints at the current packet."""

    def __init__(self, context: Context, roles: Roles | None = None) -> None:
        self._context, self.roles = context, roles or Roles()

    def scored(self, alert: Alert) -> Alert:
        """The alert with its risk terms and, if they require it, another severity; its ``why`` then includes the
        reason.
        """
        if alert.severity > Severity.low and (role := self.roles.job(alert)):
            milder = (
                f"severity lowered: this is expected of a {role.replace('_', ' ')}, a role that the operator assigned"
            )
            return msgspec.structs.replace(
                alert, terms=self._terms(alert), severity=Severity.low, why=(*alert.why, milder)
            )
        terms, reasons = self._terms(alert), []
        if not terms:
            return alert
        if alert.usual is not None and alert.severity >= Severity.medium:
            reasons = list(_reasons(alert, terms))
        return msgspec.structs.replace(
            alert,
            terms=terms,
            severity=Severity(min(alert.severity + len(reasons), Severity.critical)),
            why=(*alert.why, *reasons) if alert.severity < Severity.critical else alert.why,
        )

    def _terms(self, alert: Alert) -> dict[str, int]:
        """Points by term, without zeros."""
        actor = self._context.device(alert.actor)
        terms: dict[str, int] = {}
        if actor is not None and actor.fixed_function:
            terms["device_type"] = FIXED_FUNCTION
        if points := self._criticality(alert, actor):
            terms["criticality"] = points
        if _answered(alert):
            terms["answered"] = ANSWERED
        if self._listed(alert):
            terms["listed"] = LISTED
        return terms

    def _criticality(self, alert: Alert, actor: Device | None) -> int:
        """Points of the most critical endpoint."""
        parties = [actor, *map(self._context.device, alert.targets[:TARGETS_SCORED])]
        levels = [CRITICALITY.get(level, 0) for party in parties if party and (level := party.value("criticality"))]
        return max(levels, default=0)

    def _listed(self, alert: Alert) -> bool:
        """Whether an external endpoint is on a threat list."""
        inside, listed = self._context.networks.inside, self._context.intel.address
        ends = (alert.actor,) if alert.target is None else (alert.actor, alert.target)
        return any(
            end.address and not inside(end.address) and listed(end.address, alert.ts) is not None for end in ends
        )


def _answered(alert: Alert) -> bool:
    """Whether the other endpoint answered, according to the flow of the proof or the detector's count."""
    return bool(alert.numbers.get("answered")) or any(
        isinstance(proof, Flow) and proof.answered for proof in alert.proof
    )


def _reasons(alert: Alert, terms: dict[str, int]) -> Iterator[str]:
    """The reasons for a severity above the usual one. A detector that already deviated from its usual severity has
    considered the actor itself.
    """
    if "device_type" in terms and alert.severity == alert.usual:
        yield "raised: the actor is a fixed-function device, which does not administer other hosts"
    if terms.get("criticality", 0) > 0:
        yield "raised: the operator marked the actor or the target as critical"
    if "listed" in terms and "answered" in terms:
        yield "raised: the target is on a threat list and answered"
