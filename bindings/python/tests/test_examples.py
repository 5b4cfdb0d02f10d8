"""The examples run, as they are."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import syncline

EXAMPLES = Path(__file__).parent.parent / "examples"


def module(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None and spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    sys.modules[name] = made
    spec.loader.exec_module(made)
    return made


def test_the_notebook_runs_from_its_first_cell_to_its_last() -> None:
    ended = subprocess.run([sys.executable, EXAMPLES / "notebook.py"], capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    assert "CRM: Augusta Lovelace" in ended.stdout


def test_the_fastapi_host_connects_edits_and_is_called_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    testclient: Any = pytest.importorskip("fastapi.testclient")
    with syncline.simulators.HubSpot(records=10) as hs:
        monkeypatch.setenv("HUBSPOT_SIMULATOR", hs.base_url)
        monkeypatch.setenv("HUBSPOT_CLIENT_ID", hs.app["client_id"])
        monkeypatch.setenv("HUBSPOT_CLIENT_SECRET", hs.app["client_secret"])
        monkeypatch.setenv("DATABASE", str(tmp_path / "app.db"))
        host = module("fastapi_host")
        with testclient.TestClient(host.app, headers={"x-user": "ada"}) as client:
            go_to = client.post("/integrations/hubspot").json()["go_to"]
            back = hs.consent(go_to)
            assert back.startswith("https://app.example/callback?")
            answer = client.get("/callback?" + back.split("?", 1)[1], follow_redirects=False)
            assert answer.status_code == 303, answer.text
            assert client.get("/callback?state=stolen&code=x").status_code == 409

            with syncline.open(tmp_path / "app.db", allow_loopback=True) as sl:
                acme = sl.tenant("Acme")
                for run in acme.runs.list():
                    acme.runs.wait(run)
                people = client.get("/people").json()
                assert len(people) == 10
                ada = people[0]
                edited = client.patch(f"/people/{ada['uid']}?rev={ada['rev']}", json={"last_name": "Lovelace"})
                assert edited.json()["changed"] == ["last_name"]
                assert client.patch(f"/people/{ada['uid']}?rev=1", json={"nonsense": 1}).status_code == 422
                hs.subscribe_webhook("contact.creation")
                hs.create("contacts", email="grace@example.org", lastname="Hopper")
                (call,) = hs.take_webhooks("https://app.example/webhooks/hubspot")
                forged = client.post("/webhooks/hubspot", content=call.body, headers={"x-hubspot-signature-v3": "no"})
                assert forged.status_code == 403
                taken = client.post("/webhooks/hubspot", content=call.body, headers=call.headers)
                assert taken.json() == {"hints": 1}
                grace = {"filter": "email == 'grace@example.org'"}
                while not client.get("/people", params=grace).json():
                    next(acme.events(follow=True))
