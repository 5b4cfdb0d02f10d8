"""What shows itself in a notebook."""

from __future__ import annotations

from typing import Protocol

import syncline


class Shown(Protocol):
    def _repr_html_(self) -> str: ...


def test_what_people_look_at_is_a_table_and_nothing_in_it_is_markup(
    acme: syncline.Tenant, crm: syncline.simulators.Salesforce, contacts: syncline.Sync
) -> None:
    people = acme.entities("person")
    ada = people.create(last_name="<script>alert(1)</script>")
    (planned,) = acme.runs.run(dry_run=True)
    sales = acme.connections.get("sales")
    shown: list[Shown] = [
        ada,
        planned,
        planned.plan,
        contacts,
        contacts.mapping,
        acme.connections.propose(sales, "Account"),
        acme.connections.describe(sales, "Account"),
        acme.syncs.preview(sales, contacts.mapping),
        acme.blueprint("person"),
    ]
    for one in shown:
        html = one._repr_html_()
        assert html.startswith("<div>") and "<table>" in html and "<script>" not in html
    assert "&lt;script&gt;" in planned.plan._repr_html_()
