# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=False, cdivision=True
"""Lines of a batch as events: the usual case of ``sensor.hub.batch.event``, which decides everything else."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.datetime cimport datetime_new, import_datetime
from cpython.unicode cimport PyUnicode_AsUTF8AndSize
from libc.string cimport memchr

from datetime import UTC

from msgspec import DecodeError

import_datetime()

# Bytes of a line.
LINE_LIMIT = 65_536
cdef object _UTC = UTC
cdef Py_ssize_t _LIMIT = LINE_LIMIT
# Of the sensor's own times, ``2026-11-24T08:17:01.250000Z``: what is between the digits.
cdef const char* FORM = "0000-00-00T00:00:00.000000Z"
cdef enum:
    LENGTH = 27


cdef int _digits(const char* text, int start, int end) except -1:
    cdef int value = 0, place
    for place in range(start, end):
        value = 10 * value + text[place] - 48
    return value


def moment(str text):
    """A time in the sensor's own form; None for another, and for one that does not exist."""
    cdef Py_ssize_t size
    cdef const char* found = PyUnicode_AsUTF8AndSize(text, &size)
    cdef int place
    if size != LENGTH:
        return None
    for place in range(LENGTH):
        if FORM[place] == 48:
            if not 48 <= found[place] <= 57:
                return None
        elif found[place] != FORM[place]:
            return None
    try:
        return datetime_new(
            _digits(found, 0, 4), _digits(found, 5, 7), _digits(found, 8, 10), _digits(found, 11, 13),
            _digits(found, 14, 16), _digits(found, 17, 19), _digits(found, 20, 26), _UTC
        )
    except ValueError:
        return None


def events_of(list numbers, list lines, decode, kind, latest, other):
    """The events of lines. ``decode``: of one line; ``kind``: of an event; ``latest``: time that it may have. Lines of
    unusual form are given to ``other`` with their number: not ASCII, with an escaped NUL, of another number, of another
    form of time, not decoded.
    """
    cdef Py_ssize_t place
    cdef bytes text
    cdef list found = []
    for place in range(len(lines)):
        text, number, event = lines[place], numbers[place], None
        if PyBytes_GET_SIZE(text) <= _LIMIT and text.isascii() and not (
            memchr(PyBytes_AS_STRING(text), 92, PyBytes_GET_SIZE(text)) and b"\\u0000" in text
        ):
            try:
                line = decode(text)
            except (DecodeError, ValueError, RecursionError):
                pass
            else:
                ts = moment(line.ts)
                if ts is not None and line.sensor.seq == number and ts <= latest:
                    event = tuple.__new__(kind, (number, ts, line, text))
        found.append(event if event is not None else other(number, text))
    return found
