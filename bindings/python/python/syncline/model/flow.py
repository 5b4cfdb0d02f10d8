"""State machines over blueprints."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from .. import _html
from .._plain import Choice, fill, plain
from .entity import Entity
from .mapping import Finding


class Breach(Choice):
    """What happens to a change of the state that follows no transition."""

    APPLY = "apply"
    REFUSE = "refuse"
    REVIEW = "review"


@dataclass
class Transition:
    """A named step from one of several states to one.

    Attributes:
        name: Its name in code, unique within the flow.
        from_: The states from which it can be taken.
        to: The state to which it leads.
        guard: What must be true, in CEL.
        refusal: What people are told where the guard does not hold; the guard itself otherwise.
        inputs: Fields that whoever takes it must give.
        optional: Fields that may be given as well.
        updates: Expressions by field, such as ``{"started_at": "now()"}``.
        roles: The roles that may take it; whoever may edit entities where none is named.
        label: Its name for people.
    """

    name: str
    from_: list[str]
    to: str
    guard: str | None = None
    refusal: str = ""
    inputs: list[str] = dataclasses.field(default_factory=list[str])
    optional: list[str] = dataclasses.field(default_factory=list[str])
    updates: dict[str, str] = dataclasses.field(default_factory=dict[str, str])
    roles: list[str] = dataclasses.field(default_factory=list[str])
    label: str = ""

    def _to_plain(self) -> dict[str, Any]:
        given: dict[str, Any] = {
            "name": self.name,
            "from": self.from_,
            "to": self.to,
            "refusal": self.refusal,
            "inputs": self.inputs,
            "optional": self.optional,
            "updates": [f"{name} = {value}" for name, value in self.updates.items()],
            "roles": self.roles,
            "label": self.label,
        }
        if self.guard is not None:
            given["guard"] = self.guard
        return given

    @classmethod
    def _from_plain(cls, given: Mapping[str, Any]) -> Transition:
        updates: dict[str, str] = {}
        for update in given.get("updates", []):
            name, _, value = str(update).partition("=")
            updates[name.strip()] = value.strip()
        return fill(cls, {**given, "from_": given["from"], "updates": updates})


@dataclass
class Flow:
    """A state machine over the choices of a field.

    Attributes:
        name: Its name in code, unique within the tenant.
        blueprint: The blueprint whose entities it moves.
        field: The choice field whose choices are the states.
        initial: The states in which an entity may begin.
        transitions: The transitions.
        finals: The states in which it may rest for good.
        inbound: What becomes of a change that comes from a CRM and follows no transition.
        edits: What becomes of an edit in the app that follows no transition: applied or refused.
        label: Its name for people.
        version: Goes up with each saved change; 0 before the first.
    """

    name: str
    blueprint: str
    field: str
    initial: list[str]
    transitions: list[Transition]
    finals: list[str] = dataclasses.field(default_factory=list[str])
    inbound: Breach = Breach.REVIEW
    edits: Breach = Breach.REFUSE
    label: str = ""
    version: int = 0

    def _to_plain(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "blueprint": self.blueprint,
            "field": self.field,
            "initial": self.initial,
            "final": self.finals,
            "inbound": str(Breach(self.inbound)),
            "edits": str(Breach(self.edits)),
            "label": self.label,
            "version": self.version,
            "transitions": [plain(one) for one in self.transitions],
        }

    @classmethod
    def _from_plain(cls, given: Mapping[str, Any]) -> Flow:
        return fill(cls, {**given, "finals": given.get("final", [])})

    def _repr_html_(self) -> str:
        rows = [(one.name, ", ".join(one.from_), one.to, one.guard or "") for one in self.transitions]
        return _html.table(f"Flow {self.name}, version {self.version}", ("transition", "from", "to", "guard"), rows)


@dataclass(frozen=True)
class SavedFlow:
    """A saved flow, and what was found.

    Attributes:
        flow: The flow, with its version.
        findings: What is worth knowing about it.
    """

    flow: Flow
    findings: list[Finding]


@dataclass(frozen=True)
class Offer:
    """A transition, and whether it can be taken.

    Attributes:
        transition: Its name.
        label: Its name for people.
        to: Where it leads.
        inputs: Fields that whoever takes it must give.
        optional: Fields that may be given as well.
        depends_on_inputs: Whether its guard has the last word once the inputs are given.
        why_not: Why it can't be taken; ``None`` where it can.
    """

    transition: str
    label: str
    to: str
    inputs: list[str]
    optional: list[str]
    depends_on_inputs: bool
    why_not: str | None = None


@dataclass(frozen=True)
class Standing:
    """Where an entity stands in a flow.

    Attributes:
        flow: The flow.
        state: The state; ``None`` if the entity has none.
        is_final: Whether it may rest here for good.
        available: The transitions that can be taken.
        unavailable: The others, each with why it can't.
    """

    flow: str
    state: str | None
    is_final: bool
    available: list[Offer]
    unavailable: list[Offer]


@dataclass(frozen=True)
class Taken:
    """A transition that was taken.

    Attributes:
        entity: The entity as it is now.
        flow: The flow.
        transition: The transition.
        before: The state that was left.
        to: The state that the entity is in now.
        changed: Fields that it changed.
    """

    entity: Entity
    flow: str
    transition: str
    before: str
    to: str
    changed: list[str]


@dataclass(frozen=True)
class TakenOne:
    """What became of one of many.

    Attributes:
        uid: The entity.
        to: The state that it was moved to; ``None`` where it was not.
        error: Why it was not moved.
    """

    uid: UUID
    to: str | None = None
    error: str | None = None


@dataclass(frozen=True)
class StateChange:
    """A change of an entity's state.

    Attributes:
        flow: The flow.
        transition: The transition; ``None`` where it followed none.
        at: When.
        by: Who, or which side.
        how: ``taken``, ``edited``, ``pulled``, ``resolved``, ``rolled_back`` or ``remapped``.
        rev: The entity's revision then.
        before: The state that was left.
        to: The state that it came to.
        breaks: What it broke, if anything.
    """

    flow: str
    at: datetime
    by: str
    how: str
    rev: int
    transition: str | None = None
    before: str | None = None
    to: str | None = None
    breaks: str | None = None

    @classmethod
    def _from_plain(cls, given: Mapping[str, Any]) -> StateChange:
        return fill(cls, {**given, "before": given.get("from")})


@dataclass(frozen=True)
class StateTime:
    """How long an entity was in a state, all stays together.

    Attributes:
        state: The state; ``None`` for having none.
        stays: How often it was there.
        seconds: For how long.
    """

    state: str | None
    stays: int
    seconds: int


@dataclass(frozen=True)
class StateHistory:
    """An entity's way through a flow.

    Attributes:
        flow: The flow.
        state: Where it is.
        changes: How it came there, oldest first.
        times: How long it was where.
    """

    flow: str
    state: str | None
    changes: list[StateChange]
    times: list[StateTime]
