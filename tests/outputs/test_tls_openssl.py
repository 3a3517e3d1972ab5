"""TLS against the server of OpenSSL: every version it supports, and client certificates that it requires."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from sensor.core.output import Finding
from sensor.outputs._probe import probe
from sensor.outputs.transport.tls import Tls
from tests.outputs.authority import Authority
from tests.outputs.servers_base import free_port
from tests.waiting import until

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
TOO_OLD = "it supports no allowed TLS version: update its software"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@contextlib.contextmanager
def openssl(authority: Authority, *expected: str) -> Iterator[int]:
    """A server with a certificate of the CA, which accepts legacy ciphers too."""
    pair, port = authority.issue("openssl"), free_port()
    command = [
        "openssl",
        "s_server",
        "-quiet",
        "-accept",
        f"127.0.0.1:{port}",
        "-cert",
        str(pair.certificate),
        "-key",
        str(pair.key),
    ]
    command += ["-cipher", "DEFAULT@SECLEVEL=0", *expected]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        try:
            wait_for(port)
            yield port
        finally:
            process.kill()


def wait_for(port: int) -> None:
    def answers() -> bool:
        with contextlib.suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
            return True
        return False

    until(answers)


def last(port: int, tls: Tls) -> Finding:
    *_, found = probe("localhost", port, tls, 3)
    return found


@pytest.mark.parametrize(
    ("sent", "minimum", "expected"),
    [
        ("-tls1", "1.2", TOO_OLD),
        ("-tls1_1", "1.2", TOO_OLD),
        ("-tls1_2", "1.3", TOO_OLD),
        ("-tls1_2", "1.2", "TLSv1.2"),
        ("-tls1_3", "1.2", "TLSv1.3"),
        ("-tls1_3", "1.3", "TLSv1.3"),
    ],
)
def test_versions(authority: Authority, sent: str, minimum: str, expected: str) -> None:
    """No TLS version older than the allowed ones is negotiated, whatever the server offers."""
    with openssl(authority, sent) as port:
        found = last(port, Tls.model_validate({"ca": authority.ca, "minimum": minimum}))
    assert (found.what, found.level) == ("tls", "error" if expected is TOO_OLD else "ok")
    assert expected in found.message


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_certificates_of_ours(authority: Authority, tmp_path: Path, version: str) -> None:
    """No certificate, one of an unknown CA, an expired one, and the valid one, whose key has a password."""
    untrusted = Authority(tmp_path, "Strange").issue("strange", client=True)
    old = authority.issue("old", days=-2, client=True)
    right = authority.issue("ours", client=True)
    key = tmp_path / "locked.key"
    subprocess.run(
        ["openssl", "pkey", "-in", right.key, "-aes256", "-passout", "pass:s3cret", "-out", key],
        check=True,
        capture_output=True,
    )
    (tmp_path / "password").write_text("s3cret\n")
    with openssl(authority, version, "-Verify", "2", "-CAfile", str(authority.ca), "-verify_return_error") as port:
        requested = last(port, Tls(ca=authority.ca))
        refused = [
            last(port, Tls(ca=authority.ca, certificate=one.certificate, key=one.key)) for one in (untrusted, old)
        ]
        reported = {"ca": authority.ca, "certificate": right.certificate, "key": key}
        locked = last(port, Tls.model_validate(reported | {"key_password": f"file:{tmp_path / 'none'}"}))
        taken = last(port, Tls.model_validate(reported | {"key_password": f"file:{tmp_path / 'password'}"}))
    assert "client certificate" in requested.message
    assert all("client certificate" in one.message for one in refused)
    assert f"the secret file:{tmp_path / 'none'} cannot be read" in locked.message
    assert (taken.what, taken.level) == ("tls", "ok")
