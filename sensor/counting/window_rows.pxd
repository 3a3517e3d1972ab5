# Rows of a window: keys, their pairs, and pairs that wait.
from libc.stdint cimport int64_t, uint16_t, uint32_t, uint64_t

from sensor.counting.shared cimport BUCKETS

cdef enum:
    PAIR_GROUP = 4    # pairs per group
    CHUNK = 16        # rows between prefetching the groups of a key and a pair and using them
    SOON = 6          # the same for the entries found in the groups
    LINE = 64         # bytes of a cache line
    SAMPLE = 32       # values kept as examples
    AGAIN = 4         # a finding is reported again within its window when the count has grown by this factor

# States of a pair, and the index of its count.
cdef enum:
    COUNTED = 0
    WAITING = 1
    MET = 2
    STATES = 3

ctypedef packed struct Key:
    int64_t reported                  # bucket in which the key was last reported, and its count then
    uint32_t reported_count
    # distinguishes pairs of this key from those of the slot's earlier keys; 0: empty
    uint32_t generation
    uint32_t[STATES] totals
    uint32_t[STATES * BUCKETS] counts
    uint32_t spare                # two cache lines in all

ctypedef packed struct Pair:
    uint64_t tag                  # value ^ mixed key, so that the value can be recovered
    int64_t bucket                # of its last sighting
    uint32_t slot
    uint32_t generation           # 0: empty
    uint32_t birth
    uint16_t weight               # count of its key when the pair was added
    uint16_t state

ctypedef packed struct Wait:
    int64_t due
    uint32_t pair
    uint32_t birth


cdef inline int clear(Key* key) except -1 nogil:
    """Reset the counts of the key."""
    cdef int k
    for k in range(STATES):
        key.totals[k] = 0
    for k in range(STATES * BUCKETS):
        key.counts[k] = 0
    return 0


cdef inline int count(Key* key, int state, int64_t bucket) except -1 nogil:
    """Count one more pair of the key in a state and a bucket."""
    key.totals[state] += 1
    key.counts[state * BUCKETS + (bucket & 7)] += 1
    return 0


cdef inline int uncount(Key* key, Pair* pair) except -1 nogil:
    """Remove a pair of the key from its state and bucket."""
    key.totals[pair.state] -= 1
    key.counts[pair.state * BUCKETS + (pair.bucket & 7)] -= 1
    return 0


cdef inline int let_go(Key* key, int64_t bucket) except -1 nogil:
    """Remove a bucket from the window of the key."""
    cdef int state
    for state in range(STATES):
        key.totals[state] -= key.counts[state * BUCKETS + (bucket & 7)]
        key.counts[state * BUCKETS + (bucket & 7)] = 0
    return 0
