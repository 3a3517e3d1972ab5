"""The schema of the operator's rules: events, conditions, counts, sequences; the text of the alert; and tests.

A rule matches one or several kinds of events (``dns.query``), changes of flows (``flow.answered``) or of devices
(``device.new``); or it is a sequence of such steps. A condition is a field and its expected value: a value, a list of
values of which one must match, or operators with values (``begins: adm``). A block of conditions matches if all of them
do. ``$name`` refers to a set of the file. Fields are in ``fields``, operators in ``values``.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from sensor.core.alert import Severity
from sensor.core.attack import TECHNIQUES, Technique
from sensor.documents import nearest
from sensor.documents.spans import span

LONGEST_S = 7 * 86400
STEPS_LIMIT, COUNT_LIMIT = 8, 4096

Block = dict[str, Any]


def _several(value: object) -> object:
    """A single text, or a list of texts."""
    return [value] if isinstance(value, str) else value


def _blocks(value: object) -> object:
    """A single block of conditions, or a list of blocks."""
    return [value] if isinstance(value, dict) else value


Span = Annotated[int, BeforeValidator(lambda value: span(value, 1, LONGEST_S))]
Texts = Annotated[tuple[str, ...], BeforeValidator(_several)]
Blocks = Annotated[list[Block], BeforeValidator(_blocks)]


class _Written(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class Attack(_Written):
    """A technique that is not in the sensor's ATT&CK table."""

    technique: str = Field(pattern=r"^T\d{4}(\.\d{3})?$")
    tactic: str = Field(pattern=r"^[a-z]+(-[a-z]+)*$")
    name: str = Field(min_length=3, max_length=128)


class Step(_Written):
    """Conditions on one event: the block ``where``, one of the blocks ``any``, and none of the blocks ``unless``.
    ``by``: fields that grouped events have in common.
    """

    when: Texts = ()
    where: Block = {}
    any: Blocks = []
    unless: Blocks = []
    by: Texts = ()


class TestEvent(BaseModel):
    """An event of a test: ``at``: seconds after its start; ``times``: number of repetitions, ``every``: interval in
    seconds, with ``{n}`` as counter in texts. Any other key is a field.
    """

    model_config = ConfigDict(extra="allow", frozen=True, defer_build=True)

    when: str = ""
    at: float = Field(0, ge=0, le=LONGEST_S)
    times: int = Field(1, ge=1, le=100_000)
    every: float = Field(1, ge=0, le=LONGEST_S)


class RuleTest(_Written):
    """A test of a rule: events, devices (by address, each with its attributes), and the expected number of alerts."""

    title: str = Field(min_length=3)
    alerts: int = Field(1, ge=0)
    devices: dict[str, dict[str, str]] = {}
    events: list[TestEvent] = Field(min_length=1)


class Rule(Step):
    """One rule. ``summary`` (formerly ``says``): summary of its alerts, with fields in braces; ``count`` (of different
    values of ``distinct``, if given) ``within`` a span; ``again``: how long the same finding is not reported again;
    ``actor``: which endpoint acts.
    """

    id: str = Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")
    title: str = Field(min_length=3, max_length=128)
    summary: str = Field("", max_length=512, validation_alias=AliasChoices("summary", "says"))
    severity: Literal["info", "low", "medium", "high", "critical"] = "medium"
    confidence: float = Field(0.8, gt=0, le=1)
    attack: list[str | Attack] = []
    false_positives: str = Field(
        "A custom rule: its usual false positives are not documented.", min_length=3, max_length=1024
    )
    advice: str = Field("Follow the procedure of this rule.", min_length=3, max_length=1024)
    author: str = Field("", max_length=128)
    reference: str = Field("", max_length=512)
    enabled: bool = True
    actor: Literal["src", "dst"] = "src"
    sequence: list[Step] = Field([], max_length=STEPS_LIMIT)
    count: int = Field(1, ge=1, le=COUNT_LIMIT)
    distinct: str = ""
    within: Span | None = None
    again: Span = 3600
    tests: list[RuleTest] = []

    @field_validator("attack")
    @classmethod
    def _known(cls, attack: list[str | Attack]) -> list[str | Attack]:
        for one in attack:
            if isinstance(one, str) and one not in TECHNIQUES:
                raise ValueError(
                    f"found the technique {one!r}, {nearest(one, list(TECHNIQUES))}; others as {{technique, "
                    f"tactic, name}}"
                )
        return attack

    @model_validator(mode="after")
    def _whole(self) -> Rule:
        if bool(self.when) == bool(self.sequence):
            raise ValueError(f"the rule {self.id} needs either when or a sequence of steps with when")
        if self.sequence and (self.where or self.any or self.unless or self.count > 1 or self.distinct):
            raise ValueError(f"the rule {self.id} is a sequence: expected conditions in its steps only, and no count")
        if len(self.sequence) == 1 or any(not step.when for step in self.sequence):
            raise ValueError(f"the sequence of the rule {self.id} needs at least two steps, each with when")
        if (self.count > 1 or self.sequence) and self.within is None:
            raise ValueError(
                f"the rule {self.id} needs within, a span such as 5m, for its "
                f"{'sequence' if self.sequence else 'count'}"
            )
        if self.count == 1 and (self.distinct or (self.within is not None and not self.sequence)):
            raise ValueError(
                f"the rule {self.id} has no count, expected a count of at least 2 with "
                f"{'distinct' if self.distinct else 'within'}"
            )
        return self

    @property
    def steps(self) -> tuple[Step, ...]:
        """The steps of the sequence, or the rule itself as the only one."""
        return tuple(self.sequence) or (self,)

    @property
    def level(self) -> Severity:
        return Severity[self.severity]

    @property
    def techniques(self) -> tuple[Technique, ...]:
        return tuple(
            TECHNIQUES[one] if isinstance(one, str) else Technique(one.tactic, one.technique, one.name)
            for one in self.attack
        )


class RuleFile(_Written):
    """One file of rules, and sets of values that they share."""

    note: str = ""
    sets: dict[str, list[str | int]] = {}
    rules: list[Rule] = Field(min_length=1)
