"""UDP requests without a visible answer, in captures that show one direction only.

There every UDP flow looks unanswered, and contacts of a scan cannot be counted by failure. A program that contacts many
ports or hosts with one to three packets each, and never returns, is recognized by the number alone.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sensor.core.flow import Change, Reason
from sensor.core.ip_protocols import UDP
from sensor.counting.changes import FAILED, SKIP, Changes

FEW = 3


def unanswered(changes: Changes) -> npt.NDArray[np.intp]:
    """Which of the contacts are the end of such a question; none where the capture shows answers over UDP."""
    contacts = changes.contacts
    at = np.flatnonzero(
        (contacts["kind"] == Change.ENDED) & (contacts["op"] == SKIP) & (contacts["service"] & 0xFF == UDP)
    )
    if not len(at):
        return at
    rows = changes.rows[contacts["row"][at]]
    lone = (rows["client_packets"] <= FEW) & (rows["server_packets"] == 0) & (rows["reason"] != Reason.EVICTED)
    # With equal ports, client and server cannot be distinguished.
    found: npt.NDArray[np.intp] = at[lone & (rows["client_port"] != rows["server_port"])]
    return found


def with_unanswered(changes: Changes) -> npt.NDArray[np.void]:
    """The contacts, such questions among them as failed ones."""
    at = unanswered(changes)
    if not len(at):
        return changes.contacts
    contacts = changes.contacts.copy()
    contacts["op"][at] = FAILED
    return contacts
