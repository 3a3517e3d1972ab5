"""Past matches of new and changed rules in the traffic records, for alerts that are marked as retrospective."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from sensor.core.addresses import Networks
from sensor.core.alert import Alert
from sensor.records.query import Query, QueryError, Range
from sensor.records.rule_matches import retrospective, rule_matches, unknown_in_records
from sensor.rules.load import Loaded, Rules
from sensor.rules.uses import uses

DAYS = 30
DAY_US = 86_400_000_000
# Limit on rules of one look-back; pause after each step, so that the engine keeps most of the processor.
RULES_MOST, PAUSE_S = 32, 0.05
MEMORY_MIB, SECONDS = 256, 120.0


def changed_rules(before: Rules, after: Rules) -> list[Loaded]:
    """Enabled rules that are new or differ from before."""
    known = {one.rule.id: one for one in before.loaded}
    return [one for one in after.loaded if one.rule.enabled and not one.same_as(known.get(one.rule.id))]


def past_matches(
    records: Path, rules: Sequence[Loaded], networks: Networks, now: int, pause: Callable[[float], None] = time.sleep
) -> tuple[list[Alert], list[str]]:
    """Alerts of the last days, and the rules that were not searched for, as text. ``now``: ns. Raises NoRecords."""
    alerts, faults = list[Alert](), list[str]()
    if len(rules) > RULES_MOST:
        faults.append(
            f"{len(rules) - RULES_MOST:,} of {len(rules):,} changed rules in past traffic: at most {RULES_MOST} are "
            f"searched at a time; use `sensor rules try PATH --backtest {DAYS}d` for the others"
        )
    within = Range(now // 1000 - DAYS * DAY_US, now // 1000)
    for one in rules[:RULES_MOST]:
        if reasons := unknown_in_records(uses(one.rule, one.sets)):
            faults.append(f"the rule {one.rule.id} in past traffic: {reasons[0]}")
            continue
        query = Query(records, within, memory_mib=MEMORY_MIB, seconds=SECONDS, aside=True)
        try:
            read = uses(one.rule, one.sets)
            found = rule_matches(query, read, one.detector, networks, rest=lambda: pause(PAUSE_S))
            alerts += retrospective(found.alerts, one.rule.id, now + len(alerts))
        except QueryError as error:
            faults.append(f"the rule {one.rule.id} in past traffic: {error}")
        finally:
            query.close()
    return alerts, faults
