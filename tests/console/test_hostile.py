"""Everything that a device or an external log can write is text on every page, never markup: no element, attribute or
link comes from it.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests import sampling
from tests.console.kit import Running

# Ways to break out of text, an attribute, a script, a style, a comment, a URL (after OWASP: Cross Site Scripting Filter
# Evasion).
STRINGS = (
    "<script>pwned()</script>", "\"'><img src=x onerror=pwned()>", "<svg/onload=pwned()>", "javascript:pwned()//", (
        "</title><script "
        "src=//pwned></script>"
    ),
    "'-pwned()-'", "{{7*7}}<pwned>", "--><pwned>", "]]><pwned>", "</textarea><pwned x=", "</style><pwned>", (
        "<a "
        "href='javascript:pwned()'>"
    ), "&lt;pwned&gt;",
    "\u202eevil\u202c<b>pwned", "<iframe srcdoc='<pwned>'>", '" onmouseover=pwned() x="', "`pwned`", (
        "<details open "
        "ontoggle=pwned()>"
    ), "\x00<pwned>",
    "<math><pwned>", "<body onload=pwned()>", "<input autofocus onfocus=pwned()>", "<marquee onstart=pwned()>",
    "<video><source onerror=pwned()>", "<object data=javascript:pwned()>", "<embed src=javascript:pwned()>",
    "<form action=javascript:pwned()><button>", "<base href=//pwned>", "<link rel=stylesheet href=//pwned>",
    "<meta http-equiv=refresh content=0;url=javascript:pwned()>", "<style>@import'//pwned'</style>",
    "<img src=x:x onerror\n=\npwned()>", "<IMG SRC=`javascript:pwned()`>", "<scr<script>ipt>pwned()</scr</script>ipt>",
    "<img src=&#106;&#97;&#118;&#97;&#115;&#99;&#114;&#105;&#112;&#116;&#58;pwned()>",
    "<a href=data:text/html,<pwned>>",
    "\\u003cscript\\u003epwned()\\u003c/script\\u003e", "%3Cscript%3Epwned()%3C/script%3E", "+ADw-script+AD4-pwned()",
    "<!--[if gte IE 4]><script>pwned()</script><![endif]-->", "<?xml-stylesheet href=javascript:pwned()?>",
    "<noscript><p title='</noscript><img src=x onerror=pwned()>'>", "<template><script>pwned()</script></template>",
    "<select><template shadowrootmode=open><script>pwned()</script>", "<svg><animate onbegin=pwned() attributeName=x>",
    "<svg><use href='data:image/svg+xml,<svg id=x onload=pwned() />#x'>", "x' style='background:url(//pwned)",
    "\u2028<b>pwned", "<portal src=javascript:pwned()>", "${pwned()}", "{% raw %}<pwned>{% endraw %}",
    "{{ [].__class__ }}<pwned>",
)  # fmt: skip
# Fields that make a record valid; all others are replaced.
KEPT = frozenset(("ts", "kind", "action", "severity", "schema", "seq", "first", "last", "first_seen", "last_seen"))
OWN_SCRIPTS = ("/static/console.js", "/static/passkeys.js", "/static/upload.js")
OWN_TAGS = frozenset(
    "html head meta title link script body a header form label select option button input nav p "
    "strong span main h1 h2 h3 footer dialog dl dt dd kbd table "
    "thead tbody tr th td div ul li ol section details summary time svg g rect path circle text datalist pre caption "
    "textarea em code mark wbr polyline progress defs marker".split()
)


def hostile(value: Any, texts: Iterator[str]) -> Any:
    """A record with every text replaced, keys of free-form objects too."""
    if isinstance(value, dict):
        return {key: one if key in KEPT else hostile(one, texts) for key, one in value.items()}
    if isinstance(value, list):
        return [hostile(one, texts) for one in value]
    return f"{value}{next(texts)}" if isinstance(value, str) else value


def endless() -> Iterator[str]:
    while True:
        yield from STRINGS


class Reader(HTMLParser):
    """Collects elements and attributes that came from data."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.faults: list[str] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.faults += [tag] if tag not in OWN_TAGS else []
        for name, value in attrs:
            leads_out = (
                name in ("href", "src", "action", "formaction") and not str(value).startswith(("/", "#"))
            ) or str(value).startswith("//")
            if name.startswith("on") or name == "style" or "pwned" in name or leads_out:
                self.faults.append(f"{tag} {name}={value}")
            self.faults += [f"script {value}"] if tag == "script" and name == "src" and value not in OWN_SCRIPTS else []

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def handle_comment(self, data: str) -> None:
        self.faults.append(f"comment {data}")


