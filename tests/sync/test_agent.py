"""The agent of `sensor sync`: applied and rejected layers, and rollbacks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from sensor.cli._places import places_of
from sensor.cli._sync_agent import checked, health_now
from sensor.config import load_config
from sensor.lifecycle.places import pieces
from sensor.outputs.hub_protocol.messages import Signed
from sensor.outputs.transport.nkeys import OPERATOR, KeyPair
from sensor.sync.agent import OBSERVATIONS, RETRY_S, TRIAL_S, Agent
from sensor.sync.health import Health
from sensor.sync.state import NAME
from tests.forked import Forking
from tests.sync.hub_in_memory import MemoryHub

GOOD = Health(running=True, packets=10_000, began=1.0)
BAD = Health(running=True, lasting={"disk": "full"}, packets=20_000, began=1.0)
LOCAL = "sensor: {id: berlin-1}\nnetworks: [192.0.2.0/24]\nroles: {backup: [10.0.0.1]}\n"


class Story:
    """A sensor with its configuration in ``folder``, a hub, a clock, and a health that the test sets."""

    def __init__(self, folder: Path) -> None:
        self.config, self.hub, self.now, self.health = folder / "sensor.yaml", MemoryHub(), 0.0, GOOD
        self.faults: list[str] = []
        self.config.write_text(LOCAL)
        self.agent = self.started()

    def started(self) -> Agent:
        """An agent that starts with the files on disk."""
        root = self.config.parent / "fleet"
        return Agent(root, self.hub, self._check, lambda: self.health, ["hub"], lambda: self.now)

    def _check(self, _: Path) -> Sequence[str]:
        return self.faults

    def pull(self) -> str:
        self.agent.pull()
        return self.agent.state.outcome

    def accept(self, files: dict[str, str]) -> None:
        """Publish, pull, and end the trial."""
        self.hub.publish(files)
        self.pull()
        self.watch(1, TRIAL_S)

    def watch(self, times: int = 1, seconds: float = 10.0) -> str:
        for _ in range(times):
            self.now += seconds
            self.agent.watch()
        return self.agent.state.outcome

    def networks(self) -> list[str]:
        return load_config(self.config).networks


@pytest.fixture
def story(tmp_path: Path) -> Story:
    return Story(tmp_path)


def fleet(network: str) -> dict[str, str]:
    return {"sensor.yaml": f"networks: [{network}]\n"}


def test_layers_lie_between_the_document_and_conf_d(story: Story) -> None:
    """The more specific layer has priority, and conf.d over all; keys without a layer keep their value."""
    story.hub.publish({"sensor.yaml": "networks: [198.51.100.0/24]\npreset: quiet\nalerts: {least: low}\n"})
    story.hub.publish({"sensor.yaml": "preset: paranoid\nalerts: {least: high}\n"}, "site", "Berlin")
    story.hub.publish({"sensor.yaml": "alerts: {least: medium}\n"}, "sensor", story.hub.key)
    assert story.pull() == "trial"
    (story.config.parent / "conf.d").mkdir()
    (story.config.parent / "conf.d" / "local.yaml").write_text("memory_mib: 700\nalerts: {least: critical}\n")
    config = load_config(story.config)
    assert (config.networks, config.preset, config.alerts.least) == (["198.51.100.0/24"], "paranoid", "critical")
    assert (config.sensor.id, config.roles.backup, config.memory_mib) == ("berlin-1", ["10.0.0.1"], 700)


def test_lists_rules_fingerprints_and_mutes_are_added(story: Story) -> None:
    """They are added to the operator's files and do not replace them."""
    (story.config.parent / "own.txt").write_text("203.0.113.9\n")
    story.config.write_text(f"{LOCAL}intel: [own.txt]\n")
    files = ("lists/bad.txt", "fingerprints/x.yaml", "mutes.yaml", "rules/r.yaml")
    story.hub.publish(dict.fromkeys(files, "mutes: []\n"))
    assert story.pull() == "trial"
    config, layer = load_config(story.config), story.config.parent / "fleet/current/10-fleet"
    assert config.intel == [story.config.parent / "own.txt", layer / "lists" / "bad.txt"]
    assert config.fingerprints.folders == [layer / "fingerprints"]
    assert config.alerts.shared_mutes == [layer / "mutes.yaml"]
    assert config.alerts.mutes is None


