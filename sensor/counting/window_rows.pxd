# cython: wraparound=False
# Rows of a window: keys, their pairs, and pairs that wait. ``window_types.py`` has their numpy types.
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memchr

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


cdef inline int let_go_until(Key* key, int64_t latest, int64_t now) except -1 nogil:
    """Remove the buckets that left the window of the key between two times."""
    cdef int64_t bucket
    cdef int state
    if now - latest >= BUCKETS:
        return clear(key)
    for bucket in range(latest + 1, now + 1):
        for state in range(STATES):
            key.totals[state] -= key.counts[state * BUCKETS + (bucket & 7)]
            key.counts[state * BUCKETS + (bucket & 7)] = 0
    return 0


# arithmetic only
cdef inline int64_t rank_of(int64_t old, int64_t weight) noexcept nogil:
    """Which entry of a full group is evicted: that of the highest rank, 2**60 if it has left the window. ``old``:
    buckets since its last sighting.
    """
    if not -BUCKETS < old < BUCKETS:
        return <int64_t>1 << 60
    return (<int64_t>1 << 50) - weight * (2 * BUCKETS) + old + BUCKETS


cdef inline bint in_window(Pair* pair, Key* key, int64_t latest) noexcept nogil:  # arithmetic only
    return pair.generation == key.generation and 0 <= latest - pair.bucket < BUCKETS


cdef inline bint still_waits(Wait* place, Pair* pair, Key* key) noexcept nogil:  # compares only
    """Whether a pair is still the one that was added to the queue, and was not answered."""
    return pair.birth == place.birth and pair.state == WAITING and pair.generation == key.generation


cdef inline list counted_tags(uint8_t[::1] owners, Pair[::1] pairs, Key* key, uint32_t slot, int64_t latest):
    """Tags of the counted pairs of a key, the latest first, at most ``SAMPLE``."""
    cdef Py_ssize_t i = 0, n = owners.shape[0]
    cdef uint8_t* first = &owners[0]
    cdef uint8_t* place
    cdef list found = []
    while i < n:
        place = <uint8_t*>memchr(first + i, <uint8_t>key.generation, n - i)
        if place == NULL:
            break
        i = place - first
        if pairs[i].slot == slot and pairs[i].state == COUNTED and in_window(&pairs[i], key, latest):
            found.append((pairs[i].birth, pairs[i].tag))
        i += 1
    found.sort(reverse=True)
    return [tag for _, tag in found[:SAMPLE]]
