# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=False, cdivision=True
"""Events that no subscriber wants, recognized by their content: most messages repeat what was sent before. What the
subscribers decided about a content is kept in a table of fixed size, indexed by a keyed hash of the fields that their
wants read; an event with the same content gets the same answer, and no object is made of one that none of them wants.
Wants that look into tables of their detectors (``screens.py``) are decided by the same look-ups. A content is evaluated
when it comes for the second time: many come once, and subscribers evaluate their wants themselves.

An answer that was overwritten is asked for again, which takes longer and has the same result. All are forgotten when
data that wants depend on is replaced, when a want raised an exception, and when the subscribers change.
"""

from cpython.mem cimport PyMem_Calloc, PyMem_Free
from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memset

from sensor.boundary cimport Boundary
from sensor.core.row cimport Row
from sensor.engine.screens import screen
from sensor.engine.subscribers cimport Subscribers
from sensor.inventory.novelty cimport Novelty
from sensor.native.layout import fields_of
from sensor.native.out cimport Out
from sensor.native.row_hash import packet_number
from sensor.native.row_hash cimport RowHash, packet_value

cdef enum:
    MOST_BITS = 24
    ONCE = 0xFFFFFFFFFFFFFFFF  # in place of the bits: the content came once

cdef object LATER = object()  # a screen that was not needed yet; compiling one takes a millisecond


cdef class RowLookup:
    """A look-up that decides whether an event is wanted."""
    cdef object table
    cdef list key
    cdef bint absent

    def __init__(self, one):
        """``one``: a screens.Lookup."""
        self.table, self.absent = one.table, one.absent
        self.key = [packet_number(name) for name in one.key]

    cdef bint decides(self, const Row* row) except -1:
        """Whether it has the answer that makes the want hold."""
        if not self.key:
            return (len(self.table) > 0) != self.absent
        if len(self.key) == 1:
            return (packet_value(row, self.key[0]) in self.table) != self.absent
        return (tuple([packet_value(row, field) for field in self.key]) in self.table) != self.absent


cdef class RowScreen:
    """The screen of a class, for its rows."""

    def __init__(self, layout, made):
        """``layout``: as for RowHash; ``made``: a screens.Screen."""
        self.content, self.choice = RowHash(layout, made.fields), made.choice
        self.lookups = tuple([RowLookup(one) for one in made.lookups])

    def bits(self, event):
        """The answer for an event, in a tuple."""
        return (self.choice(event),)

    cdef bint holds(self, uint64_t bits, const Row* row, bint changed) except -1:
        """Whether an event with this answer is wanted. ``changed``: as in ``Unwanted.verdict``."""
        cdef RowLookup lookup
        if bits & 1 or (bits and changed):
            return True
        bits >>= 1
        for lookup in self.lookups if bits else ():
            if bits & 1 and lookup.decides(row):
                return True
            bits >>= 1
        return False


