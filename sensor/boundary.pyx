# cython: language_level=3, boundscheck=True
"""The boundary: the one place that catches everything a unit may throw. A fault is counted by its shape, reported once,
its packet kept; the sensor goes on.

Malformed is no fault of ours: a dissector reports a peer with it, and it is counted separately.
"""

import traceback

import msgspec

from sensor.core.bounded import Bounded
from sensor.core.packet import Packet
from sensor.core.reader import Malformed

SHAPES_LIMIT = 256
QUARANTINE_LIMIT = 64


class Fault(msgspec.Struct):
    """A unit of ours that broke: where, how often, and the packet that did it first (None where there was none)."""

    unit: str
    error: str
    place: str
    packet: Packet | None
    count: int = 1


cdef class Boundary:
    """Runs unit calls. ``malformed`` counts (unit, fault of the message), ``faults`` our own by (unit, place), both
    bounded.
    """

    def __init__(self, report=None):
        self.malformed = Bounded(SHAPES_LIMIT)
        self.faults = Bounded(SHAPES_LIMIT)
        self.samples = Bounded(QUARANTINE_LIMIT)
        self._report = report

    def run(self, unit, call, *args, packet=None):
        """Everything the call yields up to the point where it breaks, and whether it came to its end."""
        cdef list results = []
        return results, self.call(results, unit, call, args, packet, False)

    def all(self, unit, call, things, packet=None):
        """Calls a unit with each of the things. One that breaks costs only itself."""
        left = iter(things)
        while not self.call([], unit, _feed, (call, left), packet, False):
            continue

    cpdef tuple each(self, calls, tuple args, packet, bint quiet=False):
        """The same of several units, one after the other and each guarded for itself; whether all came to their end. A
        call without results may return None. ``quiet``: nothing is counted, since the caller finds out whose fault it
        is.
        """
        cdef list results = []
        cdef bint whole = True
        for unit, call in calls:
            whole &= self.call(results, unit, call, args, packet, quiet)
        return results, whole

    cdef bint call(self, list results, unit, unit_call, tuple args, packet, bint quiet) except -1:
        """Adds what a unit yields, where a list is given; whether it came to its end."""
        try:
            yielded = unit_call(*args)
            if yielded is not None and results is not None:
                results.extend(yielded)  # item by item: results before a failure are kept
            return True
        except Malformed as malformed:
            self._count_malformed((unit, str(malformed.args[0] if malformed.args else "")), packet)
        except Exception as error:  # the one blanket handler of the program
            if not quiet:
                self._count_fault(unit, error, packet)
        return False

    def _count_malformed(self, shape, packet):
        self.malformed.put(shape, (self.malformed.get(shape) or 0) + 1)
        if packet is not None and shape not in self.samples:
            self.samples.put(shape, packet)

    def _count_fault(self, unit, error, packet):
        last = traceback.extract_tb(error.__traceback__)[-1]
        shape = (unit, f"{last.name}:{last.lineno}")
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
