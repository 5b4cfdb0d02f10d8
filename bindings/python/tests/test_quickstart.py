"""The main job, as the README tells it: connect, map, run, edit on both sides, decide, take back."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
import syncline
from syncline import Keep, RunStatus, Strategy


def test_a_person_authorises_and_everything_is_read(acme: syncline.Tenant, crm: syncline.simulators.Salesforce) -> None:
    started = acme.connections.authorise(
        "salesforce",
        "sales",
        redirect_uri="https://app.example/callback",
        objects={"Contact": syncline.Access.WRITE},
        **crm.app,
    )
    assert started.state not in repr(started)
    back = crm.consent(started.authorize_url)
    sales = acme.connections.complete(back)
    assert (sales.provider, sales.status) == ("salesforce", syncline.ConnectionStatus.ACTIVE)
    with pytest.raises(syncline.RefusedError):
        acme.connections.complete(back)

    proposal = acme.connections.propose(sales, "Contact")
    assert proposal.mapping.blueprint == "person"
    assert all(0 <= rule.confidence <= 1 for rule in proposal.rules)
    preview = acme.syncs.preview(sales, proposal, records=2)
    assert len(preview.records) == 2
    saved = acme.syncs.save("contacts", sales, proposal, schedule=syncline.Schedule.each(15))
    assert saved.change == "created"

    moments: list[syncline.Progress] = []
    (run,) = acme.runs.run(progress=moments.append)
    assert run.status is RunStatus.COMPLETED and run.pull.created == 20
    assert moments and all(moment.run == run.id for moment in moments)
    assert acme.entities("person").count() == 20


def test_edits_go_both_ways_and_a_run_is_taken_back(
    acme: syncline.Tenant, crm: syncline.simulators.Salesforce, contacts: syncline.Sync
) -> None:
    people = acme.entities("person")
    ada = next(iter(people))
    record = ada.links[0].record
    assert record is not None
    edited = people.update(ada, last_name="Lovelace")
    assert edited.changed == ["last_name"]
    planned = acme.runs.run(dry_run=True)[0]
    assert [(change.field, change.after) for change in planned.plan] == [("LastName", "Lovelace")]
    assert (crm.record("Contact", record) or pytest.fail("gone"))["LastName"] != "Lovelace"
    (run,) = acme.runs.run()
    assert run.push.updated == 1
    assert (crm.record("Contact", record) or pytest.fail("gone"))["LastName"] == "Lovelace"

    crm.update("Contact", record, LastName="Byron")
    (pulled,) = acme.runs.run()
    assert pulled.pull.updated == 1 and people.get(ada.uid)["last_name"] == "Byron"
    back = acme.runs.rollback(pulled)
    assert back.rolls_back == pulled.id
    assert people.get(ada.uid)["last_name"] == "Lovelace"


def test_a_person_decides_what_both_sides_changed(
    acme: syncline.Tenant, crm: syncline.simulators.Salesforce, sales: syncline.Connection
) -> None:
    proposal = acme.connections.propose(sales, "Contact")
    proposal.mapping.rule("last_name").strategy = Strategy.MANUAL_REVIEW
    acme.syncs.save("contacts", sales, proposal)
    acme.runs.run()
    people = acme.entities("person")
    first, second = list(people.list(limit=2))
    for entity in (first, second):
        people.update(entity, last_name="App")
        crm.update("Contact", entity.links[0].record or "", LastName="Crm")
    acme.runs.run()
    assert acme.conflicts.count() == 2
    conflicts = {conflict.uid: conflict for conflict in acme.conflicts.list()}
    conflict = conflicts[first.uid]
    assert conflict.app == {"last_name": "App"} and conflict.sides[0].values == {"last_name": "Crm"}
    assert people.get(first.uid).conflicts[0].conflict == conflict.id
    acme.conflicts.resolve(conflict, Keep.CRM)
    with pytest.raises(syncline.SynclineError):
        acme.conflicts.resolve(conflict, Keep.APP)
    acme.conflicts.resolve(conflicts[second.uid], {"last_name": Keep.value("Both")})
    acme.runs.run()
    assert [people.get(one.uid)["last_name"] for one in (first, second)] == ["Crm", "Both"]
    assert (crm.record("Contact", second.links[0].record or "") or pytest.fail("gone"))["LastName"] == "Both"
    assert acme.conflicts.count() == 0 and next(acme.conflicts.list(status=["resolved"])).resolved_by == "ada"


def test_what_happened_is_written_down_and_told(acme: syncline.Tenant, contacts: syncline.Sync, tmp_path: Path) -> None:
    verdict = acme.audit.export(tmp_path / "audit.jsonl")
    lines = (tmp_path / "audit.jsonl").read_text("utf-8").splitlines()
    assert verdict.broken is None and verdict.entries == len(lines)
    assert acme.audit.verify() == verdict
    records = list(acme.audit.list())
    assert len(records) == len(lines) and json.loads(lines[0])["at"]
    assert any(record.kind == "created" and record.entity is not None for record in records)
    told = list(acme.events())
    assert [event.event for event in told] == ["run_started", "run_finished"]
    assert told[1].details["status"] == "completed"
    assert list(acme.events(after=told[-1].id)) == []


def test_the_schedule_writes_what_was_edited_until_it_is_left(
    tmp_path: Path, crm: syncline.simulators.Salesforce
) -> None:
    settings = {"edit_delay": timedelta(0)}
    with syncline.open(tmp_path / "app.db", allow_loopback=True, settings=settings) as sl:
        acme = sl.tenant("Acme")
        sales = acme.connections.with_tokens("salesforce", "sales", **crm.tokens)
        proposal = acme.connections.propose(sales, "Contact")
        saved = acme.syncs.save("contacts", sales, proposal, schedule=syncline.Schedule.each(15), start=True)
        assert saved.run is not None and acme.runs.wait(saved.run).pull.created == 20
        last = max(event.id for event in acme.events())
        ada = next(iter(acme.entities("person")))
        with sl.schedule():
            acme.entities("person").update(ada, last_name="Lovelace")
            finished = next(event for event in acme.events(after=last, follow=True) if event.event == "run_finished")
        assert finished.details["status"] == "completed"
        assert (crm.record("Contact", ada.links[0].record or "") or pytest.fail("gone"))["LastName"] == "Lovelace"
        sync = acme.syncs.get("contacts")
        assert sync.last_run_at is not None and sync.next_run_at is not None
        assert sync.next_run_at - sync.last_run_at > timedelta(minutes=4)


def test_two_crms_agree_through_the_app(
    acme: syncline.Tenant, crm: syncline.simulators.Salesforce, contacts: syncline.Sync
) -> None:
    with syncline.simulators.HubSpot(records=20) as hs:
        marketing = acme.connections.with_tokens("hubspot", "marketing", **hs.tokens)
        proposal = acme.connections.propose(marketing, "contacts", blueprint="person")
        acme.syncs.save("people", marketing, proposal)
        runs = acme.runs.run()
        assert {run.status for run in runs} <= {RunStatus.COMPLETED, RunStatus.PARTIAL}
        crm.create("Contact", FirstName="Grace", LastName="Hopper", Email="grace@example.org")
        acme.runs.run()
        acme.runs.run()
        found = [one for one in hs.records("contacts") if one.fields.get("email") == "grace@example.org"]
        assert [one["lastname"] for one in found] == ["Hopper"]
