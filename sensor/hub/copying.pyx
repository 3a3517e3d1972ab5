# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=False, cdivision=True
"""Rows in the binary format of PostgreSQL's COPY (documentation of COPY, "Binary Format"): a third of the time of a
driver that looks up a converter for each value.
"""

from cpython.bytearray cimport PyByteArray_AS_STRING, PyByteArray_Resize
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.datetime cimport (
    PyDateTime_Check, PyDateTime_DATE_GET_HOUR, PyDateTime_DATE_GET_MICROSECOND, PyDateTime_DATE_GET_MINUTE,
    PyDateTime_DATE_GET_SECOND, PyDateTime_GET_DAY, PyDateTime_GET_MONTH, PyDateTime_GET_YEAR, datetime_tzinfo,
    import_datetime, timedelta_days, timedelta_microseconds, timedelta_seconds,
)
from cpython.unicode cimport PyUnicode_AsUTF8AndSize
from libc.stdint cimport int64_t, uint32_t
from libc.string cimport memcpy

from datetime import UTC, datetime

from sensor.tables.lines import WORD

import_datetime()

LISTED = 64
# Type of a column → how its value is written. ``word``: text of which the first WORD characters are written; ``words``:
# the first LISTED of several.
KINDS = {
    "bool": 1, "int2": 2, "int4": 4, "int8": 8, "float4": 5, "text": 10, "bytea": 11, "text[]": 12, "timestamptz": 13,
    "word": 14, "words": 15,
}
SIGNATURE = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
cdef object _UTC = UTC
cdef enum:
    TEXT_OID = 25
    # From 0000-03-01 to 2000-01-01, in days.
    DAYS_TO_EPOCH = 730_425
cdef Py_ssize_t _WORD = WORD, _LISTED = LISTED


cdef int64_t microseconds(object time) except? -1:
    """Since 2000, of a time with a zone. In UTC, without objects for the difference: years begin in March here, so
    that the day that is added in a leap year is the last.
    """
    cdef int64_t year, month, days
    if PyDateTime_Check(time) and datetime_tzinfo(time) is _UTC:
        month = PyDateTime_GET_MONTH(time)
        year = PyDateTime_GET_YEAR(time) - (month < 3)
        month = month - 3 if month > 2 else month + 9
        days = year * 365 + year // 4 - year // 100 + year // 400 + (153 * month + 2) // 5
        days += PyDateTime_GET_DAY(time) - 1 - DAYS_TO_EPOCH
        return (
            (days * 24 + PyDateTime_DATE_GET_HOUR(time)) * 3600 + PyDateTime_DATE_GET_MINUTE(time) * 60
            + PyDateTime_DATE_GET_SECOND(time)
        ) * 1_000_000 + PyDateTime_DATE_GET_MICROSECOND(time)
    since = time - _EPOCH
    return (
        timedelta_days(since) * <int64_t>86_400 + timedelta_seconds(since)
    ) * 1_000_000 + timedelta_microseconds(since)


