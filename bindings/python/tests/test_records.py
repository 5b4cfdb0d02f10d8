"""Many records at once: sums, edits of what is selected, files, and the way back."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
import syncline
from syncline import Field, FieldType, Function


@pytest.fixture
def deals(acme: syncline.Tenant) -> syncline.Entities:
    fields = [
        Field("name", unique=True),
        Field("stage", FieldType.CHOICE),
        Field("amount", FieldType.DECIMAL),
    ]
    acme.save_blueprint("deal", fields)
    deals = acme.entities("deal")
    for name, stage, amount in [("a", "won", "10.10"), ("b", "won", "0.20"), ("c", "open", "5")]:
        deals.create(name=name, stage=stage, amount=Decimal(amount))
    return deals


def test_sums_are_exact_and_grouped_by_a_field(deals: syncline.Entities) -> None:
    by_stage = deals.aggregate({"amount": Function.SUM}, by="stage")
    assert by_stage["won"].values == {"sum(amount)": Decimal("10.30")} and by_stage["won"].count == 2
    (everything,) = deals.aggregate({"amount": "maximum"}).groups
    assert (everything.count, everything.values["maximum(amount)"]) == (3, Decimal("10.1"))
    assert deals.aggregate(filter="stage == 'open'").groups[0].count == 1
    with pytest.raises(syncline.InvalidError):
        deals.aggregate({"name": "sum"})
    assert "won" in by_stage._repr_html_()


def test_what_is_selected_is_tried_edited_and_deleted(deals: syncline.Entities) -> None:
    preview = deals.preview_bulk(stage="lost", filter="stage == 'open'")
    assert (preview.selected, preview.tried.changed) == (1, 1)
    assert deals.first("stage == 'lost'") is None
    done = deals.bulk(stage="lost", filter="stage == 'open'")
    assert (done.selected, done.changed, done.refused) == (1, 1, 0)
    assert deals.bulk(delete=True, filter="stage == 'lost'").changed == 1 and deals.count() == 2
    refused = deals.bulk(name="same")
    assert refused.refused == 1 and "same" in refused.failures[0].reason
    with pytest.raises(syncline.InvalidError):
        deals.bulk()


def test_files_leave_and_enter_and_what_is_refused_says_why(deals: syncline.Entities, tmp_path: Path) -> None:
    for name in ["deals.csv", "deals.jsonl", "deals.xlsx"]:
        assert deals.export(tmp_path / name, filter="stage == 'won'") == 2
    text = (tmp_path / "deals.csv").read_text("utf-8")
    assert "10.1" in text and "open" not in text
    file = tmp_path / "more.csv"
    file.write_text("Name;amount\na;11\nd;7\ne;many\n", "utf-8")
    tried = deals.import_file(file, by="name", preview=True)
    assert (tried.created, tried.updated, tried.refused) == (1, 1, 1) and deals.count() == 3
    done = deals.import_file(file, by="name")
    assert (done.created, done.updated, done.refused) == (1, 1, 1)
    assert done.failures[0].row == 4 and "amount" in done.failures[0].reason
    with pytest.raises(syncline.UnavailableError):
        deals.import_file(tmp_path / "nothing.csv")
    with pytest.raises(syncline.InvalidError):
        deals.export(tmp_path / "deals.dat")


def test_an_entity_takes_back_what_it_was(deals: syncline.Entities) -> None:
    first = deals.first("name == 'a'")
    assert first is not None
    changed = deals.update(first, amount=99).entity
    assert deals.restore(changed, first.rev).entity["amount"] == Decimal("10.1")
    with pytest.raises(syncline.InvalidError):
        deals.restore(first, 500)
