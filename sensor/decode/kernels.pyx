# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=False, cdivision=True
"""All passes over a batch in one call that holds the GIL only at its start and end: decoding, then flow tracking and
selection for each row, and aging of flows between two seconds of packet time. The result is the work left for Python.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t

from typing import NamedTuple

import numpy as np

from sensor.core.batch import ROW
from sensor.core.row cimport Row
from sensor.core.row_copies import copied
from sensor.decode.datagrams import Datagrams
from sensor.decode.flows cimport CHUNK, ENDED, FlowTable
from sensor.decode.frames cimport decode_rows
from sensor.decode.frames import decode
from sensor.decode.row_reader cimport RowReader
from sensor.decode.select cimport Selector

TICK = np.dtype([("second", "i8"), ("row", "i4"), ("first", "i4"), ("stop", "i4"), ("spare", "i4")])

cdef packed struct Tick:
    int64_t second
    int32_t row       # the first packet of the new second
    int32_t first     # the changes made by aging: first to stop
    int32_t stop
    int32_t spare

cdef enum:
    SECOND = 1_000_000_000
    DATAGRAMS = 256   # fragmented datagrams in reassembly at the same time
    LATE = 60         # a packet up to this many seconds old is late; an older one means that the clock was set back


class Work(NamedTuple):
    """The work of a batch for Python. ``changes`` (CHANGE) in order, for those made by aging ``row`` is the first
    packet after; ``chosen`` rows with their ``wanted`` bits, without rows that native dissectors read completely and
    rows of flows that all their dissectors are known to have dropped; ``ticks`` (TICK): the seconds that began, and
    the changes made by aging then; ``malformed``: number of frames; ``messages``: what native dissectors read
    (``sensor.native.out``); ``data``: the bytes of the batch in place of the source's, if fragments were reassembled;
    ``newest``: the latest time of its packets, ns; ``faults``: (row, fault) of fragments that no IP stack sends.
    """

    changes: object
    chosen: object
    wanted: object
    ticks: object
    malformed: int
    messages: tuple = ()
    newest: int = 0
    data: object = None
    faults: tuple = ()

    def keep(self, kept):
        """The work of the chosen rows in ``kept`` (a mask), and the number of rows with messages, parsed or not, that
        are left out.
        """
        left = ~kept
        unheard = np.count_nonzero(self.wanted[left])
        unheard += sum([messages.drop(self.chosen[left]) for messages in self.messages])
        return self._replace(chosen=self.chosen[kept], wanted=self.wanted[kept]), int(unheard)


cdef class Kernels:
    """The state of all passes. Only ``unfollow`` may be called while another thread executes ``run``."""

    cdef readonly FlowTable flows
    cdef readonly Selector selector
    cdef readonly RowReader reader
    cdef readonly object datagrams
    cdef object tick_rows, given_up
    cdef Tick[::1] ticks
    cdef Py_ssize_t ticked
    cdef int64_t second, newest

    def __init__(self, FlowTable flows, Selector selector, RowReader reader=None):
        """``reader``: reads chosen rows immediately."""
        self.flows, self.selector, self.reader = flows, selector, reader or RowReader()
        self.datagrams = Datagrams(DATAGRAMS)
        self.tick_rows = np.zeros(64, TICK)
        self.ticks = self.tick_rows
        self.given_up = []
        self.second = -1

    def run(self, const uint8_t[::1] data, rows):
        """Run all passes over fresh rows, an array of ROW."""
        cdef Row[::1] view = rows
        cdef Py_ssize_t malformed, fragments = 0
        self.begin(view.shape[0])
        with nogil:
            malformed = decode_rows(data, view, &fragments)
        if fragments:
            return self.run_with_fragments(data, rows, malformed)
        with nogil:
            self.passes(data, view)
        return self.work(rows, malformed)

    cdef object run_with_fragments(self, const uint8_t[::1] data, rows, Py_ssize_t malformed):
        """The same if datagrams may have been completed: their bytes are appended to those of the batch."""
        cdef Row[::1] view = rows
        joined, changed, faults = self.datagrams.join(np.asarray(data), rows)
        cdef const uint8_t[::1] block = joined
        for index in changed:
            malformed += decode(block, rows[index : index + 1])
        with nogil:
            self.passes(block, view)
        return self.work(rows, malformed)._replace(data=joined, faults=faults)

    def idle(self, int64_t now):
        """No packets arrived until ``now`` (ns): advance the time, or the clock was set back."""
        self.begin(0)
        if self.second >= 0 and not self.same(now):
            with nogil:
                self.tick(now // SECOND, 0)
        return self.work(np.zeros(0, ROW), 0)

    def finish(self, int64_t now, int part):
        """End the open flows in one part of the table (FlowTable.finish)."""
        self.begin(0)
        with nogil:
            self.flows.finish_part(now, part)
            self.ends(0, -1)
        return self.work(np.zeros(0, ROW), 0)

    def unfollow(self, slot, uid, bits):
        """The dissectors ``bits`` want no more of a flow: starting with the next batch its rows are not wanted by them,
        which saves checking each row.
        """
        self.given_up.append((slot, uid, bits))

    def begin(self, Py_ssize_t rows):
        while self.given_up:
            self.flows.unfollow(*self.given_up.pop())
        self.ticked = 0
        self.newest = 0
        self.flows.changed = 0
        self.selector.begin(rows)

    cdef int passes(self, const uint8_t[::1] data, Row[::1] rows) except -1 nogil:
        cdef Py_ssize_t start = 0, stop, i, changed
        while start < rows.shape[0]:
            if self.second < 0:
                self.second = rows[start].ts // SECOND
            elif not self.same(rows[start].ts):
                self.tick(rows[start].ts // SECOND, <int32_t>start)
            stop = start + 1
            while stop < rows.shape[0] and stop < start + CHUNK and self.same(rows[stop].ts):
                stop += 1
            self.flows.expect(rows, start, stop)
            # one row after the other: the result for a row must not depend on the rows that follow in the batch
            for i in range(start, stop):
                changed = self.flows.changed
                self.newest = max(self.newest, rows[i].ts)
                self.flows.follow_row(&rows[i], <int>(i - start), <int32_t>i)
                self.selector.select_row(data, &rows[i], <int32_t>i, self.flows)
                if rows[i].wanted:
                    self.reader.read(data, &rows[i], <int32_t>i, self.flows)
                    self.selector.bits[self.selector.count - 1] &= rows[i].wanted
                if self.flows.changed > changed:
                    self.ends(changed, <int32_t>i)
            start = stop
        return 0

    cdef int ends(self, Py_ssize_t since, int32_t row) except -1 nogil:
        """Pass the flows that ended since to the row reader; it has no state for flows that no dissector follows."""
        cdef Py_ssize_t i
        for i in range(since, self.flows.changed):
            if self.flows.changes[i].kind == ENDED and self.flows.changes[i].spare:
                self.reader.ended(self.flows.changes[i].flow, row)
        return 0

    cdef inline bint same(self, int64_t ts) noexcept nogil:  # arithmetic only: nothing can fail
        """Whether a time lies in the current second, or so shortly before it that the packet is only late."""
        return (self.second - LATE) * <int64_t>SECOND <= ts < (self.second + 1) * <int64_t>SECOND

    cdef int tick(self, int64_t second, int32_t row) except -1 nogil:
        cdef Tick* tick
        cdef Py_ssize_t i
        self.second = second
        if self.ticked == self.ticks.shape[0]:
            with gil:
                self.tick_rows = np.concatenate((self.tick_rows, np.zeros(len(self.tick_rows), TICK)))
                self.ticks = self.tick_rows
        tick = &self.ticks[self.ticked]
        self.ticked += 1
        tick.second, tick.row, tick.first = second, row, <int32_t>self.flows.changed
        self.flows.age(second * <int64_t>SECOND)
        tick.stop = <int32_t>self.flows.changed
        for i in range(tick.first, tick.stop):
            self.flows.changes[i].row = row
        self.ends(tick.first, row)
        return 0

    cdef object work(self, rows, malformed):
        ticks = copied(self.tick_rows[: self.ticked])
        changes = self.flows.take()
        chosen, wanted = self.selector.take()
        return Work(changes, chosen, wanted, ticks, malformed, self.reader.take(), self.newest)
