"""A connector for a made-up CRM, Rolodex: people by `GET /people`, changes by `updated_after`, and so on.

    syncline.open("app.db", connectors=[Rolodex()])
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from syncline import Account, Connector, Io, ObjectInfo, Page, RemoteField, RemoteRecord, remote_field, remote_object


class Rolodex(Connector):
    provider = "rolodex"
    label = "Rolodex"
    login_url = "https://login.rolodex.example"
    api_base_url = "https://api.rolodex.example"
    hosts = ["*.rolodex.example"]
    default_objects = ["people"]
    stamp_milliseconds = 1

    def account(self, io: Io) -> Account:
        me = io.get("/me")
        return Account(id=me["account"], name=me["company"], user_id=me["id"], user_name=me["name"])

    def objects(self, io: Io) -> Sequence[ObjectInfo]:
        return [remote_object("people", "People")]

    def describe(self, io: Io, object: str) -> Sequence[RemoteField]:
        return [
            remote_field("id", "id", writable=False),
            remote_field("name", required=True),
            remote_field("mail", "email"),
            remote_field("born", "date"),
        ]

    def pull(
        self, io: Io, object: str, fields: Sequence[str], *,
        cursor: str | None, since: datetime | None, page: str | None, size: int,
    ) -> Page:  # fmt: skip
        after = cursor or (since.isoformat() if since else None)
        read = io.get("/people", updated_after=after, page=page, limit=size)
        return Page([RemoteRecord.of(one, stamp="updated") for one in read["people"]], read["next"], read["now"])

    def fetch(self, io: Io, object: str, ids: Sequence[str], fields: Sequence[str]) -> Sequence[RemoteRecord]:
        read = io.get("/people", ids=",".join(ids))
        return [RemoteRecord.of(one, stamp="updated") for one in read["people"]]

    def create(self, io: Io, object: str, values: Mapping[str, Any]) -> str:
        return str(io.send("POST", "/people", json_body=values).checked().json()["id"])

    def update(self, io: Io, object: str, id: str, values: Mapping[str, Any]) -> None:
        io.send("PATCH", f"/people/{id}", json_body=values, effect="idempotent").checked()

    def delete(self, io: Io, object: str, id: str) -> None:
        io.send("DELETE", f"/people/{id}", effect="idempotent").checked()