cdef class _Buffer:
    """Bytes that grow. ``size``: the number of written ones."""

    cdef bytearray data
    cdef Py_ssize_t size, capacity

    def __cinit__(self):
        self.data, self.size, self.capacity = bytearray(), 0, 0

    cdef int add(self, const char* source, Py_ssize_t count) except -1:
        cdef Py_ssize_t needed = self.size + count
        if needed > self.capacity:
            self.capacity = max(2 * needed, 1 << 16)
            PyByteArray_Resize(self.data, self.capacity)
        memcpy(PyByteArray_AS_STRING(self.data) + self.size, source, count)
        self.size = needed
        return 0

    cdef bytearray content(self):
        PyByteArray_Resize(self.data, self.size)
        return self.data

    cdef int add_number(self, int64_t value, int count) except -1:
        """An integer with this many bytes, the most significant first."""
        cdef char[8] digits
        cdef int place
        for place in range(count):
            digits[place] = <char>((value >> (8 * (count - 1 - place))) & 0xFF)
        return self.add(digits, count)

    cdef int add_int8(self, int64_t value) except -1:
        self.add_number(8, 4)
        return self.add_number(value, 8)

    cdef int add_text(self, str text) except -1:
        cdef Py_ssize_t count
        cdef const char* source = PyUnicode_AsUTF8AndSize(text, &count)
        self.add_number(count, 4)
        return self.add(source, count)

    cdef int add_bytes(self, bytes content) except -1:
        if content is None:
            raise TypeError("found None, expected bytes")
        self.add_number(PyBytes_GET_SIZE(content), 4)
        return self.add(PyBytes_AS_STRING(content), PyBytes_GET_SIZE(content))

    cdef int add_word(self, str text) except -1:
        return self.add_text(text if len(text) <= _WORD else text[:_WORD])

    cdef int add_texts(self, list texts, bint limited) except -1:
        """A one-dimensional array of text without NULL. ``limited``: a column of the type ``words``."""
        cdef Py_ssize_t start = self.size, count = len(texts), place
        if limited and count > _LISTED:
            count = _LISTED
        self.add_number(0, 4)
        self.add_number(1 if count else 0, 4)
        self.add_number(0, 4)
        self.add_number(TEXT_OID, 4)
        if count:
            self.add_number(count, 4)
            self.add_number(1, 4)
        for place in range(count):
            if limited:
                self.add_word(texts[place])
            else:
                self.add_text(texts[place])
        cdef Py_ssize_t end = self.size
        self.size = start
        self.add_number(end - start - 4, 4)
        self.size = end
        return 0

    cdef int add_value(self, object value, int kind) except -1:
        cdef float real
        cdef uint32_t bits
        cdef int64_t whole
        if kind == 10:
            return self.add_text(value)
        if kind == 11:
            return self.add_bytes(value)
        if kind == 14:
            return self.add_word(value)
        if kind == 12 or kind == 15:
            return self.add_texts(value, kind == 15)
        if kind == 13:
            return self.add_int8(microseconds(value))
        if kind == 5:
            real = value
            memcpy(&bits, &real, 4)
            self.add_number(4, 4)
            return self.add_number(bits, 4)
        whole = <int64_t>value
        if kind < 8 and not -(<int64_t>1 << (8 * kind - 1)) <= whole < <int64_t>1 << (8 * kind - 1):
            raise OverflowError(f"found {whole}, expected an integer with {kind} bytes")
        self.add_number(kind, 4)
        return self.add_number(whole, kind)


# Columns of an event, in the order of ``encoded_events``.
EVENTS = ("ts", "sensor", "log", "seq", "id", "site", "kind", "action", "severity", "about", "record")


def encoded_events(placed):
    """Events with their origin (``sensor.hub.rows.Placed``) as the content of one COPY with the columns EVENTS: without
    a row of Python for each. Raises as ``encoded``.
    """
    cdef _Buffer buffer = _Buffer()
    buffer.add(PyBytes_AS_STRING(SIGNATURE), PyBytes_GET_SIZE(SIGNATURE))
    for (sensor, site, log), (seq, ts, line, text) in placed:
        part = line.alert or line.incident or line.recommendation or line.device
        buffer.add_number(11, 2)
        buffer.add_int8(microseconds(ts))
        buffer.add_int8(sensor)
        buffer.add_int8(log)
        buffer.add_int8(seq)
        buffer.add_word(line.id)
        buffer.add_text(site)
        buffer.add_word(line.kind)
        buffer.add_word(line.action)
        buffer.add_number(2, 4)
        buffer.add_number(line.level, 2)
        buffer.add_word(part.id if part is not None else "")
        buffer.add_bytes(text)
    buffer.add(PyBytes_AS_STRING(TRAILER), PyBytes_GET_SIZE(TRAILER))
    return buffer.content()


def encoded(rows, types):
    """Rows as the content of one COPY. ``types``: names of KINDS, one per column; ``bytea`` also for text that is given
    as UTF-8, ``text[]`` for lists of at most a few thousand texts. Raises TypeError, OverflowError or
    UnicodeEncodeError for a value that its column cannot have.
    """
    cdef _Buffer buffer = _Buffer()
    cdef int[32] kinds
    cdef int place, count = len(types)
    if count > 32:
        raise ValueError(f"{count} columns, expected at most 32")
    for place in range(count):
        kinds[place] = KINDS[types[place]]
    buffer.add(PyBytes_AS_STRING(SIGNATURE), PyBytes_GET_SIZE(SIGNATURE))
    for row in rows:
        if len(row) != count:
            raise ValueError(f"a row with {len(row)} values, expected {count}")
        buffer.add_number(count, 2)
        for place in range(count):
            buffer.add_value(row[place], kinds[place])
    buffer.add(PyBytes_AS_STRING(TRAILER), PyBytes_GET_SIZE(TRAILER))
    return buffer.content()
