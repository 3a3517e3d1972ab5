"""Ten thousand devices (a thousand in short runs) with five weaknesses each, grouped and exported within seconds."""

from __future__ import annotations

import time
from pathlib import Path

from sensor.posture.tickets.formats import Form, exported, names
from sensor.posture.tickets.grouping import tickets_of
from sensor.posture.tickets.ledger import Ledger, read_ledger, write_ledger
from sensor.posture.tickets.policy import Policy
from sensor.posture.tickets.progress import noted, statuses
from tests import sampling
from tests.posture.tickets.made import large_site

# Seconds of CPU; about a fifth is used.
LIMIT_S = 5.0
DEVICES = sampling.count(10_000, 1_000)


def test_a_large_network(tmp_path: Path) -> None:
    """Grouping, writing and reading take five seconds; each export takes five more."""
    here = large_site(DEVICES, 5 * DEVICES)
    began = time.process_time()
    tickets = tickets_of(here, Policy())
    kept = noted(Ledger(), tickets, here)
    write_ledger(tmp_path, kept)
    again = noted(read_ledger(tmp_path), tickets_of(here, Policy(), kept.first()), here)
    assert [one.state for one in statuses(again, tickets)] == ["new"] * 150
    assert time.process_time() - began < 2 * LIMIT_S
    for name in names():
        began = time.process_time()
        assert exported(name, tickets, Form("hq", "OPS"))
        assert time.process_time() - began < LIMIT_S, name
