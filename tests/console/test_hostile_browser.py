"""The attacks of ``test_hostile`` in a real browser: no script of theirs runs, no dialog opens, no request is sent, and
the policy reports no violation, on any page.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

pytest.importorskip("playwright.sync_api", reason="needs playwright")

from tests.console.kit import Running
from tests.console.test_browser import CHROMIUM, PAGES, Page, chromium  # noqa: F401 - a fixture
from tests.console.test_hostile import STRINGS, endless, folder  # noqa: F401 - a fixture

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
WATCH = """
window.ran = [];
window.pwned = () => window.ran.push("pwned");
for (const name of ["alert", "confirm", "prompt"]) window[name] = () => window.ran.push(name);
document.addEventListener("securitypolicyviolation", (event) => window.ran.push(`policy: ${event.blockedURI}`));
"""
# Number of detail pages of each kind that are opened.
OF_KIND = 3


@pytest.fixture(scope="module")
def there(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:  # noqa: F811
    """The external log, and operators' data: comments, views, lists, rules, reports, uploads, a configuration."""
    own = tmp_path_factory.mktemp("browser") / "own"
    shutil.copytree(folder, own)
    for path in own.glob("console*"):
        path.unlink()
    write(own)
    running = Running(own, "--config", str(own / "etc/sensor.yaml"))
    yield running
    running.stop()


def write(own: Path) -> None:
    texts = endless()
    alerts = [json.loads(line) for line in (own / "events.jsonl").read_text().splitlines()]
    names = {one["alert"]["id"] for one in alerts if one["kind"] == "alert"}
    notes = [
        {"ts": "2026-11-24T08:30:00Z", "alert": name, "action": action, "by": next(texts), "text": next(texts)}
        for name in sorted(names)
        for action in ("comment", "acknowledge")
    ]
    (own / "events.notes.jsonl").write_text("".join(json.dumps(one) + "\n" for one in notes))
    (own / "etc").mkdir()
    settings = {"sensor": {"id": STRINGS[0][:60], "site": STRINGS[1][:60]}, "tickets": {"owner": STRINGS[2][:60]}}
    (own / "etc/sensor.yaml").write_text(json.dumps(settings))
    (own / "rules").mkdir()
    rules = [
        {"id": f"r{number}", "title": text[:128], "summary": "x", "when": "dns.query", "where": {"name": text}}
        for number, text in enumerate(STRINGS)
        if text.isprintable()
    ]
    (own / "rules/ours.yaml").write_text(json.dumps({"rules": rules}))
    (own / "intel").mkdir()
    lists = [
        {"name": f"l{number}", "source": f"/x/{text}", "category": text, "trouble": text}
        for number, text in enumerate(STRINGS)
    ]
    (own / "intel/lists.yaml").write_text(json.dumps({"lists": lists}))
    (own / "intel/l0.list").write_text("".join(f"203.0.113.{n} {text}\n" for n, text in enumerate(STRINGS)))
    for number, text in enumerate(STRINGS[:20]):
        card = {"dataset": text, "format": "html", "who": text, "state": "failed", "message": text, "period": text}
        (own / f"reports/report-{number:08x}").mkdir(parents=True)
        (own / f"reports/report-{number:08x}/card.json").write_text(json.dumps({"id": f"report-{number:08x}", **card}))
        upload = {"name": text, "size": 1, "who": text, "state": "failed", "message": text}
        (own / f"uploads/upload-{number:016x}").mkdir(parents=True)
        (own / f"uploads/upload-{number:016x}/upload.json").write_text(
            json.dumps({"id": f"upload-{number:016x}", **upload})
        )


def test_no_attack_runs_on_any_page(chromium: Any, there: Running) -> None:  # noqa: F811
    """Every page, some detail pages of each kind, and every string in URL parameters."""
    window = Page(chromium, there)
    page, outside = window.page, list[str]()
    dialogs = list[str]()
    page.add_init_script(WATCH)
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    page.on("request", lambda one: None if one.url.startswith((there.url, "data:image")) else outside.append(one.url))
    seen, todo = set[str](), [*PAGES, "/lists/l0", "/rules/ours", "/settings?text=sensor"]
    counts: dict[str, int] = {}
    while todo:
        path = todo.pop()
        kind = path.partition("?")[0].rpartition("/")[0] if path.count("/") > 1 else path
        if path in seen or (path.count("/") > 1 and counts.get(kind, 0) >= OF_KIND):
            continue
        seen.add(path)
        counts[kind] = counts.get(kind, 0) + 1
        page.goto(path)
        assert page.evaluate("window.ran") == [], path
        found = page.eval_on_selector_all("main a[href]", "all => all.map(one => one.getAttribute('href'))")
        todo += [one for one in found if one.startswith(("/alerts/alert", "/devices/dev", "/incidents/incident"))]
    places = (("/search", "q"), ("/devices", "text"), ("/lists", "check"), ("/alerts", "data"), ("/devices", "sort"))
    for number, text in enumerate(STRINGS):
        path, name = places[number % len(places)]
        page.goto(f"{path}?{urlencode({name: text})}")
        assert page.evaluate("window.ran") == [], (path, text)
    assert {"/alerts", "/devices", "/incidents"} <= {kind for kind in counts if kind.count("/") == 1}
    assert any(path.startswith("/devices/dev") for path in seen)
    assert outside == []
    assert dialogs == []
    assert not [text for text in window.reports if "Content Security Policy" in text or "pwned" in text.lower()]
    window.context.close()
