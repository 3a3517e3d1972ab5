"""Limits on messages: those of senders with more messages than a host needs are left unread, as are those of new
senders that appear faster than hosts do.

A packet costs the kernels a fraction of a microsecond, a message costs the dissectors a hundred times as much. The
select pass limits the messages between two hosts and the rate of new MACs. This module sets further limits by sender, a
MAC with an address:

- Datagrams and frames of one sender: ``MESSAGES`` in ten minutes. TCP segments are limited by their dissectors.
- Senders not seen in the last ten minutes: ``NEWCOMERS`` a second behind one MAC, ``CROWD`` in total. Senders beyond
  the limit are read from their second message on.

Unread messages are counted as shed. Rows are processed in packet order, so that the result does not depend on how they
are split into batches.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sensor.core.ip_protocols import TCP
from sensor.core.time_units import SECOND
from sensor.counting.contacts import combine
from sensor.counting.rates import RateWindow
from sensor.decode.kernels import Work
from sensor.decode.select import NEWCOMERS_BIT

WINDOW = 600 * SECOND
MESSAGES, NEWCOMERS, CROWD = 600_000, 1000, 2000
# 2**14 senders of 125 bytes. If there are more, those with the fewest messages are evicted: spoofed senders before any
# that sends again.
SENDERS_BITS = 14


class MessageLimits:
    """``shed``: number of messages left unread so far."""

    def __init__(self, messages: int = MESSAGES, newcomers: int = NEWCOMERS, crowd: int = CROWD) -> None:
        self.shed = 0
        self._messages, self._newcomers, self._crowd = messages, newcomers, crowd
        self._senders = RateWindow(WINDOW, SENDERS_BITS)
        self._fresh, self._all = RateWindow(SECOND), RateWindow(SECOND, 3)

    def within(self, rows: npt.NDArray[np.void], work: Work) -> Work:
        """The work of a batch without the messages over the limit. Rows whose dissectors have given up their flow count
        as well, because which of them the kernels know depends on the split into batches. The row that reports a flood
        of new senders stays.
        """
        chosen = work.chosen
        if not len(chosen):
            return work
        macs, ts = rows["src_mac"][chosen], rows["ts"][chosen]
        count = self._senders.count(combine(macs, rows["src_lo"][chosen] ^ rows["src_hi"][chosen]), ts)
        left = (count > self._messages) & (rows["proto"][chosen] != TCP)
        fresh = (count == 1).nonzero()[0]
        if len(fresh):
            macs, ts = macs[fresh], ts[fresh]
            left[fresh] = (self._fresh.count(macs, ts) > self._newcomers) | (
                self._all.count(np.zeros_like(macs), ts) > self._crowd
            )
        if not left.any():
            return work
        left &= work.wanted >> np.uint64(NEWCOMERS_BIT) == 0
        work, shed = work.keep(~left)
        self.shed += shed
        return work
