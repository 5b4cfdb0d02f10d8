"""Field rules between a blueprint and a remote object."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping as MappingOf
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Union

from .. import _html
from .._plain import Choice, build_all, fill, plain
from .blueprint import Field


class Direction(Choice):
    """Which way values flow."""

    BIDIRECTIONAL = "bidirectional"
    PULL = "pull"
    """From the CRM to the app."""
    PUSH = "push"
    """From the app to the CRM."""
    NONE = "none"


class Strategy(Choice):
    """Who wins when both sides changed the same field."""

    LAST_WRITE_WINS = "last_write_wins"
    CRM_WINS = "crm_wins"
    APP_WINS = "app_wins"
    MANUAL_REVIEW = "manual_review"
    """A person decides; the field is frozen until then."""
    CRM_AUTHORITATIVE = "crm_authoritative"
    """The CRM, and an edit made in the app alone is refused."""
    APP_AUTHORITATIVE = "app_authoritative"
    """The app, and an edit made in the CRM alone is reverted."""


class EmptyPolicy(Choice):
    """What an empty value does."""

    ALWAYS = "always"
    NEVER = "never"
    ON_CLEAR_EVENT = "on_clear_event"


class DeletePolicy(Choice):
    """What happens on one side when the record is deleted on the other."""

    UNLINK = "unlink"
    DELETE = "delete"
    ARCHIVE = "archive"


class DeleteConflictPolicy(Choice):
    """Who decides where a delete meets an edit."""

    REVIEW = "review"
    STRATEGY = "strategy"
    LAST_WRITE_WINS = "last_write_wins"
    CRM_WINS = "crm_wins"
    APP_WINS = "app_wins"


class Normalisation(Choice):
    """How texts are made comparable for matching."""

    EXACT = "exact"
    TEXT = "text"
    EMAIL = "email"
    PHONE = "phone"
    DOMAIN = "domain"


class Lens:
    """One step by which values cross: a lens and its options.

    >>> Lens("phone", default_region="AT")
    Lens('phone', default_region='AT')
    """

    def __init__(self, name: str, **options: Any) -> None:
        self.name = name
        self.options = options

    @classmethod
    def of(cls, given: Lens | str) -> Lens:
        """A lens, or the one of this name without options."""
        return given if isinstance(given, Lens) else cls(given)

    def __repr__(self) -> str:
        options = "".join(f", {name}={value!r}" for name, value in self.options.items())
        return f"Lens({self.name!r}{options})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Lens) and (self.name, self.options) == (other.name, other.options)

    __hash__ = None  # type: ignore[assignment]

    def _to_plain(self) -> dict[str, Any]:
        return {"lens": self.name, **plain(self.options)}

    @classmethod
    def _from_plain(cls, given: MappingOf[str, Any]) -> Lens:
        return cls(given["lens"], **{name: value for name, value in given.items() if name != "lens"})


@dataclass
class Rule:
    """One correspondence between fields of the blueprint and fields of the remote object.

    >>> Rule("phone", "Phone", lenses=["trim", Lens("phone", default_region="AT")]).lenses[0]
    Lens('trim')

    Attributes:
        fields: The blueprint's fields; one may be given as a text.
        remote: The remote paths; one may be given as a text.
        direction: Which way values flow.
        lenses: The steps by which values cross, in the order of reading; by type alone if there are none.
        cel: Instead of lenses, a CEL expression from the CRM to the app, over ``remote``.
        strategy: Who wins; the mapping's strategy if it is ``None``.
        empty_overwrites: What an empty value does; as the mapping says if it is ``None``.
    """

    fields: Union[str, list[str]]
    remote: Union[str, list[str]]
    direction: Direction = Direction.BIDIRECTIONAL
    lenses: Sequence[Lens | str] = ()
    cel: str | None = None
    strategy: Strategy | None = None
    empty_overwrites: EmptyPolicy | None = None

    def __post_init__(self) -> None:
        self.fields = [self.fields] if isinstance(self.fields, str) else list(self.fields)
        self.remote = [self.remote] if isinstance(self.remote, str) else list(self.remote)
        self.direction = Direction(self.direction)
        self.lenses = [Lens.of(lens) for lens in self.lenses]
        self.strategy = None if self.strategy is None else Strategy(self.strategy)
        self.empty_overwrites = None if self.empty_overwrites is None else EmptyPolicy(self.empty_overwrites)

    def _to_plain(self) -> dict[str, Any]:
        given: dict[str, Any] = {"fields": self.fields, "remote": self.remote, "direction": str(self.direction)}
        if self.cel is not None:
            given["transform"] = {"language": "cel", "expression": self.cel}
        elif self.lenses:
            given["transform"] = {"language": "lens", "steps": plain(self.lenses)}
        if self.strategy is not None:
            given["strategy"] = str(self.strategy)
        if self.empty_overwrites is not None:
            given["empty_overwrites"] = str(self.empty_overwrites)
        return given

    @classmethod
    def _from_plain(cls, given: MappingOf[str, Any]) -> Rule:
        transform: MappingOf[str, Any] = given.get("transform") or {}
        return cls(
            fields=given["fields"],
            remote=given["remote"],
            direction=Direction(given["direction"]),
            lenses=build_all(Lens, transform.get("steps", [])),
            cel=transform.get("expression"),
            strategy=given.get("strategy"),
            empty_overwrites=given.get("empty_overwrites"),
        )


@dataclass
class MatchPart:
    """One field of a match key."""

    field: str
    normalise: Normalisation = Normalisation.TEXT


@dataclass
class ExactKey:
    """Records are the same if all of these are set and equal after normalisation.

    >>> ExactKey(["email"]).parts
    [MatchPart(field='email', normalise=<Normalisation.TEXT: 'text'>)]
    """

    parts: Sequence[MatchPart | str]

    def __post_init__(self) -> None:
        self.parts = [MatchPart(part) if isinstance(part, str) else part for part in self.parts]

    def _to_plain(self) -> dict[str, Any]:
        return {"kind": "exact", "parts": plain(self.parts)}


@dataclass
class FuzzyPart:
    """One field of a fuzzy match key.

    Attributes:
        field: The blueprint's field.
        weight: How much it counts, relative to the others.
        role: ``evidence`` counts by its weight; records that differ in a ``decisive`` one are linked only if an
            ``identifier`` agrees.
        swapped_with: Other fields that may hold the same thing by mistake.
    """

    field: str
    weight: float
    role: str = "evidence"
    swapped_with: list[str] = dataclasses.field(default_factory=list[str])


@dataclass
class FuzzyKey:
    """Records are scored by the likeness of several fields.

    Attributes:
        parts: The fields compared.
        link: Least score, from 0 to 1, that links.
        review: Least score, from 0 to 1, that asks a person.
    """

    parts: list[FuzzyPart]
    link: float = 0.9
    review: float = 0.7

    def _to_plain(self) -> dict[str, Any]:
        return {"kind": "fuzzy", "parts": plain(self.parts), "link": self.link, "review": self.review}


MatchKey = Union[ExactKey, FuzzyKey]


def _match_key(given: MappingOf[str, Any]) -> MatchKey:
    if given["kind"] == "exact":
        return ExactKey(build_all(MatchPart, given["parts"]))
    return FuzzyKey(build_all(FuzzyPart, given["parts"]), given["link"], given["review"])


@dataclass
class Mapping:
    """Versioned field rules between one blueprint and one object.

    Attributes:
        blueprint: Name of the blueprint.
        object: The provider's object.
        rules: The rules.
        version: Goes up with each saved change.
        direction: Which way values flow, for all rules.
        strategy: Who wins, unless a rule says otherwise.
        empty_overwrites: What an empty value does, unless a rule says otherwise.
        excluded: Remote fields that are never requested, mapped or written.
        match_keys: How records are recognised on first linking, tried in this order.
        filter: Which remote records belong: a CEL expression over ``remote``.
        create_in_app: Whether a record that is new in the CRM becomes an entity.
        create_in_crm: Whether an entity that is new in the app becomes a record.
        on_crm_delete: What a delete in the CRM does in the app.
        on_app_delete: What a delete in the app does in the CRM.
        on_delete_conflict: Who decides where a delete meets an edit.
        marker: Remote field that carries our unique key, so that a create sent twice makes one record.
    """

    blueprint: str
    object: str
    rules: list[Rule] = field(default_factory=list[Rule])
    version: int = 1
    direction: Direction = Direction.BIDIRECTIONAL
    strategy: Strategy = Strategy.LAST_WRITE_WINS
    empty_overwrites: EmptyPolicy = EmptyPolicy.ALWAYS
    excluded: list[str] = field(default_factory=list[str])
    match_keys: list[MatchKey] = field(default_factory=list[MatchKey])
    filter: str | None = None
    create_in_app: bool = True
    create_in_crm: bool = True
    on_crm_delete: DeletePolicy = DeletePolicy.UNLINK
    on_app_delete: DeletePolicy = DeletePolicy.UNLINK
    on_delete_conflict: DeleteConflictPolicy = DeleteConflictPolicy.REVIEW
    marker: str | None = None

    def rule(self, name: str) -> Rule:
        """The rule of a field of the blueprint.

        Raises:
            KeyError: when no rule is of this field.
        """
        for rule in self.rules:
            if name in rule.fields:
                return rule
        raise KeyError(name)

    @classmethod
    def _from_plain(cls, given: MappingOf[str, Any]) -> Mapping:
        keys = [_match_key(key) for key in given.get("match_keys", [])]
        made = fill(cls, {name: value for name, value in given.items() if name != "match_keys"})
        made.match_keys = keys
        return made

    def _repr_html_(self) -> str:
        rows = [(rule.fields, rule.remote, rule.direction, rule.cel or [str(lens) for lens in rule.lenses])
                for rule in self.rules]
        title = f"{self.blueprint} ↔ {self.object}, version {self.version}"
        return _html.table(title, ("field", "remote", "direction", "how"), rows)


@dataclass(frozen=True)
class ProposedRule:
    """A rule that is proposed, how likely it is right (0 to 1), and why."""

    rule: Rule
    confidence: float
    reason: str


@dataclass(frozen=True)
class LeftOut:
    """A remote field that is left to a person, and why."""

    remote: str
    reason: str


@dataclass(frozen=True)
class Proposal:
    """What is proposed for one object. Change its ``mapping`` as you like, then save it.

    Attributes:
        mapping: The mapping.
        new_fields: Fields that the blueprint lacks.
        rules: The mapping's rules with confidence and reason.
        left_out: Remote fields that are not mapped.
        notes: What else was decided and why.
    """

    mapping: Mapping
    new_fields: list[Field]
    rules: list[ProposedRule]
    left_out: list[LeftOut]
    notes: list[str]

    def _repr_html_(self) -> str:
        rows: list[Sequence[object]] = [
            (one.rule.fields, one.rule.remote, f"{one.confidence:.0%}", one.reason) for one in self.rules
        ]
        rows += [("", left.remote, "", left.reason) for left in self.left_out]
        title = f"Proposed: {self.mapping.blueprint} ↔ {self.mapping.object}"
        return _html.table(title, ("field", "remote", "confidence", "reason"), rows, " ".join(self.notes))


@dataclass(frozen=True)
class Finding:
    """Something found when a mapping is checked.

    Attributes:
        severity: ``notice``, or ``error`` for what can't be saved like this.
        place: Where: a field, a rule, a path.
        message: What is wrong and what to do.
    """

    severity: str
    place: str
    message: str


@dataclass(frozen=True)
class PreviewField:
    """One field of a sample record: what the CRM holds, and what the app would."""

    field: str
    remote: list[str]
    raw: list[Any]
    value: Any = None
    error: str | None = None


@dataclass(frozen=True)
class PreviewRecord:
    """A sample record, mapped."""

    id: str
    fields: list[PreviewField]
    missing: list[str]


@dataclass(frozen=True)
class Preview:
    """What a mapping would do to live records. Nothing was stored or written.

    Attributes:
        records: The sample records, mapped.
        unfilled: Required fields of the blueprint that nothing fills.
        findings: What is worth knowing about the mapping.
    """

    records: list[PreviewRecord]
    unfilled: list[str]
    findings: list[Finding]

    def _repr_html_(self) -> str:
        rows = [
            (record.id, one.field, one.raw, one.error or one.value) for record in self.records for one in record.fields
        ]
        return _html.table("Preview", ("record", "field", "remote", "value"), rows)
