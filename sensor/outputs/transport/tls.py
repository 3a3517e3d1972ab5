"""TLS of outputs: a section of options, and the context made from it."""

from __future__ import annotations

import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from sensor.core.model import Model
from sensor.core.output import Retry
from sensor.documents import FilePath
from sensor.outputs.transport.secrets import Secret

VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


class Tls(Model):
    """``ca``: file with trusted CA certificates instead of the system's; ``certificate``, ``key``, ``key_password``: of
    the client, if the destination requires one; ``minimum``: oldest accepted version; ``server_name``: name in the
    server's certificate, if it is not the host; ``verify``: false disables certificate verification, which every check
    reports.
    """

    ca: FilePath | None = None
    certificate: FilePath | None = None
    key: FilePath | None = None
    key_password: Secret | None = None
    minimum: Literal["1.2", "1.3"] = "1.2"
    server_name: str = ""
    verify: bool = True

    def check_whole(self, context: Any) -> None:
        if self.key is not None and self.certificate is None:
            raise ValueError("a key without its certificate")


@contextmanager
def presenting(tls: Tls, pem: bytes) -> Iterator[Tls]:
    """TLS settings with a client certificate and its key, in a file of the owner that is removed at the end."""
    with tempfile.NamedTemporaryFile(prefix="sensor-", suffix=".pem") as file:
        file.write(pem)
        file.flush()
        yield tls.model_copy(update={"certificate": Path(file.name)})


def context(tls: Tls) -> ssl.SSLContext:
    """A client context. Raises Retry with the path of a file that cannot be used. To read the authorities of the system
    takes 20 ms.
    """
    if tls.ca is not None:
        made = _trusting(tls.ca)
    else:
        made = ssl.create_default_context() if tls.verify else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.minimum_version = VERSIONS[tls.minimum]
    if not tls.verify:
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    if tls.certificate is not None:
        password = tls.key_password.reveal() if tls.key_password is not None else ""
        try:
            made.load_cert_chain(tls.certificate, tls.key, lambda: password)
        except (OSError, ssl.SSLError) as error:
            raise Retry(f"the client certificate {tls.certificate} cannot be used: {_reason_of(error)}") from None
    return made


def _trusting(ca: Path) -> ssl.SSLContext:
    """A context that trusts only the authorities in one file."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        made.load_verify_locations(ca)
    except (OSError, ssl.SSLError) as error:
        raise Retry(f"the CA certificates in {ca} cannot be used: {_reason_of(error)}") from None
    return made


def _reason_of(error: OSError) -> str:
    return error.strerror or str(error) or type(error).__name__
