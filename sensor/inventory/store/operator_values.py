"""The values and rules of the operator in the store. Those of a merged device apply to the one into which it was
merged.
"""

from __future__ import annotations

import json
import sqlite3

from sensor.inventory.corrections import FIELDS, Correction
from sensor.inventory.rules import ALLOW, FORBID, Rule, parse_service


def corrections_of(base: sqlite3.Connection) -> dict[str, dict[str, Correction]]:
    """See ``Store.corrections``."""
    successors = dict(
        base.execute("SELECT lost_key, kept_key FROM mergers WHERE NOT undone ORDER BY number").fetchall()
    )
    corrections: dict[str, dict[str, Correction]] = {}
    wanted = (
        "SELECT key, field, value, author, ts, reason, number FROM words "
        "WHERE state = 'said' AND field IN (SELECT value FROM json_each(?)) ORDER BY number"
    )
    known = {row[0] for row in base.execute("SELECT key FROM devices WHERE key IN (SELECT lost_key FROM mergers)")}
    for row in base.execute(wanted, (json.dumps(FIELDS),)):
        correction = Correction(*row)
        owner = correction.key
        for _ in range(len(successors)):
            if owner in known or owner not in successors:
                break
            owner = successors[owner]
        mine = corrections.setdefault(owner, {})
        mine.pop(correction.field, None)
        if correction.value:
            mine[correction.field] = correction
    return {owner: mine for owner, mine in corrections.items() if mine}


def rules_of(base: sqlite3.Connection) -> list[Rule]:
    """The operator's rules as entered. Rules about a merged device apply to the one it was merged into."""
    successors = dict(
        base.execute(
            "SELECT lost, kept FROM mergers WHERE NOT undone AND lost NOT IN (SELECT id FROM devices) ORDER BY number"
        ).fetchall()
    )
    rows = base.execute(
        "SELECT * FROM words WHERE state = 'said' AND field IN (?, ?) ORDER BY number", (ALLOW, FORBID)
    ).fetchall()
    rules = []
    for row in rows:
        client, server, service = row["value"].split(" ")
        rules.append(
            Rule(
                _successor(client, successors), _successor(server, successors),
                parse_service(service), row["field"] == ALLOW,
                row["number"], row["author"], row["ts"], row["reason"],
            )
        )  # fmt: skip
    return rules


def _successor(device: str, successors: dict[str, str]) -> str:
    for _ in range(len(successors)):
        if device not in successors:
            break
        device = successors[device]
    return device
