# cython: language_level=3, boundscheck=True
"""The error boundary: the only place that catches every exception of a unit. A fault is counted by unit and place,
reported once, and its packet kept; the sensor continues.

Malformed is not a fault of a unit: a dissector reports invalid data of a peer with it, and it is counted separately.
"""

import msgspec

from sensor.core.bounded import Bounded
from sensor.core.packet import Packet
from sensor.core.reader import Malformed

SHAPES_LIMIT = 256
QUARANTINE_LIMIT = 64


class Fault(msgspec.Struct):
    """A fault of a unit: where, how often, and the first packet that caused it (None if there was none)."""

    unit: str
    error: str
    place: str
    packet: Packet | None
    count: int = 1


cdef class Boundary:
    """Calls units. ``malformed`` counts (unit, fault of the message), ``faults`` counts errors of units by (unit,
    place); both are limited.
    """

    def __init__(self, report=None):
        self.malformed = Bounded(SHAPES_LIMIT)
        self.faults = Bounded(SHAPES_LIMIT)
        self.samples = Bounded(QUARANTINE_LIMIT)
        self._report = report

    def run(self, unit, call, *args, packet=None):
        """All results of the call up to an exception, and whether it completed."""
        cdef list results = []
        return results, self.call(results, unit, call, args, packet, False)

    def all(self, unit, call, things, packet=None):
        """Call a unit with each of the things. An exception for one does not affect the others."""
        left = iter(things)
        while not self.call([], unit, _feed, (call, left), packet, False):
            continue

    cpdef tuple each(self, calls, tuple args, packet, bint quiet=False):
        """Call several units in order, each guarded separately; returns all results and whether all calls completed. A
        call without results may return None. ``quiet``: count nothing, because the caller determines which unit is at
        fault.
        """
        cdef list results = []
        cdef bint whole = True
        for unit, call in calls:
            whole &= self.call(results, unit, call, args, packet, quiet)
        return results, whole

    cdef bint call(self, list results, unit, unit_call, tuple args, packet, bint quiet) except -1:
        """Add the results of a unit to ``results``, if given; returns whether the call completed."""
        try:
            yielded = unit_call(*args)
            if yielded is not None and results is not None:
                results.extend(yielded)  # item by item: results before a failure are kept
            return True
        except Malformed as malformed:
            self._count_malformed((unit, str(malformed.args[0] if malformed.args else "")), packet)
        except Exception as error:  # the only blanket handler of the program
            if not quiet:
                self._count_fault(unit, error, packet)
        return False

    def _count_malformed(self, shape, packet):
        self.malformed.put(shape, (self.malformed.get(shape) or 0) + 1)
        if packet is not None and shape not in self.samples:
            self.samples.put(shape, packet)

    def _count_fault(self, unit, error, packet):
        # Not by the module traceback, which reads the source of every frame: peers can repeat a fault with each packet.
        last = error.__traceback__
        while last.tb_next is not None:
            last = last.tb_next
        shape = (unit, f"{last.tb_frame.f_code.co_name}:{last.tb_lineno}")
        fault = self.faults.get(shape)
        if fault is not None:
            fault.count += 1
            return
        fault = Fault(unit, f"{type(error).__name__}: {error}", shape[1], packet)
        self.faults.put(shape, fault)
        if self._report is not None:
            self._report(fault)


def _feed(call, things):
    for one in things:
        call(one)
