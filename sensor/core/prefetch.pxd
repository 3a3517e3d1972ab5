# Prefetch a cache line that is needed soon.
cdef extern from *:
    """
    #if defined(__GNUC__) || defined(__clang__)
    #define sensor_prefetch(p) __builtin_prefetch(p)
    #else
    #define sensor_prefetch(p) ((void)0)
    #endif
    """
    void sensor_prefetch(const void* place) nogil
