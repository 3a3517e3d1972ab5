from libc.stdint cimport uint8_t, uint32_t, uint64_t

cdef Py_ssize_t quad(uint8_t *to, uint32_t address) noexcept nogil  # arithmetic only: nothing can fail
cdef Py_ssize_t groups(uint8_t *to, uint64_t hi, uint64_t lo) noexcept nogil  # arithmetic only: nothing can fail
