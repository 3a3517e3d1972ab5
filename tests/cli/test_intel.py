"""sensor intel, against a real HTTPS server on loopback with the certificate of a temporary CA."""

from __future__ import annotations

import datetime as dt
import gzip
import http.server
import json
import re
import ssl
import threading
from collections.abc import Iterator
from email.utils import formatdate
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from sensor.intel import fetch
from sensor.intel.list_sources import load_sources
from sensor.intel.store import ThreatLists
from tests.cli.faults import reports
from tests.golden import Golden

MANY = "".join(f"203.0.113.{n}\n" for n in range(100))


class Server:
    """Serves content by path: a body or (status, headers, body). ``requested``: path and headers of every request."""

    def __init__(self, folder: Path) -> None:
        self.pages: dict[str, Any] = {}
        self.requested: list[tuple[str, dict[str, str]]] = []
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.requested.append((self.path, dict(self.headers)))
                status, headers, body = server.answer(self.path, dict(self.headers))
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self._http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "server.pem")
        self._http.socket = context.wrap_socket(self._http.socket, server_side=True)
        self.url = f"https://127.0.0.1:{self._http.server_address[1]}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def answer(self, path: str, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        page = self.pages.get(path)
        if page is None:
            return 404, {}, b"nothing here"
        if isinstance(page, tuple):
            return page
        body = page if isinstance(page, bytes) else page.encode()
        tag = f'"{hash(body)}"'
        if headers.get("If-None-Match") == tag:
            return 304, {"ETag": tag}, b""
        return 200, {"ETag": tag, "Last-Modified": formatdate(0, usegmt=True)}, body

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


