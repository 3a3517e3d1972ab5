# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=False, cdivision=True
"""The tables that native dissectors write into."""

from libc.stdint cimport int32_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, realloc


cdef int reserve(Out* out) except -1 nogil:
    """Reserve room for one more message. Raises MemoryError if there is none."""
    if out.entries_room - out.entries_used < ENTRIES_A_MESSAGE:
        out.entries_room = 2 * out.entries_room + ENTRIES_A_MESSAGE
        out.entries = <Entry*>grown(out.entries, out.entries_room * sizeof(Entry))
    if out.slots_room - out.slots_used < SLOTS_A_MESSAGE:
        out.slots_room = 2 * out.slots_room + SLOTS_A_MESSAGE
        out.slots = <uint64_t*>grown(out.slots, out.slots_room * sizeof(uint64_t))
    if out.text_room - out.text_used < TEXT_A_MESSAGE:
        out.text_room = 2 * out.text_room + TEXT_A_MESSAGE
        out.text = <uint8_t*>grown(out.text, out.text_room)
    return 0


cdef void* grown(void* block, size_t size) except NULL nogil:
    cdef void* larger = realloc(block, size)
    if larger == NULL:
        with gil:
            raise MemoryError(f"{size} bytes for messages")
    return larger


cdef class Messages:
    def __dealloc__(self):
        free(self.out.entries)
        free(self.out.slots)
        free(self.out.text)

    def __len__(self):
        return self.out.entries_used

    def move(self, Py_ssize_t rows):
        """Shift all rows by ``rows``: those of another batch come before them."""
        self.start += rows

    def drop(self, const int32_t[::1] rows):
        """Remove the entries of some rows (in ascending order), except those at the end of a flow; returns how many
        rows had entries.
        """
        cdef uint32_t i, kept = 0, stays = 0
        cdef Py_ssize_t at = 0, dropped = 0, last = -1
        for i in range(self.out.entries_used):
            while at < rows.shape[0] and rows[at] < self.out.entries[i].row + self.start:
                at += 1
            if self.out.entries[i].what == ENDED:
                stays = i + 1 + self.out.entries[i].size
            if i < stays or at == rows.shape[0] or rows[at] != self.out.entries[i].row + self.start:
                self.out.entries[kept] = self.out.entries[i]
                kept += 1
            elif at != last:
                dropped, last = dropped + 1, at
        self.out.entries_used = kept
        return dropped
