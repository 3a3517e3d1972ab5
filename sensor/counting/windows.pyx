# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=False, cdivision=True
"""Kernels for detectors: distinct values per key within a sliding window of packet time.

A window consists of eight buckets, of which the newest is still filling: counts cover between 7/8 and the whole of the
window. Tables have a fixed size, with open addressing in groups; if a group is full, expired entries are evicted first,
then those with the lowest count, then the oldest, so that a flood of random keys evicts its own entries before it
affects a key with a high count. Rows are processed strictly in order, one by one: results do not depend on how rows are
split into calls. Times slightly in the past are late packets and count as now; earlier times mean that the clock was
set back, and the key starts over.
"""

from libc.stdint cimport int8_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

import numpy as np

from sensor.core.prefetch cimport sensor_prefetch
from sensor.counting.aligned import tables
from sensor.counting.shared cimport ANSWERED, BUCKETS, GROUP, OPENED, SHORTEST, SKIP, bucket_of, mix
from sensor.counting.window_rows cimport (
    AGAIN, CHUNK, COUNTED, LINE, MET, PAIR_GROUP, SOON, WAITING, Key, Pair, Wait, clear, count, counted_tags,
    in_window, let_go_until, rank_of, still_waits, uncount,
)
from sensor.counting.window_types import KEY, PAIR, WAIT

cdef int64_t NEVER = -(1 << 62)


