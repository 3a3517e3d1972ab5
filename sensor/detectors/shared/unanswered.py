"""UDP requests without a visible answer, in captures that show one direction only.

There every UDP flow looks unanswered, and contacts of a scan cannot be counted by failure. A program that contacts many
ports or hosts with one to three packets each, and never returns, is recognized by the number alone.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sensor.core.flow import Change, Reason
from sensor.core.ip_protocols import UDP
from sensor.core.row_copies import copied
from sensor.counting.changes import FAILED, SKIP, Changes

FEW = 3


def unanswered(changes: Changes) -> npt.NDArray[np.intp]:
    """Rows of contacts that ended as such a request; none if the capture shows UDP answers."""
    contacts = changes.contacts
    at = np.flatnonzero(
        (contacts["kind"] == Change.ENDED) & (contacts["op"] == SKIP) & (contacts["service"] & 0xFF == UDP)
    )
    if not len(at):
        return at
    rows = changes.rows.take(contacts["row"][at])
    lone = (rows["client_packets"] <= FEW) & (rows["server_packets"] == 0) & (rows["reason"] != Reason.EVICTED)
    # With equal ports, client and server cannot be distinguished.
    found: npt.NDArray[np.intp] = at[lone & (rows["client_port"] != rows["server_port"])]
    return found


def with_unanswered(changes: Changes) -> npt.NDArray[np.void]:
    """The contacts, with such requests as failed ones."""
    at = unanswered(changes)
    if not len(at):
        return changes.contacts
    contacts = copied(changes.contacts)
    contacts["op"][at] = FAILED
    return contacts
