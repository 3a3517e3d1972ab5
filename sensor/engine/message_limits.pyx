# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=False, cdivision=True
"""Limits on messages: those of senders with more messages than a host needs are left unread, as are those of new
senders that appear faster than hosts do.

A packet costs the kernels a fraction of a microsecond, a message costs the dissectors a hundred times as much. The
select pass limits the messages between two hosts and the rate of new MACs. This module sets further limits by sender, a
MAC with an address:

- Datagrams and frames of one sender: ``MESSAGES`` in ten minutes. TCP segments are limited by their dissectors.
- Senders not seen in the last ten minutes: ``NEWCOMERS`` a minute behind one MAC, ``CROWD`` in total. Senders beyond
  the limit are read from their second message on. A minute lets bursts pass, and makes a long flood cheap.

Unread messages are counted as shed. Rows are processed in packet order, so that the result does not depend on how they
are split into batches.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t

import numpy as np

from sensor.core.row cimport Row
from sensor.counting.rates cimport RateWindow
from sensor.counting.shared cimport joined
from sensor.decode.select import NEWCOMERS_BIT

cdef enum:
    TCP = 6

cdef int64_t SECOND = 1_000_000_000
# ns
WINDOW, MINUTE = 600 * SECOND, 60 * SECOND
MESSAGES, NEWCOMERS, CROWD = 600_000, 20_000, 40_000
# 2**14 senders of 125 bytes. If there are more, those with the fewest messages are evicted: spoofed senders before any
# that sends again.
SENDERS_BITS = 14


cdef class MessageLimits:
    """``shed``: number of messages left unread so far."""

    cdef readonly Py_ssize_t shed
    cdef int64_t messages, newcomers, crowd
    cdef RateWindow senders, fresh, all

    def __init__(self, int64_t messages=MESSAGES, int64_t newcomers=NEWCOMERS, int64_t crowd=CROWD):
        self.messages, self.newcomers, self.crowd = messages, newcomers, crowd
        self.senders = RateWindow(WINDOW, SENDERS_BITS)
        self.fresh, self.all = RateWindow(MINUTE), RateWindow(MINUTE, 3)

    def within(self, const Row[::1] rows, work):
        """The work of a batch without the messages over the limit. Rows whose dissectors have dropped their flow count
        as well, because which of them the kernels know depends on the split into batches. The row that reports a flood
        of new senders stays.
        """
        cdef const int32_t[::1] chosen = work.chosen
        cdef Py_ssize_t i, n = chosen.shape[0], over = 0
        left = np.zeros(n, bool)
        cdef uint8_t[::1] marks = left.view(np.uint8)
        with nogil:
            for i in range(n):
                marks[i] = self.is_over(&rows[chosen[i]])
                over += marks[i]
        if not over:
            return work
        left &= work.wanted >> np.uint64(NEWCOMERS_BIT) == 0
        work, shed = work.keep(~left)
        self.shed += shed
        return work

    cdef bint is_over(self, const Row* row) except -1 nogil:
        """Count a message: whether it is over a limit."""
        cdef int64_t count = self.senders.add(joined(row.src_mac, row.src_lo ^ row.src_hi), row.ts)
        cdef bint many
        if count == 1:
            many = self.fresh.add(row.src_mac, row.ts) > self.newcomers
            return (self.all.add(0, row.ts) > self.crowd) | many
        return count > self.messages and row.proto != TCP
