"""State machines, and versions of blueprints."""

from __future__ import annotations

from decimal import Decimal

import pytest
import syncline
from syncline import Field, FieldChoice, FieldType, Flow, Transition, migration


@pytest.fixture
def deliveries(acme: syncline.Tenant) -> syncline.Entities:
    states = [FieldChoice(name, name) for name in ("PENDING", "IN_PROGRESS", "DELIVERED")]
    fields = [
        Field("status", FieldType.CHOICE, choices=states, default="PENDING"),
        Field("address"),
        Field("recipient"),
        Field("started_at", FieldType.DATETIME),
    ]
    acme.save_blueprint("delivery", fields)
    saved = acme.flows.save(
        Flow(
            "delivery",
            "delivery",
            "status",
            ["PENDING"],
            [
                Transition("start", ["PENDING"], "IN_PROGRESS", guard="address != null", updates={"started_at": "now()"}),
                Transition("deliver", ["IN_PROGRESS"], "DELIVERED", inputs=["recipient"]),
            ],
            finals=["DELIVERED"],
        )
    )
    assert saved.flow.version == 1
    return acme.entities("delivery")


def test_a_delivery_goes_from_its_first_state_to_its_last(
    acme: syncline.Tenant, deliveries: syncline.Entities
) -> None:
    known = acme.flows.get("delivery")
    assert known.transitions[0].updates == {"started_at": "now()"} and known.finals == ["DELIVERED"]
    assert acme.flows.list() == [known] and "start" in known._repr_html_()
    assert "PENDING --> IN_PROGRESS: start" in acme.flows.diagram("delivery")
    one = deliveries.create(address="Hauptplatz 1, Graz")
    (standing,) = acme.flows.available(one)
    assert [offer.transition for offer in standing.available] == ["start"]
    assert standing.unavailable[0].why_not
    with pytest.raises(syncline.RefusedError):
        acme.flows.take(one, "deliver", recipient="Ada")
    started = acme.flows.take(one, "start", rev=one.rev)
    assert (started.before, started.to) == ("PENDING", "IN_PROGRESS") and started.entity["started_at"] is not None
    delivered = acme.flows.take(one, "deliver", recipient="Ada")
    assert delivered.entity["recipient"] == "Ada"
    (history,) = acme.flows.history(one)
    assert [change.transition for change in history.changes] == ["start", "deliver"]
    assert history.changes[1].before == "IN_PROGRESS"


def test_many_are_moved_and_those_that_stay_say_why(acme: syncline.Tenant, deliveries: syncline.Entities) -> None:
    ready, unready = deliveries.create(address="x"), deliveries.create()
    moved = {one.uid: one for one in acme.flows.take_many([ready, unready], "start")}
    assert moved[ready.uid].to == "IN_PROGRESS" and moved[unready.uid].error
    broken = Flow("broken", "delivery", "status", ["NOWHERE"], [])
    assert acme.flows.check(broken)
    with pytest.raises(syncline.InvalidError):
        acme.flows.save(broken)
    acme.flows.remove("delivery")
    assert acme.flows.list() == []


def test_a_blueprint_gets_a_version_and_its_records_follow_and_come_back(acme: syncline.Tenant) -> None:
    acme.save_blueprint("stock", [Field("weight"), Field("name")])
    stock = acme.entities("stock")
    stock.create(weight="12.5", name="box")
    heavy = stock.create(weight="heavy", name="crate")
    versions = acme.versions("stock")
    rules = [migration.retype("weight", FieldType.DECIMAL), migration.rename("name", "title")]
    assert versions.check(rules) == []
    preview = versions.dry_run(rules)
    assert (preview.changed, preview.failed) == (1, 1) and "weight" in preview._repr_html_()
    saved = versions.save(rules)
    assert saved.get("weight").type is FieldType.DECIMAL
    job = versions.migrate()
    assert (job.status, job.failed) == ("completed", 1)
    assert set(versions.failures()) == {heavy.uid}
    assert stock.first("title == 'box'") is not None and (stock.first() or heavy)["weight"] == Decimal("12.5")
    assert len(versions.list()) == saved.version
    versions.go_back(1)
    versions.migrate()
    assert (stock.first("name == 'box'") or heavy)["weight"] == "12.5"
    with pytest.raises(syncline.InvalidError):
        versions.save([migration.drop("nothing")])
    proposed = versions.propose([Field("weight"), Field("name"), Field("colour")])
    assert [rule["rule"] for rule in proposed.rules] == ["add"]
    versions.trash()
    assert acme.trashed_blueprints() == ["stock"]
    versions.restore()
    assert acme.entities("stock").count() == 2
