"""The console on a full disk: what only reads goes on, what writes fails with the file and the reason, and the audit
log has no torn entries.
"""

from __future__ import annotations

import os
from pathlib import Path

from tests.delivery.test_full_disk import reported_by

STORY = """
import contextlib, json, os, sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from sensor.cli.main import main
from sensor.console.security.audit import Audit
from sensor.console.security.keys import Keys
from sensor.console.security.store import StateStore
from sensor.console.visits import Visits
from sensor.views.errors import NotReadable

state, now = Path(sys.argv[1]), time.time()
keys, visits, audit = Keys(StateStore(state)), Visits(StateStore(state)), Audit(state)
session, (_, token) = keys.open("anna", "write"), keys.add_token("siem", "read", 9)
visits.come("anna", "office", 10, now)
audit.add("anna", "login")
ballast = os.open(state / "ballast", os.O_WRONLY | os.O_CREAT)
with contextlib.suppress(OSError):
    while os.write(ballast, bytes(4096)):
        pass
os.close(ballast)

def fault(action):
    try:
        action()
    except (NotReadable, OSError) as error:
        return str(error)

time.time = lambda: now + 600
found = {
    "session": keys.session(session).name,
    "token": keys.token(token).name,
    "visit": visits.come("anna", "office", 20, now + 3600).seq,
    "end": fault(lambda: keys.end(session)),
    "audit": fault(lambda: audit.add("anna", "close", ids=["x" * 90] * 100)),
    "still": keys.session(session).name,
    "command": main(["console", "token", "x", "--state", str(state)]),
}
(state / "ballast").unlink()
keys.end(session)
audit.add("anna", "logout")
print(json.dumps(found | {"ended": keys.session(session) is None, "entries": [one.action for one in audit.newest()],
    "lines": len(audit.lines(9))}))
"""


def test_a_disk_without_room(tmp_path: Path, root: Path) -> None:
    """Sessions, tokens and pages are usable; a logout or command that failed is reported; afterwards everything
    works again.
    """
    reported = reported_by(STORY, tmp_path, root)
    assert (reported["session"], reported["token"], reported["still"]) == ("anna", "siem", "anna")
    assert reported["visit"] == 10
    assert reported["end"].startswith(f"{tmp_path / 'console.db'}: ")
    assert os.strerror(28) in reported["audit"]
    assert reported["command"] == 3
    assert (reported["ended"], reported["entries"], reported["lines"]) == (True, ["logout", "login"], 2)
