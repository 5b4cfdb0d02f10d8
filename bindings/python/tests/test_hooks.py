"""A hook of the host's says what is to become of changes from a CRM."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import syncline
from syncline import Amend, IncomingChange, Veto


class Careful(syncline.ChangeHook):
    name = "careful"

    def before(self, change: IncomingChange) -> Veto | Amend | None:
        last = change.after["last_name"] or ""
        if last == "Robot":
            return Veto("robots are no customers")
        if last == "Broken":
            raise ValueError("this hook is broken")
        if last and last == last.upper():
            return Amend({"last_name": last.title()}, "nobody is shouted at")
        return None


@pytest.fixture
def sl(tmp_path: Path) -> Iterator[syncline.Syncline]:
    with syncline.open(tmp_path / "app.db", actor="ada", allow_loopback=True, hooks=[Careful()]) as opened:
        yield opened


def test_a_change_is_vetoed_or_amended_with_a_reason_that_is_shown(
    acme: syncline.Tenant, crm: syncline.simulators.Salesforce, contacts: syncline.Sync
) -> None:
    first, second, third, fourth = [record.id for record in crm.records("Contact")[:4]]
    crm.update("Contact", first, LastName="HOPPER")
    crm.update("Contact", second, LastName="Robot", Title="Machine")
    crm.update("Contact", third, LastName="Broken")
    crm.update("Contact", fourth, LastName="Lovelace")
    (run,) = acme.runs.run()
    assert run.status is syncline.RunStatus.PARTIAL
    assert (run.pull.updated, run.pull.failed) == (2, 2)
    said = sorted(failure.message for failure in acme.runs.failures())
    assert "robots are no customers" in said[1] and "this hook is broken" in said[0]
    amended = crm.record("Contact", first)
    assert amended is not None and amended["LastName"] == "Hopper"
    people = acme.entities("person")
    assert people.first("last_name == 'Robot'") is None and people.first("last_name == 'Lovelace'") is not None
    assert any("nobody is shouted at" in str(entry) for entry in acme.audit.list())
