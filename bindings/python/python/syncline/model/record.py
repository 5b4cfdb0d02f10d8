"""Records as the host's own classes."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

from .._plain import build
from ..errors import InvalidError

M = TypeVar("M")


def into_model(model: type[M], values: Mapping[str, Any]) -> M:
    """A record as a dataclass or a pydantic model.

    >>> @dataclasses.dataclass
    ... class Person:
    ...     name: str
    ...     age: int | None = None
    >>> into_model(Person, {"name": "Ada", "email": "ada@example.org"})
    Person(name='Ada', age=None)

    Raises:
        InvalidError: when the values do not make one.
    """
    validate: Callable[[Mapping[str, Any]], M] | None = getattr(model, "model_validate", None)
    try:
        if validate is not None:
            return validate(values)
        if dataclasses.is_dataclass(model):
            return cast("M", build(cast("type[Any]", model), dict(values)))
    except (TypeError, ValueError) as error:
        raise InvalidError(f"the record does not make a {model.__name__}: {error}") from error
    raise InvalidError(f"{model.__name__} is neither a dataclass nor a pydantic model")
