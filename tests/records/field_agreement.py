"""Share of DNS, TLS, HTTP and SMB fields that agree with Wireshark's: ``python -m tests.records.field_agreement CAPTURE
...``.

Compared for each connection that Wireshark decodes: HTTP requests (method, host) and status codes; server name and
selected version of TLS; shares and files that a client opens with SMB; and for each name that a client queried at a
server, the type and the response codes. Repetitions count once. Data that only the records have (a protocol on an
unusual port) is not counted.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from sensor.records.codes import qtype_name, rcode_name
from tests.records.kit_records import replayed, rows

# Key of a connection or query -> the values of its fields.
Fields = dict[tuple[str, ...], set[tuple[str, ...]]]
ENDS = ("ip.src", "ipv6.src", "ip.dst", "ipv6.dst", "tcp.srcport", "tcp.dstport")
# Responses before the final one, which are not recorded.
INTERIM = frozenset(("100", "102", "103"))
VERSIONS = {0x0300: "SSL 3.0", 0x0301: "TLS 1.0", 0x0302: "TLS 1.1", 0x0303: "TLS 1.2", 0x0304: "TLS 1.3"}


class Agreement(NamedTuple):
    """Keys of Wireshark; those with equal values in records; and the others, with both values."""

    keys: int
    agree: int
    differ: list[tuple[tuple[str, ...], set[tuple[str, ...]], set[tuple[str, ...]]]]


def tshark(capture: Path, shown: str, *fields: str, every: bool = False) -> Iterator[list[str]]:
    """The fields of the frames that pass a filter; all occurrences in a frame, joined by ``|``, or the first."""
    chosen = [word for field in fields for word in ("-e", field)]
    occurrence = ["-E", f"occurrence={'a' if every else 'f'}", "-E", "aggregator=|"]
    command = ["tshark", "-n", "-r", str(capture), "-Y", shown, "-T", "fields", *occurrence, *chosen]
    for line in subprocess.run(command, capture_output=True, text=True, check=False).stdout.splitlines():
        yield line.split("\t")


def _ends(cells: list[str]) -> tuple[str, str, str, str]:
    """Source, its port, destination, its port; of the innermost packet of a tunnel."""
    src4, src6, dst4, dst6, sport, dport = (cell.rpartition("|")[2] for cell in cells[:6])
    return src4 or src6, sport, dst4 or dst6, dport


def _back(ends: tuple[str, str, str, str]) -> tuple[str, str, str, str]:
    return ends[2], ends[3], ends[0], ends[1]


def their_http(capture: Path) -> Fields:
    found: Fields = {}
    fields = (*ENDS, "http.request.method", "http.host", "http.response.code")
    for cells in tshark(capture, "(http.request or http.response) and tcp", *fields, every=True):
        ends, (methods, hosts, codes) = _ends(cells), cells[6:]
        if codes:
            found.setdefault(_back(ends), set()).update(
                ("status", code) for code in codes.split("|") if code not in INTERIM
            )
        if methods:
            found.setdefault(ends, set()).update(("method", method) for method in methods.split("|"))
            found[ends].update(("host", _host(host)) for host in hosts.split("|") if host)
    return found


def _host(text: str) -> str:
    """A Host field without its port, which is another column of records."""
    return re.sub(r":\d*$", "", text.lower()).strip("[]")


def our_http(folder: Path) -> Fields:
    found: Fields = {}
    for row in rows(folder, "http"):
        values = found.setdefault(_own(row), set())
        values |= {(name, str(row[name])) for name in ("method", "status") if row[name] is not None}
        values |= {("host", row["host"].lower())} if row["host"] else set()
    return found


def _own(row: dict[str, Any]) -> tuple[str, str, str, str]:
    return row["src_ip"], str(row["src_port"]), row["dst_ip"], str(row["dst_port"])


def their_tls(capture: Path) -> Fields:
    found: Fields = {}
    name = "tls.handshake.extensions_server_name"
    for cells in tshark(capture, "tls.handshake.type == 1 and tcp", *ENDS, name):
        found.setdefault(_ends(cells), set()).update({("sni", cells[6].lower())} if cells[6] else set())
    fields = ("tls.handshake.extensions.supported_version", "tls.handshake.version")
    for cells in tshark(capture, "tls.handshake.type == 2 and tcp", *ENDS, *fields):
        number = int(cells[6] or cells[7] or "0", 16)
        found.setdefault(_back(_ends(cells)), set()).add(("version", VERSIONS.get(number, hex(number))))
    return found


def our_tls(folder: Path) -> Fields:
    found: Fields = {}
    for row in rows(folder, "tls"):
        if row["quic"] is None:
            values = found.setdefault(_own(row), set())
            values |= {
                (name, row[name].lower() if name == "sni" else row[name]) for name in ("sni", "version") if row[name]
            }
    return found


def their_dns(capture: Path) -> Fields:
    found: Fields = {}
    fields = ("dns.flags.response", "dns.qry.name", "dns.qry.type", "dns.flags.rcode")
    shown = "dns and not mdns and not llmnr and not icmp and not icmpv6 and not nbns"
    for cells in tshark(capture, shown, *ENDS, *fields):
        response, name, kind, rcode = cells[6:]
        if not name or not kind or not name.isascii():  # binary names are escaped differently
            continue
        src, _, dst, _ = _ends(cells)
        answered = response in {"1", "True"}
        key = ((dst, src) if answered else (src, dst)) + (_plain(name), qtype_name(int(kind)))
        found.setdefault(key, set()).update({(rcode_name(int(rcode)),)} if answered and rcode else set())
    return found


def our_dns(folder: Path) -> Fields:
    found: Fields = {}
    for row in rows(folder, "dns"):
        if row["service"] == "dns" and row["qtype"]:
            key = (row["src_ip"], row["dst_ip"], _plain(row["query"] or ""), row["qtype"])
            found.setdefault(key, set()).update({(row["rcode"],)} if row["rcode"] else set())
    return found


def their_smb(capture: Path) -> Fields:
    found: Fields = {}
    shown = "smb2.flags.response == 0 and (smb2.cmd == 3 or smb2.cmd == 5)"
    old = "smb.flags.response == 0 and (smb.cmd == 0x75 or smb.cmd == 0x2d or smb.cmd == 0xa2)"
    for words, connect, columns in (
        (shown, "3", ("smb2.cmd", "smb2.tree", "smb2.filename")),
        (old, "0x75", ("smb.cmd", "smb.path", "smb.file")),
    ):
        for cells in tshark(capture, f"({words}) and tcp", *ENDS, *columns, every=True):
            commands, paths, names = (cell.replace("\\\\", "\\") for cell in cells[6:])
            values = found.setdefault(_ends(cells), set())
            if connect in commands.split("|"):
                values |= {("connect", path.rpartition("\\")[2].upper()) for path in paths.split("|") if path}
            values |= {("open", name.strip("\\")) for name in names.split("|") if name.strip("\\")}
    return {ends: values for ends, values in found.items() if values}


def our_smb(folder: Path) -> Fields:
    found: Fields = {}
    for row in rows(folder, "smb"):
        value = row["share"] if row["operation"] == "connect" else row["file"]
        if row["operation"] in {"connect", "open"} and value:
            found.setdefault(_own(row), set()).add((row["operation"], value.strip("\\")))
    return found


def _plain(name: str) -> str:
    """A name without differences in notation: the root, case, the final dot."""
    return "" if name in {"<Root>", "."} else name.lower().rstrip(".")


PROTOCOLS: dict[str, tuple[Callable[[Path], Fields], Callable[[Path], Fields]]] = {
    "dns": (their_dns, our_dns),
    "tls": (their_tls, our_tls),
    "http": (their_http, our_http),
    "smb": (their_smb, our_smb),
}


def compared(theirs: Fields, own: Fields) -> Agreement:
    differ = [(key, values, own.get(key, set())) for key, values in sorted(theirs.items()) if own.get(key) != values]
    return Agreement(len(theirs), len(theirs) - len(differ), differ)


def agreement(capture: Path, folder: Path, protocol: str) -> Agreement:
    """Compares the records of a capture in a folder."""
    theirs, own = PROTOCOLS[protocol]
    return compared(theirs(capture), own(folder))


def main(captures: list[str]) -> int:
    """The agreement over all captures, and the differences; exit code 1 if it is below 99 %."""
    sums = {protocol: [0, 0] for protocol in PROTOCOLS}
    for capture in map(Path, captures):
        with tempfile.TemporaryDirectory() as folder:
            replayed(Path(folder), capture)
            for protocol in PROTOCOLS:
                one = agreement(capture, Path(folder), protocol)
                sums[protocol] = [before + more for before, more in zip(sums[protocol], one[:2], strict=True)]
                for key, values, own in one.differ:
                    lacks, has = sorted(values - own), sorted(own - values)
                    print(f"{capture.name}: {protocol} {' '.join(key)}: lacks {lacks}, has {has}", flush=True)
    for protocol, (keys, agree) in sums.items():
        print(f"{protocol}: {agree:,} of {keys:,} agree ({agree / max(keys, 1):.2%})", flush=True)
    return 0 if all(agree >= 0.99 * keys for keys, agree in sums.values()) else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
