"""A connector in Python, against the CRM that it is for."""

from __future__ import annotations

import hmac
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import syncline

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent / "examples")]

from connector import Rolodex  # noqa: E402
from made_up_crm import TOKEN, MadeUpCrm, made_up_crm  # noqa: E402


@pytest.fixture
def rolodex() -> Iterator[MadeUpCrm]:
    with made_up_crm() as crm:
        for number in range(1, 251):
            crm.save(None, {"name": f"Person {number}", "mail": f"p{number}@example.org", "born": "1990-01-01"})
        yield crm


def connected(sl: syncline.Syncline, crm: MadeUpCrm) -> tuple[syncline.Tenant, syncline.Connection]:
    acme = sl.tenant("Acme")
    connection = acme.connections.with_tokens(
        "rolodex", "cards", client_id="x", access_token=TOKEN, base_url=crm.base_url, login_url=crm.base_url
    )
    return acme, connection


def test_a_connector_in_python_is_synced_like_any_other(tmp_path: Path, rolodex: MadeUpCrm) -> None:
    with syncline.open(tmp_path / "app.db", allow_loopback=True, connectors=[Rolodex()]) as sl:
        assert "rolodex" in [one.provider for one in sl.connectors()]
        acme, cards = connected(sl, rolodex)
        assert (cards.account.name, cards.account.user_name) == ("Acme", "Ada")
        assert [one.name for one in acme.connections.objects(cards)] == ["people"]
        proposal = acme.connections.propose(cards, "people", blueprint="card")
        assert {rule.remote[0] for rule in proposal.mapping.rules} >= {"name", "mail", "born"}
        acme.syncs.save("cards", cards, proposal)
        (run,) = acme.runs.run()
        assert run.status is syncline.RunStatus.COMPLETED and run.pull.created == 250, run

        people = acme.entities("card")
        name = proposal.mapping.rules[[rule.remote for rule in proposal.mapping.rules].index(["name"])].fields[0]
        ada = people.first(f"{name} == 'Person 7'")
        assert ada is not None
        people.update(ada, {name: "Ada"})
        rolodex.save("8", {"name": "Grace"})
        made = people.create({name: "Edsger"})
        (run,) = acme.runs.run()
        assert run.pull.updated == 1 and (run.push.updated, run.push.created) == (1, 1), run
        assert rolodex.people["7"]["name"] == "Ada" and people.first(f"{name} == 'Grace'") is not None
        assert rolodex.people[people.get(made.uid).links[0].record or ""]["name"] == "Edsger"
        (quiet,) = acme.runs.run()
        assert quiet.pull.updated == quiet.push.read == 0, quiet


def test_what_the_provider_refuses_and_what_the_connector_raises_is_that_records_error(
    tmp_path: Path, rolodex: MadeUpCrm
) -> None:
    class Clumsy(Rolodex):
        def update(self, io: syncline.Io, object: str, id: str, values: Any) -> None:
            if id == "3":
                raise ZeroDivisionError("three is too many")
            super().update(io, object, id, values)

    with syncline.open(tmp_path / "app.db", allow_loopback=True, connectors=[Clumsy()]) as sl:
        acme, cards = connected(sl, rolodex)
        rules = [syncline.Rule("name", "name")]
        acme.syncs.save("cards", cards, syncline.Mapping("card", "people", rules), fields=[syncline.Field("name")])
        acme.runs.run()
        people = acme.entities("card")
        for name, to in (("Person 2", "Mallory"), ("Person 3", "Three"), ("Person 4", "Four")):
            one = people.first(f"name == '{name}'")
            assert one is not None
            people.update(one, name=to)
        (run,) = acme.runs.run()
        assert run.status is syncline.RunStatus.PARTIAL and run.push.failed == 2 and run.push.updated == 1, run
        told = " ".join(f"{failure.message} {failure.detail}" for failure in acme.runs.failures())
        assert "taken by somebody else" in told and "three is too many" in told
        assert rolodex.people["4"]["name"] == "Four"


def test_a_connector_reaches_no_other_host_and_a_broken_one_is_named(tmp_path: Path, rolodex: MadeUpCrm) -> None:
    class Curious(Rolodex):
        def objects(self, io: syncline.Io) -> Sequence[syncline.ObjectInfo]:
            io.send("GET", "https://elsewhere.example/steal")
            return []

    class Broken(Rolodex):
        def objects(self, io: syncline.Io) -> Sequence[syncline.ObjectInfo]:
            raise KeyError("people")

    for kind, error, said in (
        (Curious, syncline.RefusedError, "elsewhere.example"),
        (Broken, syncline.ProtocolError, "Rolodex: KeyError"),
    ):
        with syncline.open(tmp_path / f"{kind.__name__}.db", allow_loopback=True, connectors=[kind()]) as sl:
            acme, cards = connected(sl, rolodex)
            with pytest.raises(error, match=said):
                acme.connections.objects(cards)


def test_a_connector_is_called_back_told_of_changes_and_finds_by_a_key(tmp_path: Path, rolodex: MadeUpCrm) -> None:
    class Talkative(Rolodex):
        def webhook(self, io: syncline.Io, call: syncline.Call) -> Sequence[syncline.Hint]:
            if not io.is_signed(call.body, bytes.fromhex(call.headers.get("x-signature", ""))):
                raise syncline.ForbiddenError("the signature is wrong")
            return [syncline.Hint("people", id) for id in call.json()]

        def find(
            self, io: syncline.Io, object: str, field: str, texts: Sequence[str], fields: Sequence[str]
        ) -> Sequence[syncline.RemoteRecord]:
            everybody = io.get("/people", limit=1_000)["people"]
            return [syncline.RemoteRecord.of(one, stamp="updated") for one in everybody if one[field] in texts]

    def signed(body: bytes, secret: bytes) -> dict[str, str]:
        return {"X-Signature": hmac.new(secret, body, "sha256").hexdigest()}

    with syncline.open(tmp_path / "app.db", allow_loopback=True, connectors=[Talkative()]) as sl:
        acme = sl.tenant("Acme")
        cards = acme.connections.with_tokens(
            "rolodex",
            "cards",
            client_id="x",
            client_secret="secret",
            access_token=TOKEN,
            base_url=rolodex.base_url,
            login_url=rolodex.base_url,
        )
        rules = [syncline.Rule("name", "name")]
        acme.syncs.save("cards", cards, syncline.Mapping("card", "people", rules), fields=[syncline.Field("name")])
        acme.runs.run()
        body = b'["7"]'
        url = "https://app.example/hooks"
        with pytest.raises(syncline.ForbiddenError):
            sl.webhook(cards.id, url=url, headers=signed(body, b"another"), body=body)
        assert sl.webhook(cards.id, url=url, headers=signed(body, b"secret"), body=body) == 1
        told = next(one for one in sl.connectors() if one.provider == "rolodex")
        assert told is not None
