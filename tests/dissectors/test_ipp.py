"""IPP: printers describe themselves, clients print, and print servers are not reported as printers."""

from __future__ import annotations

import pytest

from pcaps.dissectors.ipp import (
    BASE,
    DEVICE_ID,
    PRINTER_SENDS,
    QUEUE_REPORT,
    TEXT,
    http_request,
    http_response,
    ipp_message,
)
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.ipp import Ipp
from tests.dissectors.samples import events, facts, packets, values

AGENT = "CUPS/2.4.2 (Linux 6.1.0; x86_64) IPP/2.0"
MODEL = "HP LaserJet MFP M428fdw"


def conversation(*parts: tuple[bool, bytes]) -> list[object]:
    stream, packet = Ipp().stream(Packet()), Packet(proto=6, dport=631)
    return [parsed for from_client, data in parts for parsed in stream.feed(packet, data, from_client)]


def requested(path: str, *attributes: tuple[int, str, str], server: str = "x") -> list[object]:
    """The results of a Get-Printer-Attributes request and its response."""
    request = http_request(path, ipp_message(0x000B, 7, {1: BASE}))
    return conversation(
        (True, request), (False, http_response(ipp_message(0, 7, {1: BASE, 4: list(attributes)}), server))
    )


def test_conversation() -> None:
    """Requests, a job and their responses are reported, each response with the operation of its request."""
    stream = Ipp().stream(Packet())
    parsed = [
        parsed for packet in packets("ipp") for parsed in stream.feed(packet, packet.payload, packet.dport == 631)
    ]
    assert events(parsed) == [
        ("IppRequest", "get_printer_attributes", "/ipp/print", 1, "", "", AGENT),
        ("IppResponse", "get_printer_attributes", 0, 1, MODEL, "Virata-EmWeb/R6_2_1", False),
        ("IppRequest", "print_job", "/ipp/print", 2, "miller", "Budget 2026", AGENT),
        ("IppResponse", "print_job", 1, 2, "", "Virata-EmWeb/R6_2_1", False),
        ("IppRequest", "get_printer_attributes", "/printers/laser", 3, "", "", AGENT),
        ("IppResponse", "get_printer_attributes", 0, 3, "Kyocera ECOSYS M3655idn", "CUPS/2.4 IPP/2.1", True),
    ]
    who = ("02:00:5e:00:53:03", "10.20.30.41")
    assert facts(parsed) == [
        (*who, "ipp.make_and_model", MODEL),
        (*who, "ipp.instance", "HP LaserJet MFP M428fdw (5E5303)"),
        (*who, "ipp.uuid", "urn:uuid:564e4235-4530-3035-3330-02005e005303"),
        (*who, "ipp.location", "3rd floor"),
        (*who, "ipp.device_id", DEVICE_ID),
        (*who, "ipp.serial", "VNB5E00530"),
        (*who, "ipp.firmware", "20200529"),
        (*who, "ipp.role", "print_server"),
    ]


def test_model_from_the_device_id() -> None:
    """The model of a printer without make and model is read from its device id."""
    parsed = requested("/ipp/print", (TEXT, "printer-device-id", "MFG:Brother;MDL:HL-L2350DW series;"))
    assert values(parsed) == [
        ("ipp.device_id", "MFG:Brother;MDL:HL-L2350DW series;"),
        ("ipp.make_and_model", "Brother HL-L2350DW series"),
    ]


@pytest.mark.parametrize(
    ("path", "attributes"),
    [
        ("/printers/laser", PRINTER_SENDS),
        ("/classes/all", PRINTER_SENDS),
        ("/ipp/print", QUEUE_REPORT),
        ("/ipp/print", [*PRINTER_SENDS, (0x22, "printer-is-shared", "\1")]),
        ("/", [*PRINTER_SENDS, (0x23, "printer-type", "\0\0\0\4")]),
    ],
)
def test_print_server_is_no_printer(path: str, attributes: list[tuple[int, str, str]]) -> None:
    """Queues, and attributes that only spoolers have, identify a print server."""
    assert values(requested(path, *attributes)) == [("ipp.role", "print_server")]


def test_library_of_a_spooler_in_a_printer() -> None:
    """Printers built with the CUPS library send it as their server; this alone does not make a print server."""
    assert ("ipp.make_and_model", MODEL) in values(requested("/ipp/print", *PRINTER_SENDS, server="CUPS/2.4.2 IPP/2.0"))


def test_long_document_ends_the_reading() -> None:
    """The attributes of a job precede its document, which is not parsed."""
    stream, packet = Ipp().stream(Packet()), Packet(proto=6, dport=631)
    message = http_request("/ipp/print", ipp_message(0x0002, 2, {1: BASE}, bytes(100_000)))
    parsed = [one for at in range(0, 60_000, 1460) for one in stream.feed(packet, message[at : at + 1460], True)]
    assert [event[1] for event in events(parsed)] == ["print_job"]
    assert stream.done


def test_cut_answer_reports_what_is_there() -> None:
    """A response with a gap reports its complete attributes."""
    stream, packet = Ipp().stream(Packet()), Packet(proto=6, dport=631)
    answer = http_response(ipp_message(0, 7, {1: BASE, 4: PRINTER_SENDS}))
    assert list(stream.feed(packet, answer[:-60], False)) == []
    assert ("ipp.make_and_model", MODEL) in values(list(stream.gap(packet, 60, False)))


def test_answer_without_a_type() -> None:
    """Some printers send no media type: the response to an IPP request is still IPP."""
    request = http_request("/ipp/print", ipp_message(0x000B, 7, {1: BASE}))
    answer = http_response(ipp_message(0, 7, {1: BASE, 4: PRINTER_SENDS}))
    bare = answer.replace(b"Content-Type: application/ipp\r\n", b"")
    assert ("ipp.make_and_model", MODEL) in values(conversation((True, request), (False, bare)))
    assert conversation((False, bare)) == []


def test_web_pages_at_the_port() -> None:
    """Web pages of a print server are not IPP and not malformed."""
    assert (
        conversation(
            (True, b"GET / HTTP/1.1\r\n\r\n"),
            (False, b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 4\r\n\r\nhome"),
        )
        == []
    )


def test_other_posts_on_other_ports() -> None:
    """A POST that only begins like IPP ends the stream without a result."""
    stream = Ipp().stream(Packet())
    assert (
        list(
            stream.feed(
                Packet(proto=6, dport=80),
                b"POST /products HTTP/1.1\r\nContent-Type: text/json\r\nContent-Length: 2\r\n\r\n{}",
                True,
            )
        )
        == []
    )
    assert stream.done


@pytest.mark.parametrize(
    "body", [b"\2\0\0\x0b", b"\7\0\0\x0b\0\0\0\1\3", b"\2\0\0\x0b\0\0\0\1\1\x47\xff\xff", b"\2\0\0\x0b\0\0\0\1"]
)
def test_malformed(body: bytes) -> None:
    """Short messages, an unknown version, a name longer than the message and a missing end are malformed."""
    with pytest.raises(Malformed):
        conversation((True, http_request("/ipp/print", body)))


def test_text_with_broken_language() -> None:
    """A value shorter than its length field is omitted."""
    assert values(requested("/ipp/print", (0x35, "printer-location", "\0\2en\0"))) == []
