"""Tables for notebooks. Everything is escaped: what records hold comes from outside."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import cast

# More rows than this are counted and not shown.
SHOWN = 50


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]], note: str = "") -> str:
    """A table under its title."""
    rows = list(rows)
    head = "".join(f"<th>{escape(column)}</th>" for column in columns)
    body = "".join("<tr>" + "".join(f"<td>{escape(text(cell))}</td>" for cell in row) + "</tr>" for row in rows[:SHOWN])
    more = f"<p>and {len(rows) - SHOWN} more</p>" if len(rows) > SHOWN else ""
    below = f"<p>{escape(note)}</p>" if note else ""
    return (
        f"<div><p><strong>{escape(title)}</strong></p>"
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{more}{below}</div>"
    )


def text(value: object) -> str:
    """A value as people read it."""
    if value is None:
        return ""
    if isinstance(value, (list, tuple)):
        return ", ".join(text(one) for one in cast("Iterable[object]", value))
    return str(value)
