"""HTTP/2 without TLS: a request of curl with a form and an exploit in a header field, and the response of a server."""

from __future__ import annotations

from pcaps.dissectors._frames import DESKTOP, PBX, Frames, conversation

# What curl 8.14 sends with --http2-prior-knowledge, and a response by h2 4 (Python).
REQUEST = bytes.fromhex(
    "505249202a20485454502f322e300d0a0d0a534d0d0a0d0a00001204000000000000030000006400040001000000020000000000"
    "00040800000000003e7f00010000700104000000018386418b089d5c0b8170dc0bc0781f048c61139eb6283cc6abfc3490077a88"
    "25b650c3cb85a5c353032a2f2a408af2b0eb32ddcb620c7abf99ffcfffee95486b94483aee30c05f7976c2b84005dd607ffeff0f"
    "0d01375f981d75d0620d263d4c795bc78f0b4a7b295adb282d443c8593000007000100000001756e616d653d78"
)
RESPONSE = bytes.fromhex(
    "00002a04000000000000010000100000020000000000040000ffff00050000400000080000000000030000006400060001000000"
    "0000040100000000000018010400000001887689aa6355e580ae2717675f87497ca589d34d1f5c81170000020001000000016f6b"
)


def frames() -> Frames:
    client, server = (DESKTOP, "10.20.30.66", 49152), (PBX, "10.20.30.5", 8080)
    yield from conversation(client, server, [(True, REQUEST), (False, RESPONSE)])
