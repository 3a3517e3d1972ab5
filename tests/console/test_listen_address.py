"""Where the console may listen, and that it does so: loopback, a unix socket, TLS."""

from __future__ import annotations

import gc
import ssl
import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from sensor.cli.main import main
from sensor.console import serve
from sensor.console.listen_address import BadPlace, place_of
from sensor.runtime.process import SERVING
from tests.console.kit import FORM


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A self-signed certificate for localhost."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
    )
    builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    made = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False).sign(
        key, hashes.SHA256()
    )
    cert, secret = tmp_path / "cert.pem", tmp_path / "key.pem"
    cert.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    secret.write_bytes(key.private_bytes(*form))
    return cert, secret


@pytest.mark.parametrize(
    "listen",
    [
        "0.0.0.0:8765",
        "192.0.2.1:80",
        "[::]:8765",
        "[2001:db8::1]:1",
        "8765",
        "localhost:8765",
        "127.0.0.1:x",
        "127.0.0.1:99999",
        "unix:relative",
        "",
    ],
)
def test_no_plain_http_where_others_reach_it(listen: str) -> None:
    """Plain HTTP on other addresses and invalid addresses are rejected."""
    with pytest.raises(BadPlace):
        place_of(listen)


@pytest.mark.parametrize("listen", ["127.0.0.1:8765", "127.8.8.8:1", "[::1]:8765", "unix:/run/console.sock"])
def test_loopback_and_sockets_need_no_tls(listen: str) -> None:
    assert not place_of(listen).secure


def test_the_command_refuses(tmp_path: Path, office_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Wrong usage gives exit code 2, a failure to listen 3."""
    assert main(["console", "--state", str(office_folder), "--listen", "0.0.0.0:0"]) == 2
    assert "--cert" in capsys.readouterr().err
    assert main(["console", "--state", str(office_folder), "--listen", "127.0.0.1:0", "--cert", "x.pem"]) == 2
    none = str(tmp_path / "none.pem")
    assert (
        main(["console", "--state", str(office_folder), "--listen", "127.0.0.1:0", "--cert", none, "--key", none]) == 3
    )
    assert main(["console", "--state", str(tmp_path / "nothing"), "--listen", "127.0.0.1:0"]) == 3
    assert main(["console", "--state", str(office_folder), "--public-url", "ftp://x"]) == 2
    assert main(["console", "serv"]) == 2


def test_an_address_in_use_is_one_clear_line(office, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["console", "--state", str(office.state), "--listen", office.url.removeprefix("http://")]) == 3
    assert "cannot listen" in capsys.readouterr().err


def test_over_tls_the_cookie_is_bound_to_the_host(start, own: Path, certificate: tuple[Path, Path]) -> None:
    """The cookie has the `__Host-` prefix and Secure; HSTS is sent; plain HTTP gets no response."""
    running = start(own, "--cert", str(certificate[0]), "--key", str(certificate[1]))
    url = running.url.replace("127.0.0.1", "localhost")
    assert url.startswith("https://")
    with httpx.Client(base_url=url, verify=ssl.create_default_context(cafile=str(certificate[0]))) as client:
        answer = client.post(running.link.replace("127.0.0.1", "localhost"), headers=FORM)
        assert answer.headers["set-cookie"].startswith("__Host-sensor=")
        assert "secure" in answer.headers["set-cookie"].lower()
        assert "strict-transport-security" in client.get("/").headers
        assert client.get("/").status_code == 200
    with pytest.raises(httpx.HTTPError):
        httpx.get(url.replace("https", "http"))


def test_on_a_unix_socket(start, own: Path, tmp_path: Path) -> None:
    """Only the group of the socket may use it; a stale socket of a killed console is replaced."""
    path = tmp_path / "http.sock"
    first = start(own, "--listen", f"unix:{path}")
    first.process.kill()
    first.process.wait()
    start(own, "--listen", f"unix:{path}")
    assert stat.S_IMODE(path.stat().st_mode) == 0o660
    with httpx.Client(transport=httpx.HTTPTransport(uds=str(path)), base_url="http://localhost") as client:
        assert client.get("/").status_code == 401


def test_without_the_extra_the_command_names_it(tmp_path: Path) -> None:
    """Every other command works."""
    block = "import sys\nfor name in ('starlette', 'uvicorn'): sys.modules[name] = None\n"
    run = block + "from sensor.cli.main import main\nsys.exit(main(sys.argv[1:]))"
    done = subprocess.run(
        [sys.executable, "-c", run, "console", "--state", str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 3
    assert "passive-network-sensor[console]" in done.stderr
    assert (
        subprocess.run([sys.executable, "-c", run, "console", "--help"], capture_output=True, check=False).returncode
        == 0
    )


def test_garbage_is_collected_often_while_it_serves(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The thresholds of short commands would let each hundred requests add megabytes."""
    seen: list[tuple[int, int, int]] = []
    monkeypatch.setattr(serve, "serve", lambda *_: seen.append(gc.get_threshold()))
    before = gc.get_threshold()
    assert main(["console", "--state", str(tmp_path), "--listen", "127.0.0.1:0"]) == 0
    assert seen == [SERVING]
    gc.set_threshold(*before)
