"""RTSP: a player requests the stream of a camera (methods, challenge, credentials, description, interleaved media
between messages); a player without credentials.
"""

from __future__ import annotations

from pcaps.dissectors._frames import CAMERA, DESKTOP, Frames, conversation

SDP = (
    "v=0\r\no=- 1001 1 IN IP4 10.20.30.61\r\ns=HIK Media Server V4.30.210\r\na=tool:LIVE555 "
    "Streaming Media v2018.02.18\r\nm=video 0 RTP/AVP 96\r\n"
)


def rtsp_message(start: str, *headers: str, body: str = "") -> bytes:
    length = (f"Content-Length: {len(body)}",) if body else ()
    return "\r\n".join((start, *headers, *length, "", body)).encode()


def frames() -> Frames:
    uri = "rtsp://10.20.30.61:554/Streaming/Channels/101"
    agent = "User-Agent: LibVLC/3.0.18 (LIVE555 Streaming Media v2016.11.28)"
    digest = 'Authorization: Digest username="viewer", realm="IP Camera(12345)", nonce="5f", uri="/", response="0"'
    parts = [
        (True, rtsp_message(f"OPTIONS {uri} RTSP/1.0", "CSeq: 2", agent)),
        (False, rtsp_message("RTSP/1.0 200 OK", "CSeq: 2", "Public: OPTIONS, DESCRIBE, SETUP, PLAY", (
            "Server: Rtsp "
            "Server/3.0"
        ))),
        (True, rtsp_message(f"DESCRIBE {uri} RTSP/1.0", "CSeq: 3", agent, "Accept: application/sdp")),
        (False, rtsp_message("RTSP/1.0 401 Unauthorized", "CSeq: 3", (
            'WWW-Authenticate: Digest realm="IP Camera(12345)", '
            'nonce="5f"'
        ),
                             'WWW-Authenticate: Basic realm="IP Camera(12345)"')),
        (True, rtsp_message(f"DESCRIBE {uri.replace('10.20', 'viewer:secret@10.20')} RTSP/1.0", "CSeq: 4", digest,
        agent)),
        (False, rtsp_message("RTSP/1.0 200 OK", "CSeq: 4", "Content-Type: application/sdp", body=SDP)),
        (True, rtsp_message(f"PLAY {uri} RTSP/1.0", "CSeq: 5", agent)),
        (False, rtsp_message("RTSP/1.0 200 OK", "CSeq: 5") + b"$\0\0\x05RTSP/" + b"$\1\0\2ab"),
        (True, rtsp_message(f"TEARDOWN {uri} RTSP/1.0", "CSeq: 6", agent)),
    ]  # fmt: skip
    yield from conversation((DESKTOP, "10.20.30.66", 49160), (CAMERA, "10.20.30.61", 554), parts)