@pytest.fixture(scope="module")
def folder(office_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An external log in which every text is an attack; devices, alerts and all other data are made from it."""
    made = tmp_path_factory.mktemp("hostile")
    texts = endless()
    lines = [
        json.dumps(hostile(json.loads(line), texts))
        for line in (office_folder / "events.jsonl").read_text().splitlines()
    ]
    (made / "events.jsonl").write_text("\n".join(lines) + "\n")
    (made / "dataset.json").write_text(
        json.dumps({"kind": "replay", "name": "<script>pwned()</script>", "captures": ['"><pwned>']})
    )
    (made / "events.notes.jsonl").write_text("")
    return made


@pytest.fixture(scope="module")
def client(folder: Path) -> Iterator[httpx.Client]:
    running = Running(folder)
    with running.client('anna"><pwned>') as client:
        yield client
    running.stop()


def test_no_element_comes_from_data(client: httpx.Client) -> None:
    """Every linked page has the attack in every field, shown as text."""
    seen: set[str] = set()
    todo = [
        "/",
        "/alerts",
        "/incidents",
        "/devices",
        "/recommendations",
        "/timeline",
        "/health",
        "/audit",
        "/hunt",
        "/search?q=pwned",
        "/vulnerabilities",
        "/tickets",
        "/posture",
    ]
    kinds: set[str] = set()
    pages: Counter[tuple[str, int]] = Counter()  # by first part and depth: no kind of page crowds out another
    while todo and len(seen) < 250:
        path = todo.pop(0)
        parts = path.partition("?")[0].split("/")
        if path in seen or pages[parts[1], len(parts)] >= 25:
            continue
        pages[parts[1], len(parts)] += 1
        seen.add(path)
        answer = client.get(path)
        if not answer.headers.get("content-type", "").startswith("text/html"):
            continue
        page = Reader(answer.text)
        assert (path, page.faults) == (path, [])
        assert "\u202e" not in answer.text
        assert "\x00" not in answer.text
        kinds |= (
            {path.partition("?")[0].rsplit("/", 1)[0]}
            if answer.status_code == 200 and any("pwned" in text for text in page.texts)
            else set()
        )
        todo += [
            link.replace("&amp;", "&")
            for link in re.findall(r'href="(/[^"]*)"', answer.text)
            if not link.startswith(("/static", "/api"))
        ]
    assert {"", "/alerts", "/devices", "/incidents"} <= kinds


@pytest.mark.parametrize("text", sampling.drawn(STRINGS, 6, "hostile strings"))
def test_no_element_comes_from_the_url(client: httpx.Client, text: str) -> None:
    """Every parameter and the path are shown escaped, in errors too."""
    for path, name in (
        ("/search", "q"), ("/alerts", "text"), ("/alerts", "detector"), ("/alerts", text), ("/devices", "vendor"),
        ("/devices", "type"), ("/hunt", "sql"),
        ("/hunt", "name"), ("/timeline", "about"), ("/alerts", "cursor"), ("/", "data"), ("/alerts", "since"),
        ("/", "done"),
    ):  # fmt: skip
        answer = client.get(path, params={name: text})
        assert answer.status_code < 500 or answer.status_code == 503
        assert (path, name, Reader(answer.text).faults) == (path, name, [])
    for path in ("/alerts/", "/devices/", "/incidents/", "/login/", "/"):
        answer = client.get(path + re.sub(r"[\x00-\x1f/?#]", lambda found: f"%{ord(found[0]):02x}", text))
        assert answer.status_code < 500
        assert (path, Reader(answer.text).faults) == (path, [])


def test_records_of_another_shape_are_shown_as_far_as_they_go(tmp_path: Path, office_folder: Path, start) -> None:
    """A number instead of a list, a text instead of an object: no page fails."""
    values_of_other_types: list[Any] = [5, "text", None, [1], {"a": 1}, True, [[]], {"a": {"b": []}}]
    lines = []
    for number, line in enumerate((office_folder / "events.jsonl").read_text().splitlines()):
        record = json.loads(line)
        for name in (
            "alert",
            "incident",
            "recommendation",
            "src",
            "dst",
            "network",
            "evidence",
            "targets",
            "packets",
            "device",
            "capture",
        ):
            body = record.get(name)
            if isinstance(body, dict):
                record[name] = {
                    key: one if key == "id" else values_of_other_types[(number + place) % len(values_of_other_types)]
                    for place, (key, one) in enumerate(body.items())
                }
            elif body is not None:
                record[name] = values_of_other_types[number % len(values_of_other_types)]
        lines.append(json.dumps(record))
    (tmp_path / "events.jsonl").write_text("\n".join(lines) + "\n")
    with start(tmp_path).client() as client:
        links = dict[str, None]()
        for path in ("/", "/alerts", "/incidents", "/devices", "/recommendations", "/timeline", "/health"):
            links |= dict.fromkeys(re.findall(r'href="(/(?:alerts|incidents|devices)/[^"]*)"', client.get(path).text))
        assert links
        visited = sampling.some([*links], 25, "records of another shape")
        assert {link: code for link in visited if (code := client.get(link).status_code) != 200} == {}
