"""Settings in the console: values with their origin, a change that is compared, applied and reverted."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from sensor.console.configuration import Configuration, digest_of
from sensor.datasets.reload_request import Requests
from sensor.views.errors import Malformed, NotReadable, Unknown
from tests.console.kit import Running, csrf_of

MAIN = """\
# the office
sensor: {id: hq}
networks: [203.0.113.0/25]
preset: quiet
outputs:
  siem: {type: http, url: "https://127.0.0.1/in?key=hush", headers: {X-Api-Key: hush}}
"""


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    """A configuration with a layer."""
    folder = tmp_path / "etc"
    (folder / "conf.d").mkdir(parents=True)
    (folder / "sensor.yaml").write_text(MAIN)
    (folder / "conf.d/site.yaml").write_text("sensor: {site: HQ}\nintel: [lists/ours.txt]\n")
    (folder / "sensor.yaml").chmod(0o640)
    return folder / "sensor.yaml"


@pytest.fixture
def there(start, own: Path, etc: Path) -> Running:
    return start(own, "--config", str(etc))


@pytest.fixture
def root(there: Running) -> Iterator[httpx.Client]:
    with there.client("root", "admin") as client:
        yield client


def edited(client: httpx.Client, path: Path, text: str, action: str, page: str = "") -> httpx.Response:
    """Sends the editor's form with a changed text."""
    page = page or client.get(f"/settings/edit?file={path}").text
    digest = re.search(r'name="digest" value="(\w+)"', page)
    assert digest is not None
    fields = {"csrf": csrf_of(page), "digest": digest[1], "file": str(path), "text": text.replace("\n", "\r\n")}
    return client.post("/settings/edit", data={**fields, "action": action})


def test_a_change_is_compared_applied_and_taken_back(root: httpx.Client, own: Path, etc: Path) -> None:
    """Changes with immediate effect and changes that need a restart are marked; the mode of the file stays."""
    requests, changed = Requests(own), MAIN.replace("quiet", "paranoid") + "capture: {rings: 2}\n"
    compared = edited(root, etc, changed, "compare").text
    assert re.search(r"capture.<wbr>rings.*?>1<.*?>2<.*?at the next start", compared)
    assert re.search(r"preset.*?>quiet<.*?>paranoid<.*?at once", compared)
    assert etc.read_text() == MAIN
    assert not requests.requested()

    assert edited(root, etc, changed, "apply").status_code == 303
    assert etc.read_text() == changed
    assert etc.stat().st_mode & 0o777 == 0o640
    assert requests.requested()
    assert "paranoid" in root.get("/settings").text

    back = re.search(r"/settings/edit\?earlier=(\w+)", root.get("/settings").text)
    assert back is not None
    page = root.get(f"/settings/edit?earlier={back[1]}").text
    assert re.search(r"preset.*?>paranoid<.*?>quiet<", page)
    assert edited(root, etc, MAIN, "apply", page).status_code == 303
    assert etc.read_text() == MAIN
    kept = list((own / "config-history").glob("*.json"))
    assert len(kept) == 2
    assert {path.stat().st_mode & 0o777 for path in kept} == {0o600}
    audit = [json.loads(line) for line in (own / "console-audit.jsonl").read_text().splitlines()]
    assert [(one["who"], one["text"]) for one in audit if one["action"] == "settings apply"] == [("root", str(etc))] * 2


def test_an_invalid_text_is_not_written(root: httpx.Client, own: Path, etc: Path) -> None:
    """Faults have file, line and column, in every layer."""
    answer = edited(root, etc, MAIN.replace("preset: quiet", "preset: quit"), "apply")
    assert f"{etc}:4:9" in answer.text
    assert "did you mean" in answer.text
    assert etc.read_text() == MAIN
    assert not (own / "config-history").exists()


def test_two_administrators_do_not_overwrite_each_other(root: httpx.Client, etc: Path) -> None:
    opened = root.get(f"/settings/edit?file={etc}").text
    etc.write_text(MAIN + "timezone: UTC\n")
    assert edited(root, etc, MAIN, "apply", opened).status_code == 400
    assert etc.read_text().endswith("timezone: UTC\n")


def test_secrets_are_not_shown_and_others_do_not_edit(there: Running, root: httpx.Client, etc: Path) -> None:
    """Values of headers and URLs are masked for all users; only administrators see the text of the files."""
    for scope in ("read", "write"):
        with there.client("eve", scope) as eve:
            page = eve.get("/settings?all=1").text
            assert "outputs.<wbr>siem.<wbr>url" in page
            assert "hush" not in page
            assert eve.get(f"/settings/edit?file={etc}").status_code == 403
            fields = {"csrf": csrf_of(page), "file": str(etc), "text": "", "digest": "", "action": "apply"}
            assert eve.post("/settings/edit", data=fields).status_code == 403
    assert root.get("/settings/edit?file=/etc/passwd").status_code == 400
    assert root.get("/settings/edit?earlier=../../x").status_code == 400


def test_without_a_configuration_all_is_default(tmp_path: Path) -> None:
    there = Configuration(None, tmp_path)
    assert there.files() == []
    assert {one.origin for one in there.values(everything=True)} == {"default"}
    with pytest.raises(NotReadable):
        there.file("")


def test_a_secret_that_changes_is_named_and_not_shown(etc: Path, tmp_path: Path) -> None:
    there = Configuration(etc, tmp_path)
    found = there.compare(etc, MAIN.replace("X-Api-Key: hush", "X-Api-Key: other")).changes
    assert [(one.key, one.before, one.after) for one in found] == [("outputs.siem", "…", "…")]
    assert there.intel == [etc.parent / "conf.d/lists/ours.txt"]


def test_an_invalid_configuration_can_be_repaired(etc: Path, tmp_path: Path) -> None:
    """The difference is to the defaults, as no valid configuration exists."""
    etc.write_text("preset: [")
    there = Configuration(etc, tmp_path)
    with pytest.raises(NotReadable):
        there.values(everything=False)
    assert there.intel == []
    assert there.apply(etc, MAIN, digest_of("preset: ["), "root").faults == []
    assert etc.read_text() == MAIN
    with pytest.raises(Malformed):
        there.apply(etc, "preset: quiet\n", digest_of("preset: ["), "root")
    with pytest.raises(Unknown):
        there.version("none")


def test_default_values_are_folded_by_section(browser: httpx.Client) -> None:
    """Hundreds of defaults are in closed sections; a search opens those with a matching key."""
    page = browser.get("/settings?all=1").text
    sections = re.findall(r'<details class="card recommendation"( open)?><summary><strong class="mono">(\w+)<', page)
    assert len(sections) > 10
    assert {opened for opened, _ in sections} == {""}
    found = browser.get("/settings?text=gone_after").text
    assert re.findall(r'<details class="card recommendation"( open)?><summary>', found) == [" open"]
    assert "gone_<wbr>after_<wbr>h" in found