def test_a_backup_has_the_files_of_the_sensor_alone(story: Story) -> None:
    """Files of the hub are pulled again; restored as plain files they would conflict with the next version."""
    (story.config.parent / "own.txt").write_text("203.0.113.9\n")
    story.config.write_text(f"{LOCAL}intel: [own.txt]\n")
    story.hub.publish({"sensor.yaml": "preset: quiet\n", "lists/bad.txt": "", "mutes.yaml": "mutes: []\n"})
    story.pull()
    found = places_of(story.config, story.config.parent / "state")
    assert found is not None
    assert [piece.name for piece in pieces(found[1], log=False, evidence=False)] == [
        "config/own.txt",
        "config/sensor.yaml",
    ]


def test_a_version_that_does_no_harm_stays(story: Story) -> None:
    story.hub.publish(fleet("198.51.100.0/24"))
    assert story.pull() == "trial"
    assert story.watch(3) == "trial"
    assert story.watch(1, TRIAL_S) == "applied"
    assert story.pull() == "applied"
    assert story.hub.reports[-1].digest == story.agent.folder.current
    assert story.networks() == ["198.51.100.0/24"]


def test_health_that_worsens_brings_the_version_before_back(story: Story) -> None:
    """Three bad observations in a row roll back; the same version is not tried again, the next one is."""
    story.accept(fleet("198.51.100.0/24"))
    story.hub.publish(fleet("203.0.113.0/24"))
    assert story.pull() == "trial"
    assert story.networks() == ["203.0.113.0/24"]
    story.health = BAD
    assert story.watch(OBSERVATIONS - 1) == "trial"
    assert story.watch() == "rolled_back"
    assert story.networks() == ["198.51.100.0/24"]
    story.health = GOOD
    assert story.pull() == "rolled_back"
    assert story.networks() == ["198.51.100.0/24"]
    story.pull()
    assert story.hub.reports[-1].state == "rolled_back"
    story.hub.publish(fleet("192.0.2.128/25"))
    assert story.pull() == "trial"
    assert story.watch(1, TRIAL_S) == "applied"


def test_a_short_disturbance_is_no_reason(story: Story) -> None:
    """A reload may cost an observation or two; a recovery resets the count."""
    story.hub.publish(fleet("198.51.100.0/24"))
    story.pull()
    for _ in range(4):
        story.health = Health()
        assert story.watch(OBSERVATIONS - 1) == "trial"
        story.health = GOOD
        story.watch()
    assert story.watch(1, TRIAL_S) == "applied"


def test_a_trial_outlives_the_agent(story: Story) -> None:
    """An agent that was killed within the trial continues it; the first version is rolled back to none."""
    story.hub.publish(fleet("198.51.100.0/24"))
    story.pull()
    story.agent, story.health = story.started(), BAD
    assert story.watch(OBSERVATIONS) == "rolled_back"
    assert story.networks() == ["192.0.2.0/24"]


class Killed(BaseException):
    """The process ends here."""


def killed(*_: object) -> None:
    raise Killed


