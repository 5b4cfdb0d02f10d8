"""A tenant over a simulated CRM."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import syncline


@pytest.fixture
def crm() -> Iterator[syncline.simulators.Salesforce]:
    with syncline.simulators.Salesforce(records=20) as simulator:
        yield simulator


@pytest.fixture
def sl(tmp_path: Path) -> Iterator[syncline.Syncline]:
    with syncline.open(tmp_path / "app.db", actor="ada", allow_loopback=True) as opened:
        yield opened


@pytest.fixture
def acme(sl: syncline.Syncline) -> syncline.Tenant:
    return sl.tenant("Acme")


@pytest.fixture
def sales(acme: syncline.Tenant, crm: syncline.simulators.Salesforce) -> syncline.Connection:
    return acme.connections.with_tokens("salesforce", "sales", **crm.tokens)


@pytest.fixture
def contacts(acme: syncline.Tenant, sales: syncline.Connection) -> syncline.Sync:
    """Synced once."""
    saved = acme.syncs.save("contacts", sales, acme.connections.propose(sales, "Contact"))
    (run,) = acme.runs.run()
    assert run.status is syncline.RunStatus.COMPLETED
    return saved.sync
