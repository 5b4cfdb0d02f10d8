"""What a person gets wrong is named, and nothing is lost by it."""

from __future__ import annotations

import pickle
import threading
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
import syncline


def test_every_kind_of_error_has_a_class_of_its_own() -> None:
    kinds = {one.kind: one for one in syncline.SynclineError.__subclasses__()}
    assert len(kinds) == len(syncline.SynclineError.__subclasses__()) == 19
    assert all(issubclass(one, syncline.SynclineError) for one in kinds.values())


def test_an_error_carries_what_to_do(acme: syncline.Tenant) -> None:
    with pytest.raises(syncline.NotFoundError, match="there is no blueprint `peson`") as caught:
        list(acme.entities("peson"))
    error = caught.value
    assert isinstance(error, LookupError)
    assert (error.kind, error.retry_after, error.outcome_unknown) == ("not_found", None, False)
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is syncline.NotFoundError and str(again) == str(error)


def test_what_is_missing_is_named_with_what_there_is(acme: syncline.Tenant, contacts: syncline.Sync) -> None:
    with pytest.raises(syncline.NotFoundError, match="no sync `contact`; there are: contacts"):
        acme.syncs.get("contact")
    with pytest.raises(syncline.NotFoundError):
        acme.connections.get("sale")
    with pytest.raises(syncline.UnsupportedError, match="there are: hubspot, salesforce"):
        acme.connections.with_tokens("salesfroce", "x", client_id="x", access_token="y")
    with pytest.raises(syncline.InvalidError, match="objects is a list"):
        acme.connections.authorise(
            "salesforce", "x", client_id="x", redirect_uri="https://app.example/cb", objects="Contact"
        )
    with pytest.raises(syncline.InvalidError, match="nowhere"):
        acme.syncs.save("x", acme.connections.get("sales"), syncline.Mapping("person", "Contact", [
            syncline.Rule("last_name", "nowhere"),
        ]))


def test_a_field_that_is_wrong_is_named(acme: syncline.Tenant, contacts: syncline.Sync) -> None:
    people = acme.entities("person")
    with pytest.raises(syncline.InvalidError, match="nonsense"):
        people.create(last_name="Ada", nonsense=1)
    with pytest.raises(syncline.InvalidError, match="read=its revision"):
        people.update(next(iter(people)).uid, last_name="Ada")
    with pytest.raises(syncline.InvalidError, match="no time zone"):
        people.create(last_name="Ada", birthdate=datetime(2020, 1, 1))
    with pytest.raises(syncline.InvalidError, match="which no field can hold"):
        people.create(last_name=object())
    assert people.count() == 20


def test_members_may_look_and_not_manage(sl: syncline.Syncline, contacts: syncline.Sync) -> None:
    member = sl.acting_as(syncline.Actor.member("bob")).tenant("Acme")
    assert member.entities("person").count() == 20
    with pytest.raises(syncline.ForbiddenError, match="bob may not") as caught:
        member.entities("person").create(last_name="Ada")
    assert isinstance(caught.value, PermissionError)


def test_nothing_crosses_tenants(sl: syncline.Syncline, acme: syncline.Tenant, contacts: syncline.Sync) -> None:
    other = sl.tenant("Other")
    run = next(acme.runs.list())
    for look in (
        lambda: other.runs.get(run.id),
        lambda: other.syncs.get(contacts.id),
        lambda: other.connections.get(contacts.connection),
        lambda: other.runs.rollback(run.id),
    ):
        with pytest.raises(syncline.NotFoundError):
            look()
    assert list(other.runs.list()) == []


def test_secrets_are_never_told(acme: syncline.Tenant, crm: syncline.simulators.Salesforce) -> None:
    crm.revoke(crm.credentials["access_token"])
    secret = "00D-secret-token"
    with pytest.raises(syncline.SynclineError) as caught:
        tokens = crm.tokens
        tokens["access_token"] = tokens["refresh_token"] = secret
        acme.connections.with_tokens("salesforce", "sales", **tokens)
    assert secret not in str(caught.value) and secret not in repr(caught.value.__dict__)