cdef class DistinctWindow:
    """Distinct values per key.

    A value is COUNTED from its first sighting, or, with ``grace_ns``, once it has waited that long without being
    forgotten; a forgotten value (the flow was answered after all) is MET: still known, no longer counted. A sighting
    keeps a value in the window.
    """

    cdef readonly int64_t window_ns, grace_ns
    cdef readonly uint64_t evicted_keys, evicted_pairs, overrun
    cdef int64_t width, bucket, bucket_start
    cdef uint64_t key_mask, pair_mask, wait_mask, wait_head, wait_tail
    cdef uint32_t generation, birth
    cdef uint64_t[::1] names
    cdef int64_t[::1] latest
    cdef uint32_t[::1] weights
    cdef Key[::1] keys
    cdef Pair[::1] pairs
    # the low byte of each pair's generation: finds the pairs of a key without reading all of them
    cdef uint8_t[::1] owners
    cdef Wait[::1] waits
    cdef readonly uint32_t threshold, fewest
    cdef readonly double share, gain, loss, level

    def __init__(self, int64_t window_ns, int key_bits=14, int pair_bits=17, int64_t grace_ns=0, int wait_bits=15):
        """Room for 2**key_bits keys (148 bytes each), 2**pair_bits pairs (33 bytes each) and 2**wait_bits waiting ones
        (16 bytes each).
        """
        if window_ns < SHORTEST or not 0 <= grace_ns < window_ns:
            raise ValueError(
                f"window {window_ns} ns, grace {grace_ns} ns: "
                f"the window must be at least {SHORTEST} ns and longer than the grace"
            )
        if not (3 <= key_bits <= 24 and 3 <= pair_bits <= 26 and 3 <= wait_bits <= 24):
            raise ValueError(
                f"key_bits {key_bits}, pair_bits {pair_bits}, wait_bits {wait_bits}: at least 3, at most 24, 26 and 24"
            )
        self.window_ns, self.grace_ns, self.width = window_ns, grace_ns, window_ns // BUCKETS
        self.bucket = self.bucket_start = 0
        keys, pairs, waits = 1 << key_bits, 1 << pair_bits, 1 << wait_bits if grace_ns else 8
        self.names, self.latest, self.weights, self.keys, self.pairs, self.owners, self.waits = tables(
            (keys, "u8"), (keys, "i8"), (keys, "u4"), (keys, KEY), (pairs, PAIR), (pairs, "u1"), (waits, WAIT)
        )
        self.key_mask = (1 << key_bits) - GROUP
        self.pair_mask = (1 << pair_bits) - PAIR_GROUP
        self.wait_mask = self.waits.shape[0] - 1
        self.threshold, self.fewest = 0xFFFFFFFF, 0xFFFFFFFF

    def rule(
        self, *, uint32_t threshold, double share=0.0, uint32_t fewest=0xFFFFFFFF, double gain=0.0, double loss=0.0,
        double level=0.0,
    ):
        """What ``follow`` reports: a key with ``threshold`` counted values that are at least the share ``share`` of
        those counted and met; or with ``fewest`` counted values and counted x ``gain`` - met x ``loss`` of at least
        ``level`` (a sequential likelihood test).
        """
        self.threshold, self.share, self.fewest = threshold, share, fewest
        self.gain, self.loss, self.level = gain, loss, level

    @property
    def evicted(self):
        return self.evicted_keys + self.evicted_pairs

    def count(self, const uint64_t[:] keys, const uint64_t[:] values, const int64_t[:] ts, bint always=False):
        """For each row, the number of values of its key after this row; unless ``always``, 0 if the value was already
        in the window (or waits: see ``grace_ns``).
        """
        cdef Py_ssize_t i, n = keys.shape[0]
        if values.shape[0] != n or ts.shape[0] != n:
            raise ValueError(f"columns of {n}, {values.shape[0]} and {ts.shape[0]} rows")
        out = np.zeros(n, np.uint32)
        cdef uint32_t[::1] counts = out
        cdef int slot
        with nogil:
            for i in range(n):
                if i + CHUNK < n:
                    self.ahead(keys[i + CHUNK], values[i + CHUNK])
                if self.row(keys[i], values[i], ts[i], ts[i], OPENED, &slot) or always:
                    counts[i] = self.keys[slot].totals[COUNTED]
        return out

    def forget(self, const uint64_t[:] keys, const uint64_t[:] values, const int64_t[:] ts):
        """Stop counting these pairs within the window."""
        cdef Py_ssize_t i, n = keys.shape[0]
        cdef int slot
        if values.shape[0] != n or ts.shape[0] != n:
            raise ValueError(f"columns of {n}, {values.shape[0]} and {ts.shape[0]} rows")
        with nogil:
            for i in range(n):
                self.row(keys[i], values[i], ts[i], ts[i], ANSWERED, &slot)

    def follow(
        self, const uint64_t[:] keys, const uint64_t[:] values, const int64_t[:] ts, const int64_t[:] since,
        const int8_t[:] ops,
    ):
        """Rows with their operation (0 none, 1 opened, 2 answered, 3 failed; ``since``: when the pair began) → findings
        by the ``rule``.

        A finding is (row, counted, met, sample of counted values). It is raised at a row of the same key: once per
        window, and again when its count has grown fourfold.
        """
        cdef Py_ssize_t i, n = keys.shape[0]
        cdef int slot
        cdef list found = []
        if values.shape[0] != n or ts.shape[0] != n or since.shape[0] != n or ops.shape[0] != n:
            raise ValueError(
                f"columns of {n}, {values.shape[0]}, {ts.shape[0]}, {since.shape[0]} and {ops.shape[0]} rows"
            )
        with nogil:
            for i in range(n):
                if i + CHUNK < n and ops[i + CHUNK]:
                    self.ahead(keys[i + CHUNK], values[i + CHUNK])
                if i + SOON < n and ops[i + SOON]:
                    self.soon(keys[i + SOON])
                if ops[i] == SKIP:
                    continue
                slot = self.judged(keys[i], values[i], ts[i], since[i], ops[i])
                if slot >= 0:
                    with gil:
                        found.append((i, *self.finding(slot)))
        return found

    def follow_one(self, uint64_t key, uint64_t value, int64_t ts, int op):
        """``follow`` for a single row that begins at its own time: (counted, met, sample) if it is a finding, else
        None.
        """
        cdef int slot = self.judged(key, value, ts, ts, op)
        return self.finding(slot) if slot >= 0 else None

    cdef int judged(self, uint64_t key, uint64_t value, int64_t ts, int64_t since, int op) except -2 nogil:
        """Process one row with an operation; returns the slot of its key if the rule matches, else -1."""
        cdef int slot
        self.mature(ts)
        self.row(key, value, ts, since, op, &slot)
        if not self.stands_out(slot):
            return -1
        self.keys[slot].reported, self.keys[slot].reported_count = self.latest[slot], self.keys[slot].totals[COUNTED]
        return slot

    cdef tuple finding(self, int slot):
        return self.keys[slot].totals[COUNTED], self.keys[slot].totals[MET], self.examples(slot)

    def sample(self, uint64_t key):
        """At most 32 of the counted values of this key, the latest first."""
        cdef int slot = self.find(key)
        return [] if slot < 0 else self.examples(slot)

    cdef inline int ahead(self, uint64_t key, uint64_t value) except -1 nogil:
        """Prefetch the cache lines."""
        cdef uint64_t mixed = mix(key), at
        at = mixed & self.key_mask
        sensor_prefetch(&self.names[at])
        sensor_prefetch(&self.latest[at])
        sensor_prefetch(&self.weights[at])
        at = mix(value ^ mixed) & self.pair_mask
        sensor_prefetch(&self.pairs[at])
        sensor_prefetch(<const char*>&self.pairs[at] + LINE)
        return 0

    cdef inline int soon(self, uint64_t key) except -1 nogil:
        """Prefetch the counts of a key that has a slot, and the next waiting pair that may have matured."""
        cdef uint64_t at = mix(key) & self.key_mask
        cdef int k
        for k in range(GROUP):
            if self.names[at + k] == key:
                sensor_prefetch(&self.keys[at + k])
                sensor_prefetch(<const char*>&self.keys[at + k] + LINE)
                break
        if self.wait_tail - self.wait_head > SOON:
            sensor_prefetch(&self.pairs[self.waits[(self.wait_head + SOON) & self.wait_mask].pair])
        return 0

    cdef inline int64_t number_of(self, int64_t ts) noexcept nogil:  # arithmetic only
        """The bucket of a time; most times are in the previous row's bucket, found without a division."""
        if <uint64_t>ts - <uint64_t>self.bucket_start >= <uint64_t>self.width:
            self.bucket = bucket_of(ts, self.width)
            self.bucket_start = self.bucket * self.width
        return self.bucket

    cdef inline bint stands_out(self, int slot) except -1 nogil:
        cdef Key* key = &self.keys[slot]
        cdef uint32_t counted = key.totals[COUNTED], met = key.totals[MET]
        if counted < self.threshold and counted < self.fewest:
            return False
        if 0 <= self.latest[slot] - key.reported < BUCKETS and counted < AGAIN * <uint64_t>key.reported_count:
            return False
        if counted >= self.threshold and counted >= self.share * (<double>counted + met):
            return True
        return counted >= self.fewest and counted * self.gain - met * self.loss >= self.level

    cdef inline int row(
        self, uint64_t name, uint64_t value, int64_t ts, int64_t since, int op, int* at
    ) except -1 nogil:
        """Process one row. Sets ``at`` to the key's slot; returns 1 if the value was not in the window and counts now,
        else 0.
        """
        cdef int slot = self.find(name)
        cdef int64_t now = self.number_of(ts), born
        cdef uint64_t tag = value ^ mix(name)
        cdef int pair, wanted
        if slot < 0:
            slot = self.settle(name, now)
        else:
            self.age(slot, now)
        at[0] = slot
        now = self.latest[slot]
        pair = self.locate(tag, slot)
        if op == OPENED:
            if pair >= 0:
                self.move(&self.pairs[pair], slot, self.pairs[pair].state, now)
                return 0
            pair = self.admit(tag, slot, WAITING if self.grace_ns else COUNTED, now)
            return self.wait(pair, ts) if self.grace_ns else 1
        if op == ANSWERED:
            if pair >= 0:
                self.move(&self.pairs[pair], slot, MET, self.pairs[pair].bucket)
            else:
                self.admit(tag, slot, MET, now)
            return 0
        if pair >= 0:
            if self.pairs[pair].state != WAITING:
                return 0
            self.move(&self.pairs[pair], slot, COUNTED, self.pairs[pair].bucket)
            return 1
        born = min(bucket_of(since, self.width), now)
        if not 0 <= now - born < BUCKETS:
            return 0
        self.admit(tag, slot, COUNTED, born)
        return 1

    cdef inline int find(self, uint64_t name) except -2 nogil:
        """Slot of a key, -1 if it has none."""
        cdef uint64_t at = mix(name) & self.key_mask
        cdef int k
        for k in range(GROUP):
            if self.names[at + k] == name and self.keys[at + k].generation:
                return <int>(at + k)
        return -1

    cdef int settle(self, uint64_t name, int64_t now) except -1 nogil:
        """A slot for a new key."""
        cdef uint64_t at = mix(name) & self.key_mask, place = at
        cdef int64_t rank, worst = -1, old
        cdef int k
        for k in range(GROUP):
            old = now - self.latest[at + k]
            if self.weights[at + k] == 0 and self.keys[at + k].generation == 0:
                place = at + k
                worst = -1
                break
            rank = rank_of(old, self.weights[at + k])
            if rank > worst:
                worst, place = rank, at + k
        if 0 <= worst < <int64_t>1 << 60:
            self.evicted_keys += 1
        self.names[place], self.latest[place], self.weights[place] = name, now, 0
        self.keys[place].reported = NEVER
        self.begin(&self.keys[place])
        return <int>place

    cdef int begin(self, Key* key) except -1 nogil:
        """Start a new generation: pairs of the previous one are invalid from now on."""
        self.generation += 1
        if self.generation == 0:
            self.generation = 1
        key.generation = self.generation
        return clear(key)

    cdef int age(self, int slot, int64_t now) except -1 nogil:
        """Remove what left the window of this key."""
        cdef Key* key = &self.keys[slot]
        cdef int64_t passed = now - self.latest[slot]
        if passed == 0 or -BUCKETS < passed < 0:
            return 0
        if passed < 0:  # the clock was set back: entries in the future would become valid again
            self.begin(key)
        else:
            let_go_until(key, self.latest[slot], now)
        self.latest[slot] = now
        self.weights[slot] = key.totals[COUNTED] + key.totals[WAITING] + key.totals[MET]
        return 0

    cdef inline bint alive(self, Pair* pair) except -1 nogil:
        """Whether the pair is in the window of its key."""
        return pair.generation and in_window(pair, &self.keys[pair.slot], self.latest[pair.slot])

    cdef inline int locate(self, uint64_t tag, int slot) except -2 nogil:
        """Index of a pair in the window, -1 if it is not there."""
        cdef uint64_t at = mix(tag) & self.pair_mask
        cdef int k
        for k in range(PAIR_GROUP):
            if (
                self.pairs[at + k].tag == tag
                and self.pairs[at + k].slot == <uint32_t>slot
                and self.alive(&self.pairs[at + k])
            ):
                return <int>(at + k)
        return -1

    cdef int admit(self, uint64_t tag, int slot, int state, int64_t bucket) except -1 nogil:
        """A slot for a new pair, counted in ``state``."""
        cdef uint64_t at = mix(tag) & self.pair_mask, place = at
        cdef int64_t rank, worst = -1
        cdef int k
        cdef Pair* pair
        for k in range(PAIR_GROUP):
            pair = &self.pairs[at + k]
            if pair.generation == 0:
                place = at + k
                worst = -1
                break
            rank = rank_of(bucket - pair.bucket, pair.weight)
            if rank > worst:
                worst, place = rank, at + k
        pair = &self.pairs[place]
        if worst >= 0 and self.alive(pair):
            self.evicted_pairs += 1
            uncount(&self.keys[pair.slot], pair)
            self.weights[pair.slot] -= 1
        self.birth += 1
        self.weights[slot] += 1
        pair[0] = Pair(
            tag=tag, bucket=bucket, slot=slot, generation=self.keys[slot].generation, birth=self.birth,
            weight=<uint16_t>min(self.weights[slot], <uint32_t>0xFFFF), state=state,
        )
        count(&self.keys[slot], state, bucket)
        self.owners[place] = <uint8_t>pair.generation
        return <int>place

    cdef inline int move(self, Pair* pair, int slot, int state, int64_t bucket) except -1 nogil:
        """Move a valid pair to another state or bucket."""
        uncount(&self.keys[slot], pair)
        count(&self.keys[slot], state, bucket)
        pair.state, pair.bucket = state, bucket
        return 0

    cdef inline int wait(self, int pair, int64_t ts) except -1 nogil:
        """Add a pair to the queue of waiting pairs; if the queue is full, the oldest one leaves it uncounted."""
        cdef Wait* place
        if self.wait_tail - self.wait_head > self.wait_mask:
            self.wait_head += 1
            self.overrun += 1
        place = &self.waits[self.wait_tail & self.wait_mask]
        place.due, place.pair, place.birth = ts + self.grace_ns, pair, self.pairs[pair].birth
        self.wait_tail += 1
        return 0

    cdef inline int mature(self, int64_t ts) except -1 nogil:
        """Count the pairs that waited long enough. A pair with a time implausibly far ahead was added before the clock
        was set back: it leaves the queue.
        """
        cdef Wait* first
        cdef Pair* pair
        cdef int64_t now
        while self.wait_head != self.wait_tail:
            first = &self.waits[self.wait_head & self.wait_mask]
            if ts < first.due <= ts + 2 * self.grace_ns:
                break
            self.wait_head += 1
            pair = &self.pairs[first.pair]
            if first.due <= ts and still_waits(first, pair, &self.keys[pair.slot]):
                now = self.number_of(first.due)
                if now > self.latest[pair.slot]:
                    self.age(pair.slot, now)
                if self.alive(pair):
                    self.move(pair, pair.slot, COUNTED, pair.bucket)
        return 0

    cdef list examples(self, int slot):
        """The counted values of the key in a slot, the latest first."""
        cdef uint64_t mixed = mix(self.names[slot])
        return [tag ^ mixed for tag in counted_tags(self.owners, self.pairs, &self.keys[slot], slot, self.latest[slot])]
