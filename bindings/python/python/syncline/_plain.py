"""Dataclasses from the engine's plain answers, and back."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints
from uuid import UUID

from .values import instant, moment
from .values import plain as plain_value

T = TypeVar("T")


class Choice(str, Enum):
    """Names of which one is chosen; each is its text, too."""

    def __str__(self) -> str:
        return str(self.value)


def build(kind: type[T], given: Any) -> T:
    """An object of a class from its plain form. What the class does not know is left out."""
    return cast(T, _value(kind, given))


def build_all(kind: type[T], given: Any) -> list[T]:
    """As :func:`build`, of each in a list."""
    return [build(kind, one) for one in given]


def plain(value: object) -> Any:
    """The plain form of what is asked of the engine."""
    to_plain = getattr(value, "_to_plain", None)
    if to_plain is not None:
        return to_plain()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            field.name: plain(getattr(value, field.name))
            for field in dataclasses.fields(value)
            if getattr(value, field.name) is not None
        }
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Mapping):
        return {str(name): plain(one) for name, one in cast("Mapping[object, object]", value).items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(one) for one in cast("Iterable[object]", value)]
    return instant(value) if isinstance(value, datetime) else plain_value(value)


def setting(value: object) -> Any:
    """The plain form of a setting of the engine, where a span of time has parts.

    >>> setting(timedelta(seconds=1.5))
    {'secs': 1, 'nanos': 500000000}
    """
    if isinstance(value, timedelta):
        micros = value // timedelta(microseconds=1)
        return {"secs": micros // 1_000_000, "nanos": micros % 1_000_000 * 1_000}
    return plain(value)


@lru_cache(maxsize=None)
def _hints(kind: Any) -> dict[str, Any]:
    known = {field.name for field in dataclasses.fields(kind)}
    return {name: hint for name, hint in get_type_hints(kind).items() if name in known}


_SIMPLE: dict[Any, Callable[[Any], object]] = {
    datetime: moment,
    date: date.fromisoformat,
    UUID: UUID,
    Decimal: lambda given: Decimal(str(given)),
}


def _value(kind: Any, given: Any) -> Any:
    if given is None or kind is Any:
        return given
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        choices = [one for one in get_args(kind) if one is not type(None)]
        return _value(choices[0], given) if len(choices) == 1 else given
    if origin is list:
        (of,) = get_args(kind)
        return [_value(of, one) for one in given]
    if origin is dict:
        _, of = get_args(kind)
        return {name: _value(of, one) for name, one in given.items()}
    if origin is not None or not isinstance(kind, type):
        return given
    if isinstance(given, kind):
        return given
    from_plain = getattr(kind, "_from_plain", None)
    if from_plain is not None:
        return from_plain(given)
    if dataclasses.is_dataclass(kind):
        return fill(kind, given)
    if issubclass(kind, Enum):
        return _chosen(kind, given)
    make = _SIMPLE.get(cast("Any", kind))
    return given if make is None else make(given)


def _chosen(kind: type[Enum], given: Any) -> Any:
    try:
        return kind(given)
    except ValueError:
        # A newer engine may know more names.
        return given


def fill(kind: type[T], given: Mapping[str, Any]) -> T:
    """A dataclass from its fields' plain forms."""
    hints = _hints(cast("Any", kind))
    return kind(**{name: _value(hint, given[name]) for name, hint in hints.items() if name in given})
