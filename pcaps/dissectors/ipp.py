"""IPP: a client requests the attributes of a printer and prints; the response is chunked. Then the response of a print
server for one of its queues.
"""

from __future__ import annotations

import struct

from pcaps.dissectors._frames import DESKTOP, PRINTER, Frames, conversation

Attribute = tuple[int, str, str]  # tag of the value, name, value
KEYWORD, NAME, TEXT, URI, CHARSET, LANGUAGE, NAMED = 0x44, 0x42, 0x41, 0x45, 0x47, 0x48, 0x36
DEVICE_ID = "MFG:HP;MDL:HP LaserJet MFP M428fdw;CLS:PRINTER;SN:VNB5E00530;FWVER:20200529;"


def ipp_message(number: int, request_id: int, groups: dict[int, list[Attribute]], document: bytes = b"") -> bytes:
    parts = [struct.pack("!BBHI", 2, 0, number, request_id)]
    for group, attributes in groups.items():
        parts.append(bytes((group,)))
        for tag, name, value in attributes:
            raw = value.encode()
            if tag == NAMED:
                raw = struct.pack("!H2sH", 2, b"en", len(raw)) + raw
            parts.append(struct.pack(f"!BH{len(name)}sH", tag, len(name), name.encode(), len(raw)) + raw)
    return b"".join(parts) + b"\3" + document


def http_request(path: str, body: bytes) -> bytes:
    agent = "User-Agent: CUPS/2.4.2 (Linux 6.1.0; x86_64) IPP/2.0"
    return (
        f"POST {path} HTTP/1.1\r\nHost: 10.20.30.41\r\n{agent}\r\nContent-Type: "
        f"application/ipp\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode() + body


def http_response(body: bytes, server: str = "Virata-EmWeb/R6_2_1", chunk: int = 0) -> bytes:
    head = f"HTTP/1.1 200 OK\r\nServer: {server}\r\nContent-Type: application/ipp\r\n"
    if not chunk:
        return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
    pieces = [body[at : at + chunk] for at in range(0, len(body), chunk)]
    return (
        f"{head}Transfer-Encoding: chunked\r\n\r\n".encode()
        + b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
        + b"0\r\n\r\n"
    )


BASE: list[Attribute] = [(CHARSET, "attributes-charset", "utf-8"), (LANGUAGE, "attributes-natural-language", "en")]
PRINTER_SENDS: list[Attribute] = [
    (URI, "printer-uri-supported", "ipp://10.20.30.41:631/ipp/print"),
    (URI, "", "ipps://10.20.30.41:443/ipp/print"),
    (TEXT, "printer-make-and-model", "HP LaserJet MFP M428fdw"),
    (TEXT, "printer-device-id", DEVICE_ID),
    (URI, "printer-uuid", "urn:uuid:564e4235-4530-3035-3330-02005e005303"),
    (NAMED, "printer-dns-sd-name", "HP LaserJet MFP M428fdw (5E5303)"),
    (TEXT, "printer-location", "3rd floor"),
]
QUEUE_REPORT: list[Attribute] = [
    (URI, "printer-uri-supported", "ipp://10.20.30.41:631/printers/laser"),
    (TEXT, "printer-make-and-model", "Kyocera ECOSYS M3655idn"),
    (NAME, "printer-name", "laser"),
]


def frames() -> Frames:
    get_attributes: list[Attribute] = [
        *BASE,
        (URI, "printer-uri", "ipp://10.20.30.41/ipp/print"),
        (KEYWORD, "requested-attributes", "all"),
    ]
    job: list[Attribute] = [*BASE, (NAME, "requesting-user-name", "miller"), (NAME, "job-name", "Budget 2026")]
    parts = [
        (True, http_request("/ipp/print", ipp_message(0x000B, 1, {1: get_attributes}))),
        (
            False,
            b"HTTP/1.1 100 Continue\r\n\r\n" + http_response(ipp_message(0, 1, {1: BASE, 4: PRINTER_SENDS}), chunk=150),
        ),
        (True, http_request("/ipp/print", ipp_message(0x0002, 2, {1: job}, b"%PDF-1.4 a short document"))),
        (False, http_response(ipp_message(0x0001, 2, {1: BASE, 2: []}))),
        (True, http_request("/printers/laser", ipp_message(0x000B, 3, {1: get_attributes}))),
        (False, http_response(ipp_message(0, 3, {1: BASE, 4: QUEUE_REPORT}), "CUPS/2.4 IPP/2.1")),
    ]
    yield from conversation((DESKTOP, "10.20.30.66", 49200), (PRINTER, "10.20.30.41", 631), parts)
