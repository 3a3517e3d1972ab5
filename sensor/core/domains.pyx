# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=False, cdivision=True
"""Domains of host names. Names and domains are in lower case, without a final dot.

A new name in a DNS query is looked up in several sets of domains; each look-up takes one step per label.
"""

from cpython.dict cimport PyDict_GetItem
from cpython.object cimport PyObject

cdef extern from "Python.h":
    Py_ssize_t PyUnicode_FindChar(str text, Py_UCS4 letter, Py_ssize_t start, Py_ssize_t end, int direction) except -2
    str PyUnicode_Substring(str text, Py_ssize_t start, Py_ssize_t end)


# Second-level labels below which country domains register names (co.uk, com.br, ac.jp).
cdef frozenset SECOND_LEVEL = frozenset(
    "ac asn co com edu gob gouv gov govt go id idv ltd mil ne net nhs nom or org plc sch".split()
)
cdef enum:
    COUNTRY_LETTERS = 2


cdef inline str above(str name):
    """The name without its first label; empty if it has only one."""
    cdef Py_ssize_t size = len(name), dot = PyUnicode_FindChar(name, u".", 0, size, 1)
    return PyUnicode_Substring(name, dot + 1, size) if dot >= 0 else ""


def under(str name not None, domains):
    """Whether a name is one of the domains or below one."""
    while name:
        if name in domains:
            return True
        name = above(name)
    return False


def bits_under(str name not None, dict domains not None):
    """The bits of all domains that a name is or is below."""
    cdef PyObject* found
    bits = 0
    while name:
        found = PyDict_GetItem(domains, name)
        if found is not NULL:
            bits |= <object>found
        name = above(name)
    return bits


def innermost(str name not None, dict domains not None):
    """The value of the longest domain that a name is or is below; None if there is no such domain."""
    cdef PyObject* found
    while name:
        found = PyDict_GetItem(domains, name)
        if found is not NULL:
            return <object>found
        name = above(name)
    return None


def registered(str name not None):
    """The registered domain of a name: ``example.co.uk`` of ``www.example.co.uk``."""
    cdef Py_ssize_t size = len(name), second, first
    cdef Py_ssize_t last = PyUnicode_FindChar(name, u".", 0, size, -1)
    if last <= 0:
        return name
    second = PyUnicode_FindChar(name, u".", 0, last, -1)
    cdef bint country = size - last - 1 == COUNTRY_LETTERS
    if second > 0 and country and PyUnicode_Substring(name, second + 1, last) in SECOND_LEVEL:
        first = PyUnicode_FindChar(name, u".", 0, second, -1)
        return PyUnicode_Substring(name, first + 1, size)
    return PyUnicode_Substring(name, second + 1, size)
