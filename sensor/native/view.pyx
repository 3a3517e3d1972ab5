# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=False, cdivision=True
"""View: makes an event from its row when a subscriber needs it. The layout defines the fields of a row
(``layout.py``).
"""

from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.object cimport PyObject_CallObject
from cpython.ref cimport Py_INCREF
from cpython.tuple cimport PyTuple_New, PyTuple_SET_ITEM
from cpython.unicode cimport PyUnicode_DecodeLatin1
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memcpy

from sensor.native.out cimport Messages, Out


cdef class View:
    def __init__(self, layout):
        """``layout``: a Layout."""
        self.code, self.size, self.maker = layout.code, layout.size, layout.maker
        self.parts = tuple([View(part) for _, part in layout.parts])

    def of(self, Messages messages not None, uint32_t at):
        """The object at a slot of these messages. Raises IndexError if it is outside the written rows."""
        return self.make(&messages.out, at)

    cdef object event(self, const Out* out, uint32_t at, object packet):
        """The event whose first slot is ``at``."""
        cdef tuple values = PyTuple_New(1 + len(self.parts))
        Py_INCREF(packet)
        PyTuple_SET_ITEM(values, 0, packet)
        self.fill(out, at, values, 1)
        return PyObject_CallObject(self.maker, values)

    cdef object make(self, const Out* out, uint32_t at):
        """The object at a slot."""
        cdef uint64_t slot
        cdef double number
        cdef tuple values
        if <uint64_t>at + self.size > out.slots_used:
            raise IndexError(f"slot {at} of {out.slots_used}")
        if self.code == GROUP:
            values = PyTuple_New(len(self.parts))
            self.fill(out, at, values, 0)
            return values if self.maker is tuple else PyObject_CallObject(self.maker, values)
        slot = out.slots[at]
        if self.code == INT:
            return <int64_t>slot
        if self.code == TEXT:
            return PyUnicode_DecodeLatin1(text_of(out, slot), <uint32_t>slot, NULL)
        if self.code == FLAG:
            return slot != 0
        if self.code == TUPLE:
            return self.items(out, slot)
        if self.code == ADDRESS:
            return out.slots[at + 1] if slot == 0 else (<object>slot << 64) | out.slots[at + 1]
        if self.code == BYTES:
            return PyBytes_FromStringAndSize(text_of(out, slot), <uint32_t>slot)
        memcpy(&number, &slot, sizeof(double))
        return number

    cdef int fill(self, const Out* out, uint32_t at, tuple values, Py_ssize_t first) except -1:
        """Set the parts of a group, starting at index ``first`` of ``values``."""
        cdef View part
        cdef object one
        cdef Py_ssize_t i = first
        for part in self.parts:
            one = part.make(out, at)
            Py_INCREF(one)
            PyTuple_SET_ITEM(values, i, one)
            at += part.size
            i += 1
        return 0

    cdef tuple items(self, const Out* out, uint64_t span):
        cdef View part = self.parts[0]
        cdef uint32_t at = <uint32_t>(span >> 32), count = <uint32_t>span, i
        cdef tuple values
        cdef object one
        if at + <uint64_t>count * part.size > out.slots_used:
            raise IndexError(f"slots {at}+{count}*{part.size} of {out.slots_used}")
        values = PyTuple_New(count)
        for i in range(count):
            one = part.make(out, at + i * part.size)
            Py_INCREF(one)
            PyTuple_SET_ITEM(values, i, one)
        return values


cdef const char* text_of(const Out* out, uint64_t span) except NULL:
    """The start of a text. Raises IndexError if it is outside the written text."""
    if (span >> 32) + <uint32_t>span > out.text_used:
        raise IndexError(f"text {span >> 32}+{<uint32_t>span} of {out.text_used}")
    return <const char*>out.text + (span >> 32)
