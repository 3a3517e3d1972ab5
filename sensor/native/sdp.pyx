# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=False, cdivision=True
"""Native session descriptions (RFC 8866): see ``sensor.dissectors.shared.sdp``, the reference."""

from libc.stdint cimport uint8_t, uint32_t, uint64_t

from sensor.native.lines cimport Piece, begins_folded, parted_at, piece
from sensor.native.out cimport PUNT, TAKEN, Out, fits, items, put, span
from sensor.native.text cimport character, cleaned

cdef enum:
    LIMIT = 4096
    LINES_LIMIT = 128
    MEDIA_LIMIT = 8
    NAME_LIMIT = 255
    ORIGIN_WORDS = 6


cdef int description(Piece body, Out* out, Sdp* found) except -1 nogil:
    """Parse a description, which begins with ``v=0``. PUNT if a text is not ASCII."""
    cdef Piece line, value
    cdef uint32_t lines = 0, count = 0, i
    cdef uint64_t[MEDIA_LIMIT] media
    cdef uint64_t* listed
    cdef int done
    found.user = found.address = found.session = found.tool = 0
    body.size = min(body.size, <uint32_t>LIMIT)
    if not fits(out, MEDIA_LIMIT, 3 * LIMIT):
        return PUNT
    while body.size and lines < LINES_LIMIT:
        next_line(&body, &line)
        lines += 1
        if line.size < 2 or line.data[1] != 61:
            continue
        value, done = piece(line.data + 2, line.size - 2), TAKEN
        if line.data[0] == 111 and not <uint32_t>found.address:    # o=
            done = origin(value, out, found)
        elif line.data[0] == 115 and not <uint32_t>found.session:  # s=
            done = named(value, out, &found.session)
        elif line.data[0] == 97 and not <uint32_t>found.tool and begins_folded(value, b"tool:"):  # a=
            done = named(piece(value.data + 5, value.size - 5), out, &found.tool)
        elif line.data[0] == 109 and count < MEDIA_LIMIT:          # m=
            done = medium(value, out, &media[count], &count)
        if done == PUNT:
            return PUNT
    found.media = span(out.slots_used, count)
    listed = items(out, count)
    for i in range(count):
        listed[i] = media[i]
    return TAKEN


cdef int next_line(Piece* body, Piece* line) except -1 nogil:
    """The next line as in ``bytes.splitlines``: it ends with CR, LF or both."""
    cdef uint32_t at = 0, behind
    while at < body.size and body.data[at] != 10 and body.data[at] != 13:
        at += 1
    line[0] = piece(body.data, at)
    behind = (
        at + 2 if at + 1 < body.size and body.data[at] == 13 and body.data[at + 1] == 10
        else min(at + 1, body.size)
    )
    body[0] = piece(body.data + behind, body.size - behind)
    return 0


cdef int origin(Piece value, Out* out, Sdp* found) except -1 nogil:
    """Name and address of the session's originator (RFC 8866, 5.2)."""
    cdef Piece[ORIGIN_WORDS] words
    cdef uint32_t i
    for i in range(ORIGIN_WORDS):
        if not parted_at(value, 32, &words[i], &value) and i < ORIGIN_WORDS - 1:
            return TAKEN
    if named(words[0], out, &found.user) == PUNT:
        return PUNT
    return cleaned(out, words[5].data, words[5].size, NAME_LIMIT, &found.address)


cdef int named(Piece value, Out* out, uint64_t* found) except -1 nogil:
    """A name; empty if it is a dash."""
    if cleaned(out, value.data, value.size, NAME_LIMIT, found) == PUNT:
        return PUNT
    if <uint32_t>found[0] == 1 and out.text[found[0] >> 32] == 45:
        found[0] = 0
    return TAKEN


cdef int medium(Piece value, Out* out, uint64_t* found, uint32_t* count) except -1 nogil:
    """Kind and port of a media description with at least three words."""
    cdef Piece kind, port, ignored
    cdef uint32_t begin = out.text_used
    if not parted_at(value, 32, &kind, &value) or not parted_at(value, 32, &port, &value):
        return TAKEN
    parted_at(port, 47, &port, &ignored)
    put(out, kind.data, kind.size)
    character(out, 32)
    put(out, port.data, port.size)
    count[0] += 1
    return cleaned(out, out.text + begin, out.text_used - begin, NAME_LIMIT, found)
