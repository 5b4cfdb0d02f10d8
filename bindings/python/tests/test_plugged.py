"""What the host writes in Python."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timezone
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
import syncline
from syncline import Field, FieldType, Rule


class Prefixed(syncline.ValueLens):
    """Text that begins with a word in the CRM, and not in the app."""

    def __init__(self, *, word: str) -> None:
        self.word = word

    def get(self, raw: Any) -> Any:
        if raw == "Poison":
            raise LookupError("nobody is called Poison")
        return raw.removeprefix(self.word) if isinstance(raw, str) else raw

    def put(self, canonical: Any, old: Any) -> Any:
        return self.word + canonical if isinstance(canonical, str) else canonical


def mapped(*lenses: Any) -> syncline.Mapping:
    rules = [Rule("last_name", "LastName", lenses=lenses), Rule("email", "Email")]
    return syncline.Mapping("person", "Contact", rules)


FIELDS = [Field("last_name"), Field("email", FieldType.EMAIL)]


def test_a_lens_changes_values_both_ways_and_what_it_raises_is_that_records_error(
    tmp_path: Path, crm: syncline.simulators.Salesforce
) -> None:
    with syncline.open(tmp_path / "app.db", allow_loopback=True, lenses={"prefixed": Prefixed}) as sl:
        acme = sl.tenant("Acme")
        sales = acme.connections.with_tokens("salesforce", "sales", **crm.tokens)
        crm.create("Contact", LastName="Dr. Ada")
        crm.create("Contact", LastName="Poison")
        acme.syncs.save("contacts", sales, mapped(syncline.Lens("prefixed", word="Dr. ")), fields=FIELDS)
        (run,) = acme.runs.run()
        assert run.status is syncline.RunStatus.PARTIAL and run.pull.failed == 1 and run.pull.created == 21
        (failure,) = acme.runs.failures()
        assert "LookupError: nobody is called Poison" in failure.message
        people = acme.entities("person")
        ada = people.first("last_name == 'Ada'")
        assert ada is not None
        people.update(ada, last_name="Lovelace")
        acme.runs.run()
        record = crm.record("Contact", ada.links[0].record or "")
        assert record is not None and record["LastName"] == "Dr. Lovelace"
        with pytest.raises(syncline.InvalidError, match="no option `words`; known are word"):
            acme.syncs.save("other", sales, mapped(syncline.Lens("prefixed", words="x")), fields=FIELDS)
        with pytest.raises(syncline.InvalidError, match="TypeError.*word"):
            acme.syncs.save("other", sales, mapped("prefixed"), fields=FIELDS)


def test_a_lens_that_calls_syncline_is_told_that_it_would_wait_for_itself(
    tmp_path: Path, crm: syncline.simulators.Salesforce
) -> None:
    opened: list[syncline.Syncline] = []

    class Calls(syncline.ValueLens):
        def get(self, raw: Any) -> Any:
            opened[0].tenants()
            return raw

    with syncline.open(tmp_path / "app.db", allow_loopback=True, lenses={"calls": Calls}) as sl:
        opened.append(sl)
        acme = sl.tenant("Acme")
        sales = acme.connections.with_tokens("salesforce", "sales", **crm.tokens)
        acme.syncs.save("contacts", sales, mapped("calls"), fields=FIELDS)
        acme.runs.run(max_records=1)
        assert "wait for itself" in acme.runs.failures()[0].message


class Keys:
    def __init__(self) -> None:
        self.kept = {"first": bytes(range(32))}
        self.name = "first"

    def current(self) -> str:
        return self.name

    def key(self, id: str) -> bytes:
        return self.kept[id]


def test_keys_come_from_the_host_and_a_lost_one_is_named(
    tmp_path: Path, crm: syncline.simulators.Salesforce
) -> None:
    keys = Keys()
    path = tmp_path / "app.db"
    with syncline.open(path, allow_loopback=True, keys=keys) as sl:
        acme = sl.tenant("Acme")
        sales = acme.connections.with_tokens("salesforce", "sales", **crm.tokens)
        assert acme.connections.test(sales).ok
    assert not path.with_suffix(".key").exists()
    keys.kept["second"] = bytes(32)
    keys.name = "second"
    with syncline.open(path, allow_loopback=True, keys=keys) as sl:
        assert sl.tenant("Acme").connections.test("sales").ok
    del keys.kept["first"]
    with syncline.open(path, allow_loopback=True, keys=keys) as sl:
        with pytest.raises(syncline.NotFoundError, match="key provider raised KeyError"):
            sl.tenant("Acme").connections.test("sales")
    keys.kept["second"] = b"short"
    with syncline.open(tmp_path / "other.db", allow_loopback=True, keys=keys) as sl:
        with pytest.raises(syncline.InvalidError, match="5 bytes; a key has 32"):
            sl.tenant("Acme").connections.with_tokens("salesforce", "sales", **crm.tokens)


class Stage(Enum):
    WON = "won"
    LOST = "lost"


@dataclass
class Deal:
    name: str
    amount: Decimal | None = None
    closed_on: date | None = None
    closed_at: datetime | None = None
    stage: Stage | None = None


DEAL = [
    Field("name", unique=True),
    Field("amount", FieldType.DECIMAL),
    Field("closed_on", FieldType.DATE),
    Field("closed_at", FieldType.DATETIME),
    Field("stage", FieldType.CHOICE),
    Field("price", FieldType.MONEY),
    Field("tags", FieldType.MULTI_CHOICE),
]


def test_dataclasses_and_pydantic_models_are_entities(acme: syncline.Tenant) -> None:
    acme.save_blueprint("deal", DEAL)
    deals = acme.entities("deal")
    deal = Deal("big", Decimal("1.5"), date(2026, 5, 1), datetime(2026, 5, 1, tzinfo=timezone.utc), Stage.WON)
    made = deals.create(deal)
    assert made.into(Deal) == deal
    deal.stage = Stage.LOST
    assert deals.update(made, deal).changed == ["stage"]
    assert [str(one.outcome) for one in deals.upsert([deal, Deal("small")], by="name")] == ["unchanged", "created"]

    pydantic: Any = pytest.importorskip("pydantic")
    model: Any = pydantic.create_model("Deal", name=(str, ...), amount=(Decimal, Decimal(0)))
    made = deals.create(model(name="third", amount="2.25"))
    assert made.into(model).amount == Decimal("2.25")
    with pytest.raises(syncline.InvalidError, match="does not make a Deal"):
        deals.create(name="fourth").into(model)


def test_entities_leave_and_enter_as_arrow_tables(acme: syncline.Tenant) -> None:
    pyarrow: Any = pytest.importorskip("pyarrow")
    acme.save_blueprint("deal", DEAL)
    deals = acme.entities("deal")
    given = {
        "name": "deal 1",
        "amount": Decimal("12345678901234.5"),
        "closed_on": date(1969, 12, 31),
        "closed_at": datetime(2026, 5, 1, 12, tzinfo=timezone.utc),
        "stage": "won",
        "price": syncline.Money(Decimal("9.99"), "EUR"),
        "tags": ["a", "b"],
    }
    deals.upsert([given, *({"name": f"deal {number}"} for number in range(2, 2_502))], by="name")
    table = pyarrow.table(deals.table())
    assert table.num_rows == 2_501 and table.column_names[:3] == ["_uid", "_rev", "_updated_at"]
    first = table.slice(0, 1).to_pylist()[0]
    assert first["amount"] == Decimal("12345678901234.5") and first["closed_on"] == date(1969, 12, 31)
    assert first["closed_at"] == given["closed_at"] and first["tags"] == ["a", "b"]
    assert first["price"] == {"amount": Decimal("9.99"), "currency": "EUR"}
    assert table.slice(1, 1).to_pylist()[0]["amount"] is None
    assert pyarrow.table(deals.table("name == 'deal 7'")).num_rows == 1

    changed = table.select(["name", "stage"]).slice(0, 3)
    assert {str(one.outcome) for one in deals.upsert(changed, by="name")} == {"unchanged"}
    polars: Any = pytest.importorskip("polars")
    frame = polars.DataFrame(deals.table())
    assert frame.height == 2_501 and frame["name"][0] == "deal 1"
    pandas: Any = pytest.importorskip("pandas")
    assert len(pandas.DataFrame.from_arrow(deals.table())) == 2_501

    deals.create(name="fine", amount=Decimal("0.0000000001"))
    with pytest.raises(Exception, match="more than 9 digits"):
        pyarrow.table(deals.table())
    with pytest.raises(syncline.NotFoundError):
        acme.entities("nothing").table()
