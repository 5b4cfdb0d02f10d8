"""What you write in Python and plug in: lenses, and keys from a key management of your own.

>>> import syncline
>>> class Shouted(syncline.ValueLens):
...     '''Text in capitals in the CRM, small in the app.'''
...     def get(self, raw):
...         return raw.lower() if isinstance(raw, str) else raw
...     def put(self, canonical, old):
...         return canonical.upper() if isinstance(canonical, str) else canonical
...     def canon(self, raw):
...         return self.get(raw)
>>> sl = syncline.open(":memory:", lenses={"shouted": Shouted})
>>> rule = syncline.Rule("last_name", "LastName", lenses=["shouted"])
>>> sl.close()
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol
from uuid import UUID

from ._plain import build, plain

__all__ = ["Amend", "ChangeHook", "IncomingChange", "KeyProvider", "LensFactory", "ValueLens", "Veto", "given_lenses"]


class ValueLens:
    """A two-way transform between what a CRM holds (raw) and what the app holds (canonical).

    Values are Python's own: ``None``, ``bool``, ``int``, ``Decimal``, ``float``, ``str``, ``date``, ``datetime``, lists, and
    dictionaries. Options that a mapping gives come as keyword arguments of ``__init__``.

    It has to keep three laws, or edits that nobody made appear: putting back what was got changes nothing but what
    :meth:`canon` says does not count; getting what was put gives it back; and :meth:`canon` applied twice is as once.

    An exception is the error of the record at hand: it is shown with it, and the run goes on. A lens is called from any
    thread, and can't call Syncline.

    Attributes:
        two_way: ``False`` where :meth:`put` does not work; a rule that uses it is then pull-only.
    """

    two_way: ClassVar[bool] = True

    def get(self, raw: Any) -> Any:
        """Canonical from raw.

        Raises:
            Exception: when the raw value can't be understood.
        """
        return raw

    def put(self, canonical: Any, old: Any) -> Any:
        """Raw from canonical, given what the CRM holds now. Only called when that does not give ``canonical`` already.

        Raises:
            Exception: when the CRM can't hold the value.
        """
        return canonical

    def canon(self, raw: Any) -> Any:
        """Brings raw values that the CRM does not tell apart to one: what it trims, rounds or re-cases by itself."""
        return raw


LensFactory = Callable[..., ValueLens]


class KeyProvider(Protocol):
    """Where the keys come from that credentials are sealed under: your own key management.

    Asked within calls that hold a transaction: answer from memory.
    """

    def current(self) -> str:
        """The name of the key that new things are sealed under."""
        ...

    def key(self, id: str) -> bytes:
        """The 32 bytes of a key that is current, or was once.

        Raises:
            Exception: when it is no longer kept. Only the class of it is told.
        """
        ...


@dataclass(frozen=True)
class IncomingChange:
    """A change that comes from a CRM and is about to be applied.

    Attributes:
        blueprint: Name of the blueprint.
        uid: The entity; of one that is new, the id that it is going to have.
        origin: Where the change comes from, such as ``salesforce Contact``.
        before: The values by field as they are, in their plain form; ``None`` for a new record.
        after: The values by field as they are going to be.
        changed: The fields that change.
    """

    blueprint: str
    uid: UUID
    origin: str
    before: dict[str, Any] | None
    after: dict[str, Any]
    changed: list[str]


@dataclass(frozen=True)
class Veto:
    """The change is not applied: the record stays as it was, and is a failure of the run with this reason.

    Attributes:
        reason: Why, for people.
    """

    reason: str


@dataclass(frozen=True)
class Amend:
    """The change is applied and at once edited: these values are the app's, and the next write brings them to the CRM.

    Attributes:
        values: Values by field.
        reason: Why, for people: the audit has it.
    """

    values: Mapping[str, Any]
    reason: str


class ChangeHook:
    """Your say in changes that come from a CRM. Subclass it, and pass an instance to ``syncline.open(..., hooks=[...])``.

    >>> class NoRobots(ChangeHook):
    ...     name = "no robots"
    ...     def before(self, change):
    ...         if "robot" in (change.after["last_name"] or ""):
    ...             return Veto("robots are no customers")

    It is asked about new records and about values that change, within the transaction of a page: answer at once, from what you
    are given. It can't call Syncline. Deletes, and the first link of records that are on both sides, are the mapping's policy.

    Attributes:
        name: What its amendments are audited as.
    """

    name: ClassVar[str] = "hook"

    def before(self, change: IncomingChange) -> Veto | Amend | None:
        """Says what is to become of a change: nothing lets it pass.

        Raises:
            Exception: vetoes it, with what it says as the reason; the run goes on.
        """
        return None

    def _ask(self, given: Mapping[str, Any]) -> Any:
        answer = self.before(build(IncomingChange, given))
        if isinstance(answer, Veto):
            return {"veto": {"reason": answer.reason}}
        if isinstance(answer, Amend):
            return {"amend": {"values": plain(answer.values), "reason": answer.reason}}
        return "apply"


def given_lenses(lenses: Mapping[str, LensFactory]) -> list[tuple[str, str, list[tuple[str, str]], LensFactory]]:
    """Lenses with what describes them: their first line, and their parameters as options. For the native half."""
    return [
        (name, (inspect.getdoc(make) or "").partition("\n")[0], _options(make), make) for name, make in lenses.items()
    ]


def _options(make: LensFactory) -> list[tuple[str, str]]:
    def meaning(parameter: inspect.Parameter) -> str:
        if parameter.default is inspect.Parameter.empty:
            return "required"
        return f"{parameter.default!r} if it is left out"

    named = (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    parameters = inspect.signature(make).parameters.values()
    return [(one.name, meaning(one)) for one in parameters if one.kind in named]
