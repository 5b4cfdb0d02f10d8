"""Schemas of the app's records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .. import _html
from .._plain import Choice, fill, plain


class FieldType(Choice):
    """What a field holds."""

    TEXT = "text"
    LONG_TEXT = "long_text"
    INTEGER = "integer"
    DECIMAL = "decimal"
    FLOAT = "float"
    BOOL = "bool"
    DATE = "date"
    DATETIME = "datetime"
    CHOICE = "choice"
    MULTI_CHOICE = "multi_choice"
    EMAIL = "email"
    PHONE = "phone"
    URL = "url"
    MONEY = "money"
    REFERENCE = "reference"
    LIST = "list"
    JSON = "json"


@dataclass
class FieldChoice:
    """One of the values that a choice may have."""

    value: str
    label: str = ""


@dataclass
class Field:
    """One field of a blueprint.

    Attributes:
        name: A lower-case letter, then letters, digits and underscores.
        type: What it holds.
        label: Its name for people; made of ``name`` if it is empty.
        required: Whether an entity must have it.
        unique: Whether no two live entities may hold the same value.
        indexed: Whether lists filter and sort by it quickly.
        choices: Of a choice, what may be chosen; empty for anything.
        blueprint: Of a reference, whose entities it names.
        description: What it is for.
        default: Value of a new entity that gives none, in the engine's own form.
    """

    name: str
    type: FieldType = FieldType.TEXT
    label: str = ""
    required: bool = False
    unique: bool = False
    indexed: bool = False
    choices: list[FieldChoice] = field(default_factory=list[FieldChoice])
    blueprint: str | None = None
    description: str = ""
    default: Any = None

    def __post_init__(self) -> None:
        self.type = FieldType(self.type)
        if not self.label:
            self.label = self.name.replace("_", " ").capitalize()

    def _to_plain(self) -> dict[str, Any]:
        given: dict[str, Any] = {
            "name": self.name,
            "type": str(self.type),
            "label": self.label,
            "required": self.required,
            "unique": self.unique,
            "indexed": self.indexed,
            "description": self.description,
        }
        if self.type in (FieldType.CHOICE, FieldType.MULTI_CHOICE):
            given["choices"] = plain(self.choices)
        if self.type is FieldType.REFERENCE:
            given["blueprint"] = self.blueprint or ""
        if self.default is not None:
            given["default"] = self.default
        return given

    @classmethod
    def _from_plain(cls, given: Mapping[str, Any]) -> Field:
        return fill(cls, given)


@dataclass
class Blueprint:
    """A named, versioned schema of one kind of entity.

    Attributes:
        id: Its number.
        tenant: The tenant that owns it.
        name: Its name in code, unique within the tenant.
        label: Its name for people.
        version: Goes up with each change.
        fields: The fields.
        groups: Names of fields that are only ever changed together.
    """

    id: int
    tenant: int
    name: str
    label: str
    version: int
    fields: list[Field] = field(default_factory=list[Field])
    groups: list[list[str]] = field(default_factory=list[list[str]])

    def get(self, name: str) -> Field:
        """A field by its name.

        Raises:
            KeyError: when there is none.
        """
        for one in self.fields:
            if one.name == name:
                return one
        raise KeyError(name)

    def _repr_html_(self) -> str:
        rows = [
            (one.name, one.type, one.label, _flags(one), one.description)
            for one in self.fields
        ]
        title = f"Blueprint {self.name}, version {self.version}"
        return _html.table(title, ("field", "type", "label", "", "description"), rows)


def _flags(one: Field) -> str:
    named = (("required", one.required), ("unique", one.unique), ("indexed", one.indexed))
    return ", ".join(name for name, given in named if given)