def test_a_crash_before_a_version_is_in_use(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    """What follows is no evidence about either version: it is put on trial again, the one before did not fail."""
    story.hub.publish(fleet("198.51.100.0/24"))
    story.pull()
    assert story.watch(13) == "applied"
    before = story.agent.folder.current
    story.hub.publish(fleet("203.0.113.0/24"))
    monkeypatch.setattr(story.agent.folder, "use", killed)
    with pytest.raises(Killed):
        story.pull()
    story.agent, story.health = story.started(), BAD
    story.watch(OBSERVATIONS)
    assert (story.agent.folder.current, story.agent.state.failed) == (before, {})
    story.health = GOOD
    assert story.pull() == "trial"
    assert story.watch(13) == "applied"
    assert story.networks() == ["203.0.113.0/24"]


@pytest.mark.parametrize("done", [False, True])
def test_a_crash_during_a_return(story: Story, monkeypatch: pytest.MonkeyPatch, done: bool) -> None:
    """Before or after the folder is changed: the version before is in use after the next start, and the failed one is
    not tried again.
    """
    story.hub.publish(fleet("198.51.100.0/24"))
    assert story.pull() == "trial"
    story.health, use = BAD, story.agent.folder.use
    monkeypatch.setattr(story.agent.folder, "use", lambda digest: killed(use(digest) if done else None))
    with pytest.raises(Killed):
        story.watch(OBSERVATIONS)
    story.agent = story.started()
    assert story.watch() == "rolled_back"
    assert story.networks() == ["192.0.2.0/24"]
    story.pull()
    assert (story.agent.state.trial, story.networks()) == (None, ["192.0.2.0/24"])


def test_a_corrected_clock_does_not_prolong_a_trial(story: Story) -> None:
    """A trial and a refusal that began in a wrong future end in their usual time."""
    story.now = 1e9
    story.hub.publish(fleet("198.51.100.0/24"))
    story.pull()
    story.now = 0.0
    assert story.watch() == "trial"
    assert story.watch(1, TRIAL_S) == "applied"
    story.now = 1e9
    story.faults = ["x"]
    story.hub.publish(fleet("203.0.113.0/24"))
    assert story.pull() == "refused"
    story.now, story.faults = 0.0, []
    assert story.pull() == "trial"


def test_without_a_running_sensor_the_effect_is_unknown(story: Story) -> None:
    story.health = Health()
    story.hub.publish(fleet("198.51.100.0/24"))
    story.pull()
    assert story.watch(1, TRIAL_S) == "applied"
    assert "unknown" in story.agent.state.reason


def test_health_is_that_of_the_running_sensor(story: Story) -> None:
    """Health comes from the command `sensor status`; here no sensor runs."""
    story.config.write_text(f"{LOCAL}state: {story.config.parent}/state\n")
    assert health_now(story.config) == Health()


def test_faults_of_the_check_are_refused(story: Story) -> None:
    """A rejected version is tried again after a while, since the sensor's own configuration may have changed."""
    story.hub.publish(fleet("198.51.100.0/24"))
    story.faults = ["10-fleet/sensor.yaml:1:1: found the key 'netwroks'"]
    assert story.pull() == "refused"
    assert story.agent.folder.current == ""
    story.faults = []
    assert story.pull() == "refused"
    story.now += RETRY_S
    assert story.pull() == "trial"


def test_the_real_check_finds_faults_in_every_kind_of_file(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    """Faults of the configuration, a rule and a mute are reported with their line; a valid version has none."""
    monkeypatch.setattr("sensor.cli._sync_agent.subprocess", Forking())
    story.hub.publish(
        {"sensor.yaml": "netwroks: []\n", "mutes.yaml": "mutes: [{id: m1}]\n", "rules/a.yaml": "rules: [{id: x}]\n"}
    )
    story.pull()
    (broken,) = (story.config.parent / "fleet" / "versions").iterdir()
    found = checked(story.config, broken)
    assert any(line.startswith("10-fleet/sensor.yaml:1:1: ") for line in found), found
    story.hub.publish({"mutes.yaml": "mutes: [{id: m1}]\n", "rules/a.yaml": "rules: [{id: x}]\n"})
    story.watch(1, TRIAL_S)
    story.pull()
    found = checked(story.config, story.agent.folder.version(story.agent.folder.current))
    assert {line.partition(":")[0] for line in found} == {"10-fleet/mutes.yaml", "10-fleet/rules/a.yaml"}
    story.watch(1, TRIAL_S)
    story.hub.publish(fleet("198.51.100.0/24"))
    story.pull()
    assert checked(story.config, story.agent.folder.version(story.agent.folder.current)) == []


def test_what_the_operator_did_not_sign(story: Story) -> None:
    """Changed content, another signer, a layer of another sensor, and a file other than the signed one are rejected."""
    hub, lies = story.hub, []
    hub.publish(fleet("198.51.100.0/24"))
    true = hub.layers["fleet"]
    lies.append(Signed(true.content.replace("sensor.yaml", "mutes.yaml"), true.signature))
    other = MemoryHub()
    other.publish(fleet("198.51.100.0/24"))
    lies += [other.layers["fleet"], Signed(true.content, "")]
    for lie in lies:
        hub.layers = {"fleet": lie}
        assert story.pull() == "refused"
    hub.layers = {}
    hub.publish(fleet("198.51.100.0/24"), "sensor", KeyPair.generate(OPERATOR).public)
    assert story.pull() == "refused"
    hub.layers = {"fleet": true}
    hub.stored = dict.fromkeys(hub.stored, b"networks: [0.0.0.0/0]\n")
    assert story.pull() == "refused"
    assert story.networks() == ["192.0.2.0/24"]


def test_an_older_version_is_not_taken_back(story: Story) -> None:
    """A hub that replays an older signed version or omits the layer is rejected."""
    story.accept(fleet("198.51.100.0/24"))
    old = dict(story.hub.layers)
    story.accept(fleet("203.0.113.0/24"))
    new = dict(story.hub.layers)
    for lie in old, {}:
        story.hub.layers = lie
        assert story.pull() == "refused"
    assert story.networks() == ["203.0.113.0/24"]
    story.hub.layers = new
    assert story.pull() == "applied"


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"accepted": 1}', b'{"reason": "\xff"}', bytes(200)])
def test_a_damaged_state_does_not_open_the_way_back(story: Story, content: bytes) -> None:
    """Signing times of the versions in use are unknown: no version is accepted, and the hub gets the reason, also
    after a restart. Without the file, as at first, what the hub offers is accepted.
    """
    story.accept(fleet("198.51.100.0/24"))
    old = dict(story.hub.layers)
    story.accept(fleet("203.0.113.0/24"))
    state = story.config.parent / "fleet" / NAME
    state.write_bytes(content)
    story.agent, story.hub.layers = story.started(), old
    assert [story.pull(), story.pull(), story.watch(1, TRIAL_S)] == ["refused"] * 3
    assert str(state) in story.hub.reports[-1].reason
    assert (story.networks(), state.read_bytes()) == (["203.0.113.0/24"], content)
    state.unlink()
    assert story.pull() == "trial"
    assert story.networks() == ["198.51.100.0/24"]


def test_an_empty_layer_ends_what_it_set(story: Story) -> None:
    story.accept(fleet("198.51.100.0/24"))
    story.hub.publish({})
    story.pull()
    assert story.watch(1, TRIAL_S) == "applied"
    assert story.networks() == ["192.0.2.0/24"]


@pytest.mark.parametrize(
    "text",
    [
        "sensor: {id: other}\n",
        "capture: {interfaces: [eth9]}\n",
        "alerts: {mutes: x.yaml}\n",
        "outputs: {hub: {enabled: false}}\n",
        "outputs: {other: {type: hub, servers: ['nats://192.0.2.1:4222'], credentials: x}}\n",
    ],
)
def test_keys_that_stay_with_the_sensor(story: Story, text: str) -> None:
    """Identity, capture interfaces and the connection to the hub cannot be set by a layer."""
    story.hub.publish({"sensor.yaml": text})
    assert story.pull() == "refused"
    assert story.agent.folder.current == ""


def test_files_that_did_not_change_are_fetched_once(story: Story) -> None:
    """Unchanged files are fetched once, and files of removed versions are deleted."""
    story.accept({"lists/a.txt": "192.0.2.1\n", "lists/b.txt": "192.0.2.2\n"})
    story.hub.stored = {}
    story.accept({"lists/a.txt": "192.0.2.1\n", "lists/c.txt": "192.0.2.3\n"})
    kept = list((story.config.parent / "fleet" / "files").iterdir())
    assert sorted(path.read_text() for path in kept) == ["192.0.2.1\n", "192.0.2.3\n"]
    assert len(list((story.config.parent / "fleet" / "versions").iterdir())) == 1
