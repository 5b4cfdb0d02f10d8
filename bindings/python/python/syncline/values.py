"""Python's own types for what records hold.

A field's type decides what its values are: a ``datetime`` with its zone, a ``date``, a :class:`~decimal.Decimal`, a
:class:`~uuid.UUID` of another record, :class:`Money`. The same go in, and besides them enums (their value), sets and
tuples (lists).

>>> plain(Money(Decimal("12.50"), "EUR"))
['12.50', 'EUR']
>>> typed("money", [12.5, "EUR"])
Money(amount=Decimal('12.5'), currency='EUR')
>>> typed("datetime", "2026-11-20T10:00:00Z")
datetime.datetime(2026, 11, 20, 10, 0, tzinfo=datetime.timezone.utc)
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timezone
from decimal import Decimal
from enum import Enum
from typing import Any, cast
from uuid import UUID

from .errors import InvalidError

__all__ = ["Money", "fields_of", "plain", "tagged", "typed", "typed_record"]


@dataclass(frozen=True)
class Money:
    """An amount with its currency, which change together.

    Attributes:
        amount: How much; ``None`` where only the currency is known.
        currency: The ISO 4217 code; ``None`` where it is not known.
    """

    amount: Decimal | None
    currency: str | None = None

    def __str__(self) -> str:
        return " ".join(str(part) for part in (self.amount, self.currency) if part is not None)


def plain(value: object) -> Any:
    """The form in which a value goes to the engine.

    Raises:
        InvalidError: for a ``datetime`` without a zone, which names no instant, and for objects that hold no value.
    """
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, Enum):
        return plain(value.value)
    if isinstance(value, str):
        return str(value)
    if isinstance(value, datetime):
        return instant(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, (Decimal, UUID)):
        return str(value)
    if isinstance(value, Money):
        return [plain(value.amount), value.currency]
    if isinstance(value, Mapping):
        return {str(name): plain(one) for name, one in cast("Mapping[object, object]", value).items()}
    if is_model(value):
        return plain(fields_of(value))
    if isinstance(value, (set, frozenset)):
        return sorted((plain(one) for one in cast("Iterable[object]", value)), key=str)
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in cast("Iterable[object]", value)]
    raise InvalidError(f"{value!r} is a {type(value).__name__}, which no field can hold")


def is_model(value: object) -> bool:
    """Whether it is a dataclass, or a pydantic model."""
    return (dataclasses.is_dataclass(value) and not isinstance(value, type)) or hasattr(value, "model_dump")


def fields_of(record: object) -> dict[str, Any]:
    """The values of a mapping, a dataclass or a pydantic model, by their fields.

    Raises:
        InvalidError: for anything else.
    """
    if isinstance(record, Mapping):
        return {str(name): value for name, value in cast("Mapping[object, object]", record).items()}
    if dataclasses.is_dataclass(record) and not isinstance(record, type):
        return {field.name: getattr(record, field.name) for field in dataclasses.fields(record)}
    dump: Callable[[], dict[str, Any]] | None = getattr(record, "model_dump", None)
    if dump is not None:
        return dump()
    raise InvalidError(f"a record is a mapping, a dataclass or a pydantic model, and no {type(record).__name__}")


def tagged(value: object) -> tuple[str, Any]:
    """A value in plain form, with what it was. For the native half."""
    if isinstance(value, Enum):
        return tagged(value.value)
    if isinstance(value, Money):
        return tagged([value.amount, value.currency])
    if isinstance(value, Decimal):
        return "decimal", str(value)
    if isinstance(value, datetime):
        return "datetime", instant(value)
    if isinstance(value, date):
        return "date", value.isoformat()
    if isinstance(value, (list, tuple, set, frozenset)):
        return "list", [tagged(one) for one in cast("Iterable[object]", value)]
    return "plain", plain(value)


def instant(moment: datetime) -> str:
    """A moment in UTC, in ISO 8601.

    Raises:
        InvalidError: when it has no zone.
    """
    if moment.tzinfo is None:
        raise InvalidError(
            f"{moment.isoformat()} has no time zone, so it names no instant; give it one, such as timezone.utc"
        )
    return moment.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")


def moment(text: str) -> datetime:
    """The moment that a text in ISO 8601 names."""
    text = text.strip()
    if text.endswith("Z"):
        text = text[:-1] + "+00:00"
    # Before 3.11 only three or six digits of a second are read.
    head, point, tail = text.partition(".")
    if point:
        digits = len(tail) - len(tail.lstrip("0123456789"))
        text = f"{head}.{tail[:digits][:6].ljust(6, '0')}{tail[digits:]}"
    return datetime.fromisoformat(text)


def _decimal(value: object) -> Decimal:
    return Decimal(repr(value) if isinstance(value, float) else str(value))


def _money(value: Any) -> Any:
    amount, currency = value
    return Money(None if amount is None else _decimal(amount), currency)


_TYPED: dict[str, Callable[[Any], object]] = {
    "decimal": _decimal,
    "date": date.fromisoformat,
    "datetime": moment,
    "reference": UUID,
    "money": _money,
}


def typed(kind: str | None, value: Any) -> Any:
    """A value as Python's own type, by the type of its field. What does not fit is left as it is."""
    make = _TYPED.get(kind or "")
    if make is None or value is None:
        return value
    try:
        return make(value)
    except (TypeError, ValueError, ArithmeticError):
        # A value of before its field had this type.
        return value


def typed_record(values: Mapping[str, Any], types: Mapping[str, str]) -> dict[str, Any]:
    """A record's values as Python's own types."""
    return {name: typed(types.get(name), value) for name, value in values.items()}
