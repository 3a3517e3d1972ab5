# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=False, cdivision=True
"""Messages that Python read before. A native dissector passes a message to Python without the parts that differ between
connections, and hosts with the same program send the same ones: of a million packets with 34,000 such messages, 1,100
are different. What a message yields depends on its fields alone, so that its facts and events are recalled by a keyed
hash of them.

A message is kept when it comes for the second time. One that was evicted is parsed again, which takes longer and has
the same result.
"""

import msgspec

from libc.stdint cimport uint32_t, uint64_t

from sensor.core.bounded import Bounded
from sensor.core.observation import Observation
from sensor.core.siphash cimport Sip, sip_begin, sip_end
from sensor.inventory.novelty cimport Novelty
from sensor.native.out cimport Out
from sensor.native.row_hash cimport Content

KNOWN_LIMIT = 2048

cdef enum:
    # Bytes of a message that is kept: all hellos, most heads and certificates.
    SIZE_LIMIT = 4096
    # Odd, so that events of one message have different contents.
    STEP = 0x9E3779B97F4A7C15


cdef class KnownFact:
    def __init__(self, str kind, str value, uint64_t hashed):
        self.kind, self.value, self.hashed = kind, value, hashed


cdef class KnownEvent:
    def __init__(self, made, tuple values, uint64_t content):
        self.made, self.values, self.content = made, values, content


cdef class KnownMessages:
    def __init__(self, Novelty novelty not None, layouts):
        """``novelty``: its key is used; ``layouts``: the Layout of each class of messages, by number."""
        self.novelty, self.contents = novelty, [Content(layout) for layout in layouts]
        self.known = Bounded(KNOWN_LIMIT)

    cdef uint64_t key_of(self, uint32_t kind, const Out* out, uint32_t at) except? 0:
        """The hash of a message: its class, and the fields whose first slot is ``at``. 0 if it is too long to be
        kept.
        """
        cdef Sip s
        cdef Content content = self.contents[kind]
        if content.bytes_of(out, at) > SIZE_LIMIT:
            return 0
        sip_begin(&s, self.novelty.key0 ^ (kind + 1), ~self.novelty.key1)
        content.add(&s, out, at)
        return sip_end(&s)

    cdef tuple find(self, uint64_t key):
        """What a message yields, as KnownFact and KnownEvent; None if it is not known."""
        return self.known.get(key)

    cdef int learn(self, uint64_t key, list results) except -1:
        """A message yielded these events, in its packet, and these facts about the packet's sender."""
        cdef uint64_t* last = &self.once[key & (ONCE - 1)]
        cdef list parts = []
        if key == 0:
            return 0
        if last[0] != key:
            last[0] = key
            return 0
        for one in results:
            if type(one) is Observation:
                parts.append(KnownFact(one.kind, one.value, self.novelty.hash_of(one.kind, one.value)))
            else:
                content = <uint64_t>(key + STEP * <uint64_t>(len(parts) + 1))
                parts.append(KnownEvent(type(one), msgspec.structs.astuple(one)[1:], content))
        self.known.put(key, tuple(parts))
        return 0
