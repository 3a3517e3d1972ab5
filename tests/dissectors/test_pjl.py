"""PJL: answers of printers that describe them, and commands of jobs."""

from __future__ import annotations

from sensor.core.packet import Packet
from sensor.dissectors.pjl import Pjl
from tests.dissectors.samples import events, facts, packets, values

EXIT = b"\x1b%-12345X"


def session(port: int) -> list[object]:
    stream = Pjl().stream(Packet())
    chosen = [packet for packet in packets("pjl") if port in (packet.sport, packet.dport)]
    return [parsed for packet in chosen for parsed in stream.feed(packet, packet.payload, packet.dport == 9100)]


def conversation(*parts: tuple[bool, bytes]) -> list[object]:
    stream, packet = Pjl().stream(Packet()), Packet(proto=6)
    return [parsed for from_client, data in parts for parsed in stream.feed(packet, data, from_client)]


def test_job() -> None:
    """Commands are reported in order without values of variables, answers by topic; page data is not parsed as
    commands.
    """
    parsed = session(49190)
    assert events(parsed) == [
        ("PjlCommand", "INFO", "ID", ""),
        ("PjlCommand", "INFO", "PRODINFO", ""),
        ("PjlCommand", "USTATUS", "DEVICE", ""),
        ("PjlAnswer", "INFO ID", 1),
        ("PjlAnswer", "INFO PRODINFO", 3),
        ("PjlAnswer", "USTATUS DEVICE", 3),
        ("PjlCommand", "JOB", "", ""),
        ("PjlCommand", "SET", "HOLDKEY", ""),
        ("PjlCommand", "DEFAULT", "PASSWORD", ""),
        ("PjlCommand", "ENTER", "PCL", ""),
        ("PjlCommand", "FSUPLOAD", "", "0:\\..\\..\\etc\\passwd"),
        ("PjlCommand", "EOJ", "", ""),
    ]
    assert not any(secret in repr(events(parsed)) for secret in ("4711", "1234", "99"))


def test_printer_reports_who_it_is() -> None:
    """Name, serial number and firmware are observations about the printer."""
    who = ("02:00:5e:00:53:03", "10.20.30.41")
    assert facts(session(49190)) == [
        (*who, "pjl.id", "HP LaserJet M402dn"),
        (*who, "pjl.id", "HP LaserJet M402dn"),
        (*who, "pjl.serial", "PHB5E00530"),
        (*who, "pjl.firmware", "20180920"),
    ]


def test_label_printer() -> None:
    """The answer to ~HI identifies a label printer."""
    assert events(session(49191)) == [("PjlAnswer", "ZPL HI", 1)]
    assert values(session(49191)) == [("pjl.zpl", "ZD420-203dpi,V84.20.15Z")]


def test_device_id_as_name() -> None:
    """An INFO ID answer may contain a device id with model and serial number."""
    parsed = conversation((False, b'@PJL INFO ID\r\n"MFG:Brother;MDL:HL-L2350DW series;SN:E78239A0N123456;"\r\n\f'))
    assert values(parsed) == [("pjl.id", "Brother HL-L2350DW series"), ("pjl.serial", "E78239A0N123456")]


def test_gap() -> None:
    """A gap is treated as page data; in the other direction parsing resumes where an answer begins."""
    stream, packet = Pjl().stream(Packet()), Packet(proto=6)
    list(stream.feed(packet, EXIT + b"@PJL INFO", True))
    list(stream.gap(packet, 500, True))
    assert events(list(stream.feed(packet, b"@PJL INFO ID\r\n" + EXIT + b"@PJL INFO STATUS\r\n", True))) == [
        ("PjlCommand", "INFO", "STATUS", "")
    ]
    list(stream.gap(packet, 500, False))
    assert list(stream.feed(packet, b'half"\r\n\f', False)) == []
    assert len(list(stream.feed(packet, b"@PJL INFO STATUS\r\nCODE=10001\r\n\f", False))) == 1


def test_other_data_is_quiet() -> None:
    """Other data on port 9100, such as PostScript, images and port scans, yields nothing."""
    assert conversation((True, b"%!PS-Adobe-3.0\n" + b"showpage\n" * 5000), (False, b"GET / HTTP/1.1\r\n\r\n")) == []


def test_bounds() -> None:
    """Endless answers and thousands of commands are bounded."""
    assert conversation((False, b"@PJL INFO ID\r\n" + b"a" * 100_000)) == []
    assert len(conversation((True, EXIT + b"@PJL INFO ID\r\n" * 5000))) == 128


def test_setting_without_a_name() -> None:
    """LPARM (settings of one printer language) with or without a variable name is one command."""
    parsed = conversation((True, EXIT + b"@PJL SET LPARM:PCL =1\r\n@PJL SET LPARM : PCL COPIES = 2\r\n"))
    assert [event[:2] for event in events(parsed)] == [("PjlCommand", "SET")] * 2


def test_postscript_operators() -> None:
    """Operators that access files and settings are reported once, in one piece or many, with and without PJL."""
    script = b"%!PS\n(%disk0%*) {==} 256 string filenameforall\n/s (/etc/passwd) (r) file def\n"
    script += b"<< /P 1 >> setsystemparams\n"
    expected = [("filenameforall", ""), ("read", "/etc/passwd"), ("setsystemparams", "")]
    job = b"\x1b%-12345X@PJL ENTER LANGUAGE=POSTSCRIPT\r\n" + script + script
    for parts in ([script], [job], [script[n : n + 1] for n in range(len(script))]):
        found = events(conversation(*((True, part) for part in parts)))  # type: ignore[arg-type]
        assert [event[1:] for event in found if event[0] == "PostscriptOperator"] == expected
    more = b"%! (a) deletefile (b) (w) file (c) (a+) file"
    found = events(conversation((True, more)))  # type: ignore[arg-type]
    assert [event[1:] for event in found] == [("deletefile", ""), ("write", "b"), ("append", "c")]


def test_postscript_of_print_jobs_is_quiet() -> None:
    """Usual operators, files of the interpreter, words inside of other languages and later pages yield nothing."""
    usual = b"%!PS-Adobe-3.0\n<< /PageSize [595 842] >> setpagedevice (%stdin) (r) file cvx (text) show showpage\n"
    late = usual + b"x" * 4096 + b" filenameforall"
    assert conversation((True, usual)) == conversation((True, late)) == conversation((True, b"(a) (r) file")) == []
