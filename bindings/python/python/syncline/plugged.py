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
from typing import Any, ClassVar, Protocol

__all__ = ["KeyProvider", "LensFactory", "ValueLens", "given_lenses"]


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