cdef class Unwanted:
    """``skipped``: number of events of which no object was made."""

    def __cinit__(self, Boundary boundary not None, Novelty novelty not None, kinds, int bits=14):
        """``boundary``: for wants that raise an exception; ``novelty``: its key is used; ``kinds``: the classes of
        events with rows, by number; ``bits``: room for 2**bits answers of 16 bytes.
        """
        if not 2 <= bits <= MOST_BITS:
            raise ValueError(f"bits {bits}: 2 to {MOST_BITS}")
        self.answers = <Answer*>PyMem_Calloc(1 << bits, sizeof(Answer))
        if self.answers == NULL:
            raise MemoryError
        self.mask, self.key0, self.key1 = (1 << bits) - 1, novelty.key0, novelty.key1
        self.boundary, self.kinds, self.groups = boundary, list(kinds), ()
        self.numbers, self.native = {kind: number for number, kind in enumerate(kinds)}, len(self.kinds)
        self.forget()

    def __dealloc__(self):
        PyMem_Free(self.answers)

    def subscribe(self, *groups):
        """The subscribers that decide. Without any, every event is wanted."""
        self.groups = groups
        self.forget()

    cdef int forget(self) except -1:
        """Forget all answers and screens."""
        cdef Subscribers group
        self.blamed, self.known = 0, {}
        for group in self.groups:
            self.blamed += group.blamed
            self.known |= group.known
        self.screens = [LATER if self.groups else None for _ in self.kinds]
        self.data = self.versions = ()
        memset(self.answers, 0, (self.mask + 1) * sizeof(Answer))
        return 0

    cdef int check(self) except -1:
        """Forget all answers if data was replaced; between two batches."""
        if self.data and self.versions != tuple([of.version for of in self.data]):
            self.forget()
        return 0

    cdef int verdict(self, uint32_t kind, const Out* out, uint32_t at, const Row* row, bint changed) except -1:
        """Whether a subscriber may want the event whose first slot is ``at``. ``changed``: an event before it, of the
        same message, may have changed the tables that decide.
        """
        cdef RowScreen one = self.screen(kind)
        if one is None:
            return YES
        return self.answer(one, one.content.of(out, at, row, self.key0 ^ (kind + 1), self.key1), row, changed)

    cdef int verdict_on_known(self, uint32_t kind, uint64_t content, const Row* row, bint changed) except -1:
        """The same for an event without a row. ``content``: the same for the same content only."""
        cdef RowScreen one = self.screen(kind)
        if one is None:
            return YES
        return self.answer(one, one.content.of_known(content, row, self.key0 ^ (kind + 1), self.key1), row, changed)

    cdef RowScreen screen(self, uint32_t kind):
        """The screen of a class; None if all its events are wanted."""
        cdef Py_ssize_t blamed = 0
        cdef Subscribers group
        for group in self.groups:
            blamed += group.blamed
        if blamed != self.blamed:
            self.forget()
        one = self.screens[kind]
        return self.made(kind) if one is LATER else one

    cdef int answer(self, RowScreen one, uint64_t key, const Row* row, bint changed) except -1:
        cdef Answer* answer
        self.key = key or 1
        answer = &self.answers[self.key & self.mask]
        if answer.key != self.key:
            answer.key, answer.bits = self.key, ONCE
            return YES
        if answer.bits == ONCE:
            return UNKNOWN
        if one.holds(answer.bits, row, changed):
            return YES
        self.skipped += 1
        return NO

    cdef bint evaluate(self, uint32_t kind, event, const Row* row, bint changed) except -1:
        """Whether a subscriber wants an event whose verdict was just UNKNOWN; the answer is kept."""
        cdef RowScreen one = self.screens[kind]
        cdef Answer* answer = &self.answers[self.key & self.mask]
        cdef list found = []
        # If a want raises an exception, its unit is found when the event is delivered.
        if not self.boundary.call(found, "screens", one.bits, (event,), None, True):
            return True
        answer.key, answer.bits = self.key, found[0]
        return one.holds(answer.bits, row, changed)

    cdef uint32_t number(self, kind) except? 0:
        """The number of a class; one without rows gets a new number."""
        found = self.numbers.get(kind)
        if found is None:
            found = self.numbers[kind] = len(self.kinds)
            self.kinds.append(kind)
            self.screens.append(LATER if self.groups else None)
        return found

    cdef RowScreen made(self, uint32_t kind):
        """The screen of a class, when it is first needed."""
        cdef Subscribers group
        cdef list wants = []
        of = self.kinds[kind]
        for group in self.groups:
            wants += group.wants(of)
        made = screen(of, wants, self.known)
        self.screens[kind] = None if made is None else RowScreen(fields_of(of) if kind < self.native else None, made)
        if made is not None:
            self.data = tuple({*self.data, *made.data})
            self.versions = tuple([data.version for data in self.data])
        return self.screens[kind]
