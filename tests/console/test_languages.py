"""Pages in other languages: every text of a template is a message of one catalogue, its translation is shown, and
untranslated text stays English.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import jinja2
import pytest
from jinja2 import nodes

from sensor.cli.main import main
from sensor.console import render
from sensor.console.catalogue import all_messages
from sensor.console.languages import Catalogue, Languages
from sensor.console.messages import messages_of, translated
from sensor.documents import DocumentErrors, load_document
from tests.console.kit import Running
from tests.principles._source import SENSOR

TEMPLATES = sorted(render.FOLDER.glob("*.jinja"))
# Values of ARIA and paths, which are not text.
MACHINE = {"true", "false", "ascending", "descending", "none", "/audit", "/rules/new", ".yaml"}
GERMAN = """\
plural: n != 1
messages:
  Alerts: Alarme
  Log in: Anmelden
  alert | alerts: [Alarm, Alarme]
  "{0} {1} · <0>CSV</0> · <1>JSON lines</1>": "<1>JSON-Zeilen</1>, <0>CSV</0>: {0} {1}"
  Skip to content: "<script>{{ 7 * 7 }}</script> & weiter"
  Search everything: ""
"""
POLISH = "n==1 ? 0 : n%10>=2 && n%10<=4 && (n%100<10 || n%100>=20) ? 1 : 2"


def shown(expression: nodes.Expr) -> Iterator[object]:
    """The constants that an expression can print untranslated."""
    if isinstance(expression, nodes.Const):
        yield expression.value
    elif isinstance(expression, nodes.CondExpr):
        yield from (one for part in (expression.expr1, expression.expr2) if part is not None for one in shown(part))
    elif isinstance(expression, nodes.Or | nodes.And):
        yield from (*shown(expression.left), *shown(expression.right))
    elif isinstance(expression, nodes.Concat):
        yield from (one for part in expression.nodes for one in shown(part))
    elif isinstance(expression, nodes.Filter) and expression.name in ("capitalize", "default", "join", "replace"):
        used = [expression.node, *(expression.args if expression.name == "default" else ())]
        yield from (one for part in used if part is not None for one in shown(part))
    elif isinstance(expression, nodes.Call):
        yield from _of_call(expression)


def _of_call(call: nodes.Call) -> Iterator[object]:
    """Arguments of a macro that look like text; and results of a table of words."""
    if isinstance(call.node, nodes.Name) and call.node.name == "_":
        return
    yield from (one for part in call.args for one in shown(part) if re.search(r"^[A-Z][a-z]|[a-z] [a-z]", str(one)))
    if isinstance(call.node, nodes.Getattr) and isinstance(call.node.node, nodes.Dict):
        yield from (one for pair in call.node.node.items for one in shown(pair.value))


def bypassing(source: str) -> list[str]:
    """Texts of a template that no translation reaches."""
    tree = jinja2.Environment(autoescape=True).parse(source)
    printed = [one for out in tree.find_all(nodes.Output) for part in out.nodes for one in shown(part)]
    labels = [
        part.value
        for loop in tree.find_all(nodes.For)
        for part in loop.iter.find_all(nodes.Const)
        if isinstance(loop.iter, nodes.Tuple) and re.search(r"^[A-Z][a-z]|[a-z] [a-z]", str(part.value))
    ]
    wrapped = {str(call.args[0].value) for call in tree.find_all(nodes.Call) if call.args and _asks(call)}
    found = [one for one in (*printed, *(one for one in labels if one not in wrapped)) if isinstance(one, str)]
    return [one for one in found if re.search(r"[A-Za-z]{2}", one) and one not in MACHINE]


def _asks(call: nodes.Call) -> bool:
    return isinstance(call.node, nodes.Name) and call.node.name == "_" and isinstance(call.args[0], nodes.Const)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_every_text_of_a_template_is_a_message(path: Path) -> None:
    """Text between elements is extracted automatically; expressions must request a translation. English pages use the
    template unchanged.
    """
    source = path.read_text(encoding="utf-8")
    assert bypassing(source) == []
    assert translated(source, lambda message: message) == source
    assert not re.findall(r"<option>[^<{]*[a-z][^<{]*</option>", source), "its text is what the form sends"


def test_texts_that_bypass_the_catalogue_are_found() -> None:
    assert bypassing("{{ 'On it' if x else _('Off') }}{{ y or 'nobody' }}") == ["On it", "nobody"]
    assert bypassing("{{ parts.head('Last seen', 'sort') }}{{ {'a': 'word'}.get(a, a) }}") == ["Last seen", "word"]
    assert bypassing("{% for a, b in (('x', 'Name'), ('y', _('Owner'))) %}{{ b }}{% endfor %}") == ["Name"]
    assert bypassing("{{ x | default('unknown') }}{{ 'true' if x else 'false' }}") == ["unknown"]


def test_messages_keep_sentences_whole() -> None:
    source = (
        '<p title="More">Run <code>x</code>, then <a href="{{ u }}">go on</a>.</p>{% if a > 1 %} <b>A</b>{% endif %}'
    )
    assert messages_of(source) == ["More", "Run {0}, then <0>go on</0>.", "A"]
    german = {"More": 'Mehr "davon"', "Run {0}, then <0>go on</0>.": "<0>Weiter</0> nach {0}."}
    made = translated(source, lambda message: german.get(message, message))
    assert made.startswith('<p title="Mehr &quot;davon&quot;"><a href="{{ u }}">Weiter</a> nach <code>x</code>.</p>')
    assert made.endswith("{% if a > 1 %} <b>A</b>{% endif %}")


def test_titles_of_pages_are_messages() -> None:
    known, titles = set(all_messages()), set[str]()
    for path in (SENSOR / "console").rglob("*.py"):
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in ("render", "bare"):
                title = call.args[2] if len(call.args) > 2 else None
                titles |= {title.value} if isinstance(title, ast.Constant) else set()
    assert titles
    assert titles <= known


def test_every_template_compiles_in_another_language(tmp_path: Path) -> None:
    """Each message is in brackets, its placeholders are in reverse order."""
    places = re.compile(r"\{\d+\}|</?\d+>")
    found = {one: " ".join(("⟦<>{{%", *places.findall(one), "%}}⟧")) for one in all_messages() if " | " not in one}
    (tmp_path / "xx.yaml").write_text(json.dumps({"messages": found}))
    language = Languages(tmp_path, "xx").wanted("")
    for path in TEMPLATES:
        render._environment(language).get_template(path.name)


def test_numbers_take_the_form_of_their_language(tmp_path: Path) -> None:
    (tmp_path / "pl.yaml").write_text(json.dumps({"plural": POLISH, "messages": {"file | files": ["k", "ki", "ków"]}}))
    polish, english = (Languages(tmp_path).wanted(code) for code in ("pl", "en"))
    assert [polish.plural(number, "file", "files") for number in (1, 2, 5, 12, 22)] == ["k", "ki", "ków", "ków", "ki"]
    assert [english.plural(number, "file", "files") for number in (0, 1, 2)] == ["files", "file", "files"]
    assert polish.plural(2, "day", "days") == "days"


def test_browsers_choose_among_those_that_there_are(tmp_path: Path) -> None:
    (tmp_path / "de.yaml").write_text("messages: {}\n")
    (tmp_path / "pt-br.yaml").write_text("messages: {}\n")
    there = Languages(tmp_path)
    for accept, code in (
        ("de-AT, de; q=0.9, en;q=0.8", "de"), ("en,de;q=0.9", "en"), ("en;q=0.1,pt-BR", "pt-br"), ("fr", "en"),
        ("", "en"), ("de;q=0", "en"), ("de;q=x", "en"), ("fr," * 50 + "de", "en"), ("*", "en"),
    ):  # fmt: skip
        assert there.wanted(accept).code == code
    assert Languages(tmp_path, "DE").wanted("en").code == "de"


@pytest.mark.parametrize(
    "text",
    ['messages: {"Log in as {0}": "Anmelden"}', 'messages: {"Log in": "<0>x</0>"}', "plural: import os", "other: 1"],
)
def test_a_catalogue_that_cannot_be_used_is_reported(text: str, own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = own / "messages"
    folder.mkdir()
    (folder / "de.yaml").write_text(text)
    with pytest.raises(DocumentErrors):
        Languages(folder)
    assert main(["console", "--state", str(own)]) == 2
    assert "de.yaml" in capsys.readouterr().err
    (folder / "de.yaml").unlink()
    assert main(["console", "--state", str(own), "--lang", "de"]) == 2


def test_messages_for_translators(own: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """All messages, with existing translations; the console can load the file."""
    (own / "messages").mkdir()
    (own / "messages" / "de.yaml").write_text(GERMAN)
    assert main(["console", "messages", "de", "--state", str(own)]) == 0
    file = tmp_path / "de.yaml"
    file.write_text(capsys.readouterr().out)
    made = load_document(file, Catalogue)
    assert list(made.messages) == all_messages()
    assert made.messages["Alerts"] == "Alarme"
    assert made.messages["alert | alerts"] == ["Alarm", "Alarme"]
    assert made.messages["Overview"] == ""


def test_a_page_in_german_and_the_same_in_english(start: Callable[..., Running], own: Path) -> None:
    """Words, plurals and word order are translated; markup in a translation is text."""
    (own / "messages").mkdir()
    (own / "messages" / "de.yaml").write_text(GERMAN)
    running = start(own)
    with running.client() as anna:
        german = anna.get("/alerts", headers={"Accept-Language": "de-DE"}).text
        english = anna.get("/alerts", headers={"Accept-Language": "en"}).text
    assert '<html lang="de"' in german
    assert "<h1>Alarme</h1>" in german
    assert re.search(r"download>JSON-Zeilen</a>, <a [^>]*>CSV</a>: 7 Alarme", german)
    assert "&lt;script&gt;&#123;&#123; 7 * 7 &#125;&#125;&lt;/script&gt; &amp; weiter" in german
    assert "Search everything" in german
    assert '<html lang="en"' in english
    assert "Alarm" not in english
    assert re.search(r"7 alerts · <a [^>]*>CSV</a>", english)
    assert "Anmelden" in httpx.get(running.url, headers={"Accept-Language": "de"}).text
