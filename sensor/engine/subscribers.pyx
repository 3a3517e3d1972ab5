# cython: language_level=3, boundscheck=True
"""Delivers what dissectors yield: observations to the inventory, events to their subscribers. One compiled function per
event class selects the subscribers of an event.

A condition that raises an exception is a fault of the unit that declared it: the fault is counted, and the unit gets
every event of that class from then on.
"""

from sensor.boundary cimport Boundary
from sensor.core.observation import Observation
from sensor.core.wants import ALWAYS, event_reader
from sensor.engine.compiled_wants import compiled

# Cached combinations of units that want the same event: few ever occur.
COMBINATIONS_LIMIT = 1024


cdef class ClassSubscribers:
    """The subscribers of one event class. ``choose`` returns those that want an event, in order. ``shares``: conditions
    of other classes may be evaluated with its own.
    """

    cdef readonly list members
    cdef readonly tuple all_calls
    cdef object mask, choice
    cdef dict chosen
    cdef str name
    cdef bint shares

    def __init__(self, kind, members, known):
        self.name, self.members, self.shares = kind.__name__, list(members), known is not None
        self.all_calls = tuple([(member.unit, member.call) for member in members])
        self.mask = compiled(kind, [member.want for member in members], known)
        self.chosen = {0: ()}
        self.choice = self.choose

    def choose(self, event):
        mask = self.mask(event)
        found = self.chosen.get(mask)
        if found is None:
            if len(self.chosen) >= COMBINATIONS_LIMIT:
                self.chosen = {0: ()}
            found = self.chosen[mask] = tuple([unit for place, unit in enumerate(self.all_calls) if mask >> place & 1])
        return found


cdef class Subscribers:
    """Calls each unit that wants an event, guarded by the error boundary. ``blamed``: number of conditions that raised
    an exception; ``known``: answers by value that its compiled functions share.
    """

    def __init__(self, Boundary boundary, members, Subscribers before=None):
        """``before``: earlier subscribers whose compiled functions are reused if the members are the same. Raises
        UnknownField if a condition reads a field that its class does not have.
        """
        cdef dict found = {}
        cdef ClassSubscribers known
        self.boundary, self.by_class, self.known = boundary, {}, {}
        for kind, member in members:
            found.setdefault(kind, []).append(member)
        for kind, some in found.items():
            known = before.by_class.get(kind) if before is not None else None
            if known is None or known.members != some:
                known = ClassSubscribers(kind, some, self.known)
            self.by_class[kind] = known

    @property
    def kinds(self):
        """The event classes that have subscribers."""
        return frozenset(self.by_class)

    def wants(self, kind):
        """The conditions of the subscribers of a class."""
        cdef ClassSubscribers subscribers = self.by_class.get(kind)
        return [] if subscribers is None else [member.want for member in subscribers.members]

    cpdef list deliver(self, event):
        """The results of all units that want the event."""
        cdef list results = []
        cdef list chosen
        cdef tuple args
        cdef ClassSubscribers subscribers = self.by_class.get(type(event))
        if subscribers is None:
            return results
        chosen, args = [], (event,)
        if not self.boundary.call(chosen, subscribers.name, subscribers.choice, args, None, True):
            chosen = list(self.blame(event, subscribers))
        if chosen:
            packet = event.packet
            for unit, call in chosen:
                self.boundary.call(results, unit, call, args, packet, False)
        return results

    cdef tuple blame(self, event, subscribers):
        """A condition raised an exception: find the unit that declared it. That unit gets every event from now on, and
        all units get this one.
        """
        cdef ClassSubscribers failed = subscribers, renewed
        kind, read, members = type(event), event_reader(event), []
        for member in failed.members:
            sound = self.boundary.call([], member.unit, evaluated(member.want), (read,), event.packet, False)
            members.append(member if sound else member._replace(want=ALWAYS))
        # None raises when called alone: one of another class does, or else the compiled function itself is at fault.
        if members == failed.members and not failed.shares:
            self.boundary.call([], failed.name, failed.choice, (event,), event.packet, False)
            members = [member._replace(want=ALWAYS) for member in members]
        self.blamed += 1
        self.known = {}  # with the condition that raised
        self.by_class[kind] = renewed = ClassSubscribers(kind, members, None)
        return renewed.all_calls


cdef class Dispatcher:
    """Delivers one message at a time: first all observations to the inventory, then its events and the events derived
    from each to detectors, then to listeners, in the order in which the dissector yielded them. ``observe``: of the
    inventory; ``take``: of the alert processor; ``record``: gets events without a native row, for the traffic records
    (None: they are not kept).
    """

    cdef Boundary boundary
    cdef public object observe, take, record
    cdef public Subscribers derivers, detecting, listeners

    def __init__(
        self, Boundary boundary, observe, take, Subscribers derivers, Subscribers detecting, Subscribers listeners
    ):
        self.boundary, self.observe, self.take = boundary, observe, take
        self.derivers, self.detecting, self.listeners = derivers, detecting, listeners

    def record_all(self, results):
        """Record events that Python dissectors read."""
        if self.record is not None:
            for one in results:
                if type(one) is not Observation:
                    self.boundary.call(None, "records", self.record, (one,), None, False)

    def record_and_dispatch(self, results):
        """Record and dispatch what a Python dissector yields for one message."""
        if self.record is not None:
            results = list(results)
            self.record_all(results)
        self.dispatch(results)

    def dispatch(self, results):
        cdef list facts = [], events = [], alerts, derived
        for one in results:
            if type(one) is Observation:
                facts.append(one)
            else:
                events.append(one)
                if type(one) in self.derivers.by_class:
                    derived = self.derivers.deliver(one)
                    events += derived
                    self.record_all(derived)
        for fact in facts:
            self.boundary.call(None, "inventory", self.observe, (fact,), None, False)
        for event in events:
            if type(event) in self.detecting.by_class:
                alerts = self.detecting.deliver(event)
                if alerts:
                    self.take(alerts)
        for event in events:
            if type(event) in self.listeners.by_class:
                self.listeners.deliver(event)


def evaluated(want):
    return lambda read: (want.holds(read),)