def test_a_closed_engine_says_so(tmp_path: Path) -> None:
    opened = syncline.open(tmp_path / "app.db")
    opened.close()
    with pytest.raises(syncline.RefusedError, match="closed"):
        opened.tenants()
    assert "closed" in repr(opened)


def test_a_database_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "app.db").write_text("hello " * 1000)
    with pytest.raises(syncline.CorruptError, match="not a SQLite database"):
        syncline.open(tmp_path / "app.db")
    with pytest.raises(syncline.InvalidError, match="wrong form"):
        syncline.open(tmp_path / "other.db", settings={"page_rows": "many"})


def test_an_exception_of_progress_comes_out_and_the_next_run_goes_on(
    acme: syncline.Tenant, crm: syncline.simulators.Salesforce, sales: syncline.Connection
) -> None:
    acme.syncs.save("contacts", sales, acme.connections.propose(sales, "Contact"))

    def broken(_: syncline.Progress) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        acme.runs.run(progress=broken)
    for run in acme.runs.list():
        acme.runs.wait(run)
    acme.runs.run()
    assert acme.entities("person").count() == 20


def test_other_threads_go_on_while_the_engine_works(
    acme: syncline.Tenant, crm: syncline.simulators.Salesforce, contacts: syncline.Sync
) -> None:
    ticks = 0
    over = threading.Event()

    def tick() -> None:
        nonlocal ticks
        while not over.is_set():
            ticks += 1
            time.sleep(0.001)

    ticking = threading.Thread(target=tick)
    ticking.start()
    try:
        crm.set_fault("slow", 1.0)
        acme.runs.run(full=True)
    finally:
        over.set()
        ticking.join()
    assert ticks > 10


def test_values_are_pythons_own(acme: syncline.Tenant) -> None:
    from datetime import date
    from decimal import Decimal
    from enum import Enum

    class Stage(Enum):
        WON = "won"

    field, kind = syncline.Field, syncline.FieldType
    acme.save_blueprint(
        "deal",
        [
            field("name", kind.TEXT, unique=True),
            field("amount", kind.DECIMAL),
            field("price", kind.MONEY),
            field("closed_on", kind.DATE),
            field("closed_at", kind.DATETIME),
            field("stage", kind.CHOICE),
            field("tags", kind.MULTI_CHOICE),
            field("parent", kind.REFERENCE, blueprint="deal"),
            field("extra", kind.JSON),
        ],
    )
    deals = acme.entities("deal")
    first = deals.create(name="first")
    values = {
        "name": "second",
        "amount": Decimal("12345678901234567.10"),
        "price": syncline.Money(Decimal("0.10"), "EUR"),
        "closed_on": date(2026, 5, 1),
        "closed_at": datetime(2026, 5, 1, 12, tzinfo=timezone(timedelta(hours=2))),
        "stage": Stage.WON,
        "tags": {"b", "a"},
        "parent": first.uid,
        "extra": {"a": [1, 2]},
    }
    second = deals.create(values)
    assert second["amount"] == Decimal("12345678901234567.1") and isinstance(second["amount"], Decimal)
    assert second["price"] == syncline.Money(Decimal("0.1"), "EUR")
    assert second["closed_on"] == date(2026, 5, 1)
    assert second["closed_at"] == values["closed_at"] and second["closed_at"].tzinfo is not None
    assert (second["stage"], second["tags"], second["parent"]) == ("won", ["a", "b"], first.uid)
    assert second["extra"] == {"a": [1, 2]}
    assert deals.update(second, dict(second)).changed == []
    answers = deals.upsert([{"name": "first", "amount": 1}, {"name": "third"}, {"amount": "many", "name": "x"}], by="name")
    assert [str(one.outcome) for one in answers] == ["updated", "created", "refused"]
    assert isinstance(answers[2].error, syncline.InvalidError)
    assert [one["name"] for one in deals.list(sort="name", descending=True)] == ["third", "second", "first"]