def certify(folder: Path) -> None:
    """A self-signed certificate for 127.0.0.1: server.pem with its key, ca.pem without."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "throw-away")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1)).not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    form = serialization.PrivateFormat.PKCS8
    (folder / "ca.pem").write_bytes(pem)
    (folder / "server.pem").write_bytes(
        pem + key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    )


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server whose CA the system trusts."""
    certify(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    one = Server(tmp_path)
    yield one
    one.close()


@pytest.fixture
def intel(run_cli, tmp_path: Path):
    """sensor intel with a state folder of its own."""
    return lambda *arguments: run_cli("intel", *arguments, "--state", str(tmp_path / "state"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state" / "intel"


def test_lists_of_the_service_are_queried(intel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lists of the system's configuration are used where no other is named, and their indicators match."""
    (tmp_path / "ours.txt").write_text("203.0.113.9\n")
    (tmp_path / "sensor.yaml").write_text("intel: [ours.txt]\n")
    result = intel("check", "203.0.113.9")  # without lists the answer is unknown
    assert (result.code, result.errors) == (3, ("intel.no-list",))
    monkeypatch.setattr("sensor.config_file.SYSTEM", tmp_path / "sensor.yaml")
    assert intel("check", "203.0.113.9").lines[1].split()[1] == "ours"


def test_add_list_check_remove_a_file(golden: Golden, intel, folder: Path, tmp_path: Path) -> None:
    """A list becomes indicators with category, age and confidence; a faulty line is reported with its number, the other
    lines count.
    """
    assert intel("list").out.startswith("no lists in ")
    source = tmp_path / "Our Bad-ones.csv"
    source.write_text(
        "indicator,category,first_seen,confidence\n203.0.113.0/24,botnet,2026-03-01,60\nno such thing "
        "at all,,,\nevil.example,,,\n"
    )
    result = intel("add", str(source), "--category", "ours", "--confidence", "95")
    assert (result.code, result.out) == (0, "our-bad-ones: 2 entries, 2 added, 0 removed\n")
    assert f"{source}:3: found " in result.err
    assert intel("list").lines[1].split()[:2] == ["our-bad-ones", "2"]
    assert json.loads(intel("list", "--json").out)["source"] == str(source)
    result = intel("check", "203.0.113.9", "www.evil.example", "good.example")
    rows = [line.split() for line in result.lines]
    assert rows[1] == ["203.0.113.9", "our-bad-ones", "203.0.113.0/24", "botnet", "2026-03-01", "-", "0.60", "yes"]
    assert rows[2] == ["www.evil.example", "our-bad-ones", "evil.example", "ours", "-", "-", "0.95", "yes"]
    assert result.code == 0
    golden(result.err)
    assert intel("remove", "our-bad-ones").code == 0
    assert (load_sources(folder), list(folder.glob("*.list"))) == ([], [])


def test_allow_lists_and_expiry(intel, tmp_path: Path) -> None:
    """Allowed and expired indicators are still listed, with the reason why they do not match."""
    (tmp_path / "bad.csv").write_text("indicator,valid_until\nc2.example,\nold.example,2021-01-01\n")
    (tmp_path / "partners.txt").write_text("ours.c2.example\n")
    intel("add", str(tmp_path / "bad.csv"))
    assert intel("add", str(tmp_path / "partners.txt"), "--allow").out.startswith("allow-partners: 1 entry")
    lines = intel("check", "ours.c2.example", "c2.example", "old.example", "--json").lines
    found = [(one["value"], one["list"], one["counts"]) for one in map(json.loads, lines)]
    assert sorted(found) == [
        ("c2.example", "bad", "yes"), ("old.example", "bad", "no: expired"),
        ("ours.c2.example", "allow-partners", "allows"),
        ("ours.c2.example", "bad", "no: allowed"),
    ]  # fmt: skip
    assert intel("check", "ours.c2.example").code == 1
    (tmp_path / "past.csv").write_text("indicator,valid_until\nc2.example,2021-01-01\n")
    (tmp_path / "repeated.csv").write_text("indicator,valid_until\nx.example,2099-01-01\nx.example,2021-01-01\n")
    intel("add", str(tmp_path / "past.csv"), "--allow")
    intel("add", str(tmp_path / "repeated.csv"))
    lines = intel("check", "c2.example", "x.example", "--json").lines
    assert sorted((one["list"], one["counts"]) for one in map(json.loads, lines)) == [
        ("allow-past", "no: expired"), ("bad", "yes"), ("repeated", "yes"),
    ]  # fmt: skip


def test_fetches_only_what_changed(intel, server: Server, folder: Path) -> None:
    """Requests are conditional, with the validators of the last response; a change lists added and removed entries, and
    the file is replaced atomically.
    """
    server.pages["/lists/bad.txt"] = MANY
    assert intel("add", f"{server.url}/lists/bad.txt").out == "bad: 100 entries, 100 added, 0 removed\n"
    before = (folder / "bad.list").stat().st_mtime_ns
    assert intel("update").out == "bad: unchanged, 100 entries\n"
    assert (folder / "bad.list").stat().st_mtime_ns == before
    assert server.requested[-1][1]["If-None-Match"].startswith('"')
    assert server.requested[-1][1]["If-Modified-Since"] == "Thu, 01 Jan 1970 00:00:00 GMT"
    server.pages["/lists/bad.txt"] = MANY.replace("203.0.113.7\n", "") + "198.51.100.1\n198.51.100.2\n"
    assert intel("update", "bad").out == "bad: 101 entries, 2 added, 1 removed\n"
    assert not list(folder.glob("*.new"))
    assert ThreatLists(folder=folder).check("198.51.100.2") is not None


@pytest.mark.parametrize(
    "page",
    [
        "203.0.113.1\n",
        "# nothing today\n",
        "<html><body>sign in first</body></html>",
        (503, {}, b""),
        (302, {"Location": "http://127.0.0.1:1/x"}, b""),
        None,
        b"\x1f\x8bnot gzip at all",
        gzip.compress(MANY.encode(), mtime=0)[:-20],
        gzip.compress(b"\n" * 20_000, mtime=0),
        "203.0.113.1\n" * 1000,
    ],
    ids=("shrunk", "empty", "page", "503", "redirect", "404", "no gzip", "cut gzip", "bomb", "large"),
)
def test_what_is_refused_leaves_the_old_list(
    golden: Golden, intel, server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch, page: Any
) -> None:
    """A rejected list is not loaded and the old one stays; the error is reported now and by `list`, until the next
    valid response. The other lists are updated.
    """
    monkeypatch.setattr(fetch.fetch, "__kwdefaults__", fetch.fetch.__kwdefaults__ | {"limit": 10_000})
    server.pages |= {"/bad.txt": MANY, "/other.txt": "c2.example\n"}
    intel("add", f"{server.url}/bad.txt")
    intel("add", f"{server.url}/other.txt")
    server.pages |= {"/bad.txt": page, "/other.txt": "d3.example\n"}
    result = intel("update")
    assert (result.code, result.lines, result.errors) == (
        3,
        ["other: 1 entry, 1 added, 1 removed"],
        ("intel.list-failed",),
    )
    golden(result.err.replace(server.url, "URL"))
    [trouble] = re.findall(r"/bad\.txt (.+)\n", result.err)
    assert f"trouble: {trouble}" in intel("list").lines[1]
    assert ThreatLists(folder=folder).check("203.0.113.99") is not None
    server.pages["/bad.txt"] = MANY + "198.51.100.1\n"
    assert intel("update", "bad").out == "bad: 101 entries, 1 added, 0 removed\n"
    assert "trouble" not in intel("list").out


def test_most_of_a_list_may_go_where_a_user_reports_so(intel, server: Server) -> None:
    """--force accepts an update that would be rejected."""
    server.pages["/bad.txt"] = MANY
    intel("add", f"{server.url}/bad.txt")
    server.pages["/bad.txt"] = "203.0.113.1\n"
    assert intel("update").code == 3
    assert intel("update", "--force").out == "bad: 1 entry, 0 added, 99 removed\n"


def test_an_unknown_host_is_not_believed(intel, server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A certificate of an unknown CA is rejected; nothing is stored."""
    server.pages["/bad.txt"] = MANY
    monkeypatch.delenv("SSL_CERT_FILE")
    result = intel("add", f"{server.url}/bad.txt")
    assert result.code == 3
    assert "certificate" in result.err.lower()
    assert load_sources(folder) == []


def test_keys_are_sent_to_their_host_only(intel, server: Server, tmp_path: Path) -> None:
    """Keys are read from a file, never shown, and not sent to the target of a redirect."""
    (tmp_path / "key").write_text("# of ours\nAuth-Key: much-secret\n")
    server.pages |= {"/a.txt": (302, {"Location": f"{server.url}/b.txt"}, b""), "/b.txt": "c2.example\n"}
    result = intel("add", f"{server.url}/a.txt", "--header-file", str(tmp_path / "key"))
    assert result.out == "a: 1 entry, 1 added, 0 removed\n"
    assert [headers.get("Auth-Key") for _, headers in server.requested] == ["much-secret", None]
    assert "much-secret" not in result.out + result.err + intel("list", "--json").out
    (tmp_path / "key").write_text("much-secret\n")
    result = intel("update")
    assert result.code == 3
    assert "key:1: expected a header" in result.err
    assert "much-secret" not in result.err


def test_pages_are_put_together(intel, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages are joined: a TAXII collection, pulses of OTX, and a MISP feed by its manifest. Events left out are
    reported.
    """

    def indicator(n: int) -> dict[str, Any]:
        return {
            "type": "indicator",
            "id": str(n),
            "pattern": f"[domain-name:value = 'h{n}.example']",
            "pattern_type": "stix",
            "valid_until": "2099-01-01T00:00:00Z",
        }

    objects = "/api/collections/91a7b528/objects/"
    server.pages |= {
        objects: json.dumps({"more": True, "next": "2 &", "objects": [indicator(1)]}),
        f"{objects}?next=2+%26": json.dumps({"more": False, "objects": [indicator(2), indicator(3)]}),
        "/pulses": json.dumps(
            {
                "results": [{"indicators": [{"indicator": "p1.example", "type": "domain"}]}],
                "next": f"{server.url}/pulses?page=2",
            }
        ),
        "/pulses?page=2": json.dumps(
            {"results": [{"indicators": [{"indicator": "p2.example", "type": "domain"}]}], "next": None}
        ),
        "/misp/manifest.json": json.dumps(
            {name: {"info": "x", "timestamp": time} for name, time in (("aa-1", "5"), ("bb-2", "6"), ("../evil", "7"))}
        ),
        "/misp/aa-1.json": json.dumps(
            {"Event": {"Attribute": [{"type": "domain", "value": "m1.example", "to_ids": True}]}}
        ),
        "/misp/bb-2.json": json.dumps(
            {"Event": {"Attribute": [{"type": "domain", "value": "m2.example", "to_ids": True}]}}
        ),
    }
    assert intel("add", server.url + objects, "--name", "taxii").out == "taxii: 3 entries, 3 added, 0 removed\n"
    assert {headers["Accept"] for _, headers in server.requested} == {"application/taxii+json;version=2.1"}
    assert intel("add", f"{server.url}/pulses", "--name", "otx").out == "otx: 2 entries, 2 added, 0 removed\n"
    assert (
        intel("add", f"{server.url}/misp/manifest.json", "--name", "misp").out
        == "misp: 2 entries, 2 added, 0 removed\n"
    )
    assert not [path for path, _ in server.requested if "evil" in path]
    monkeypatch.setattr("sensor.intel.fetch.PAGES_LIMIT", 2)
    result = intel("add", f"{server.url}/misp/manifest.json", "--name", "newest")
    assert (result.out, result.code) == ("newest: 1 entry, 1 added, 0 removed\n", 0)
    assert result.errors == ("intel.invalid-line",)
    server.pages["/pulses"] = json.dumps({"results": [{"indicators": []}], "next": "https://elsewhere.example/pulses"})
    assert "another host" in intel("update", "otx").err


def test_entries_are_believed_for_a_time(intel, server: Server, folder: Path) -> None:
    """Indicators expire a time after the last fetch, also if the list did not change."""
    server.pages["/bad.txt"] = "c2.example\n"
    intel("add", f"{server.url}/bad.txt", "--keep-days", "30")
    first = ThreatLists(folder=folder).check("c2.example")
    assert intel("update").out == "bad: 1 entry, 0 added, 0 removed\n"
    again = ThreatLists(folder=folder).check("c2.example")
    [kept] = load_sources(folder)
    fetched = int(dt.datetime.fromisoformat(kept.fetched).timestamp())
    assert first
    assert again
    assert first.until <= again.until == fetched + 30 * 86400


@pytest.mark.parametrize(
    ("arguments", "code", "fault"),
    [
        (("add",), 2, ("usage.missing-argument",)),
        (("add", "http://127.0.0.1/x"), 2, ("usage.invalid-value",)),
        (("add", "ftp://127.0.0.1/x"), 2, ("usage.invalid-value",)),
        (("add", "/no/such/file"), 3, ("intel.list-failed",)),
        (("add", "https://127.0.0.1:1/x"), 3, ("intel.list-failed",)),
        (("add", "/etc/hosts", "--confidence", "101"), 2, ("usage.invalid-value", "--confidence")),
        (("add", "/etc/hosts", "--name", "No Name"), 2, ("usage.invalid-value", "--name")),
        (("update", "nobody"), 1, ("intel.unknown-list", "'nobody'")),
        (("remove", "nobody"), 1, ("intel.unknown-list", "'nobody'")),
        (("remove",), 2, ("usage.missing-argument",)),
        (("check",), 2, ("usage.missing-argument",)),
        (("look",), 2, ("usage.unknown-action", "'look'")),
    ],
)
def test_what_makes_no_sense(
    intel, folder: Path, arguments: tuple[str, ...], code: int, fault: tuple[str, ...]
) -> None:
    """Invalid input is reported, and nothing is stored."""
    result = intel(*arguments)
    assert result.code == code
    assert reports(result, *fault), result.err
    assert load_sources(folder) == []


def test_an_invalid_file_of_lists(golden: Golden, intel, folder: Path) -> None:
    """The fault is reported with its place; the file is not changed."""
    folder.mkdir(parents=True)
    (folder / "lists.yaml").write_text("lists:\n  - nam: x\n    source: /x\n")
    result = intel("update")
    assert result.code == 2
    golden(result.err, "lists.yaml:2:5")
    assert "name" in result.suggestions


def test_a_replay_loads_them(intel, run_cli, tmp_path: Path, root: Path) -> None:
    """A replay loads stored lists without an option, with the same matches as the list on the command line."""
    capture, source = str(root / "pcaps" / "office.pcapng"), root / "pcaps" / "office.intel.txt"
    alerts = []
    for arguments in (("--intel", str(source)), ()):
        result = run_cli(
            "replay",
            capture,
            "--state",
            str(tmp_path / "state"),
            "--events",
            str(tmp_path / "log"),
            "--json",
            *arguments,
        )
        found = [json.loads(line) for line in result.lines]
        alerts.append(
            [
                one["alert"]["numbers"]["entry"]
                for one in found
                if one["kind"] == "alert" and "list" in one["alert"]["numbers"]
            ]
        )
        intel("add", str(source), "--name", "office")
    assert alerts[0]
    assert sorted(alerts[1]) == sorted(alerts[0])


@pytest.mark.parametrize(
    "body", [bytes(range(256)) * 40, b"\x0a\x0d\x0d\x0a\x1c\0\0\0M<+\x1a, a, b\r,\r\r\n", b"name,value\ra\rb,c\n"]
)
def test_a_file_that_is_no_list(run_cli, tmp_path: Path, body: bytes) -> None:
    """A capture, or text with unusual line ends, is one line of error, exit code 3, and nothing is stored."""
    (tmp_path / "list.bin").write_bytes(body)
    result = run_cli("intel", "add", str(tmp_path / "list.bin"), "--state", str(tmp_path / "state"))
    assert (result.code, result.out, len(result.err.splitlines())) == (3, "", 1)
    assert str(tmp_path / "list.bin") in result.err
    assert not load_sources(tmp_path / "state" / "intel")
    assert not (tmp_path / "state").exists()
