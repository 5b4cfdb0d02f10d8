"""Authorised accounts at CRMs, and what they offer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import List, Any, Union

from .._caller import AsyncCaller
from .._plain import build, build_all, plain
from ..errors import InvalidError
from ..model.connection import (
    Access,
    Authorising,
    Connection,
    Health,
    ObjectInfo,
    ObjectSchema,
    SchemaDrift,
)
from ..model.mapping import Proposal

Objects = Union[Mapping[str, Union[Access, str]], Sequence[str]]


class AsyncConnections:
    """The accounts of a tenant. Where a connection is asked for, its name or number will do."""

    def __init__(self, caller: AsyncCaller, tenant: int) -> None:
        self._caller = caller
        self._tenant = tenant

    async def list(self, *, deleted: bool = False) -> List[Connection]:
        """The connections.

        Args:
            deleted: Deleted ones, too.
        """
        return build_all(Connection, await self._call("list", deleted=deleted))

    async def get(self, connection: Connection | str | int) -> Connection:
        """A connection as it is now.

        Raises:
            NotFoundError: when there is none of this name or number; the message names the others.
        """
        if isinstance(connection, str):
            return build(Connection, await self._call("find", name=connection))
        return build(Connection, await self._of("get", connection))

    async def authorise(
        self,
        provider: str,
        name: str,
        *,
        client_id: str,
        redirect_uri: str,
        client_secret: str | None = None,
        objects: Objects = (),
        login_url: str | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> Authorising:
        """Starts an authorisation: send the person to ``authorize_url``, and call :meth:`complete` when they come back,
        within ten minutes, as the same actor.

        Args:
            provider: ``salesforce`` or ``hubspot``.
            name: The connection's name for people.
            client_id: Of your app at the provider.
            redirect_uri: Where they are sent back to, exactly as registered there.
            client_secret: Of your app.
            objects: What will be read and written; it decides the scopes. A list of names is written.
            login_url: A sandbox, a customer's own domain, a simulator.
            settings: By the names that the provider knows.

        Raises:
            InvalidError: for an unknown provider or setting, or a redirect that is neither https nor of this machine.
        """
        request = _request(provider, name, client_id, client_secret, login_url, settings)
        given = {"redirect_uri": redirect_uri, "objects": _accesses(objects)}
        return build(Authorising, await self._call("authorise", request=request, **given))

    async def complete(self, query: str) -> Connection:
        """Finishes an authorisation.

        Args:
            query: What the person came back with: the query of the redirect, or its whole URL.

        Raises:
            RefusedError: when the state is unknown, used, too old or another actor's, or the person did not agree.
            ExistsError: when the name belongs to another account's connection.
        """
        return build(Connection, await self._call("complete", query=query))

    async def reconnect(
        self,
        connection: Connection | str | int,
        *,
        redirect_uri: str,
        objects: Objects = (),
        accept_other_account: bool = False,
    ) -> Authorising:
        """Starts over for a connection whose tokens are no longer accepted.

        Args:
            connection: The connection.
            redirect_uri: As in :meth:`authorise`.
            objects: As in :meth:`authorise`.
            accept_other_account: Lets the person come back as another account.
        """
        given = {"redirect_uri": redirect_uri, "objects": _accesses(objects)}
        answer = await self._of("reconnect", connection, accept_other_account=accept_other_account, **given)
        return build(Authorising, answer)

    async def with_tokens(
        self,
        provider: str,
        name: str,
        *,
        client_id: str,
        access_token: str,
        refresh_token: str | None = None,
        client_secret: str | None = None,
        expires_at: datetime | None = None,
        base_url: str | None = None,
        login_url: str | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> Connection:
        """Connects with tokens that you have already.

        Args:
            provider: ``salesforce`` or ``hubspot``.
            name: The connection's name for people.
            client_id: Of the app that the tokens are for.
            access_token: The token.
            refresh_token: Without one the connection ends with its token.
            client_secret: Of the app; needed for refreshing.
            expires_at: When the token expires, if that is known.
            base_url: Of the API, where token answers name it: a Salesforce instance.
            login_url: Another authorisation server.
            settings: By the names that the provider knows.

        Raises:
            ReauthoriseError: when the provider refuses the token.
            InvalidError: for an unknown provider or setting, or an address that is not the provider's.
        """
        request = _request(provider, name, client_id, client_secret, login_url, settings)
        given = {
            "access_token": access_token,
            "refresh_token": refresh_token,
            "expires_at": expires_at,
            "base_url": base_url,
        }
        return build(Connection, await self._call("with_tokens", request=request, **given))

    async def as_app(
        self,
        provider: str,
        name: str,
        *,
        client_id: str,
        client_secret: str,
        username: str | None = None,
        login_url: str | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> Connection:
        """Connects as an app, without a person.

        Args:
            provider: ``salesforce`` or ``hubspot``.
            name: The connection's name for people.
            client_id: Of your app.
            client_secret: Its secret; with ``username`` its private RSA key as PEM, by which an assertion is signed.
            username: The user that the assertion is for, admitted beforehand.
            login_url: The customer's own domain, where client credentials are taken.
            settings: By the names that the provider knows.

        Raises:
            InvalidError: when the private key can't be read.
            ReauthoriseError: when the provider refuses.
        """
        request = _request(provider, name, client_id, client_secret, login_url, settings)
        return build(Connection, await self._call("as_app", request=request, username=username))

    async def pause(self, connection: Connection | str | int, reason: str | None = None) -> Connection:
        """Lets nothing run on it until it is resumed."""
        return build(Connection, await self._of("pause", connection, reason=reason))

    async def resume(self, connection: Connection | str | int) -> Connection:
        """Lets it run again."""
        return build(Connection, await self._of("resume", connection))

    async def disconnect(self, connection: Connection | str | int) -> Connection:
        """Revokes its tokens at the provider and forgets them."""
        return build(Connection, await self._of("disconnect", connection))

    async def delete(self, connection: Connection | str | int) -> Connection:
        """Disconnects it, and lists it no more. It comes back when the same account is authorised again."""
        return build(Connection, await self._of("delete", connection))

    async def health(self, connection: Connection | str | int) -> Health:
        """What is known of it without asking the provider."""
        return build(Health, await self._of("health", connection))

    async def test(self, connection: Connection | str | int) -> Health:
        """Asks the provider who we are. A provider that does not answer is a result, not an error."""
        return build(Health, await self._of("test", connection))

    async def objects(self, connection: Connection | str | int) -> List[ObjectInfo]:
        """The objects that can be synced, by name."""
        return build_all(ObjectInfo, await self._of("objects", connection))

    async def describe(self, connection: Connection | str | int, object: str) -> ObjectSchema:
        """An object with its fields.

        Raises:
            NotFoundError: when there is none.
        """
        return build(ObjectSchema, await self._of("describe", connection, object=object))

    async def make_marker(self, connection: Connection | str | int, object: str) -> str:
        """Makes a field that can carry our unique key, in the customer's account, and names it. Only when a person asks.

        Raises:
            UnsupportedError: where the provider lets no app make fields.
        """
        return str(await self._of("make_marker", connection, object=object))

    async def check_schema(self, connection: Connection | str | int) -> List[SchemaDrift]:
        """What changed in the objects that its syncs are about, since it was last looked at."""
        return build_all(SchemaDrift, await self._of("check_schema", connection))

    async def propose(
        self,
        connection: Connection | str | int,
        object: str,
        *,
        blueprint: str | None = None,
        beside: Sequence[str] = (),
    ) -> Proposal:
        """Proposes a mapping of an object, from both schemas and some records. Show it, change it, then save it.

        Args:
            connection: The connection.
            object: The remote object.
            blueprint: The blueprint; the standard one of this object, or a new one, if it is left out.
            beside: Objects that are going to be synced as well, so that references to them are kept.

        Raises:
            NotFoundError: when there is no such object.
        """
        given = {"object": object, "blueprint": blueprint, "beside": list(beside)}
        return build(Proposal, await self._of("propose", connection, **given))

    async def _call(self, name: str, /, **arguments: Any) -> Any:
        return await self._caller.call(f"connections.{name}", tenant=self._tenant, **arguments)

    async def _of(self, name: str, connection: Connection | str | int, /, **arguments: Any) -> Any:
        number = await self._number(connection)
        return await self._call(name, connection=number, **arguments)

    async def _number(self, connection: Connection | str | int) -> int:
        if isinstance(connection, str):
            found: int = (await self._call("find", name=connection))["id"]
            return found
        return connection if isinstance(connection, int) else connection.id


def _request(
    provider: str,
    name: str,
    client_id: str,
    client_secret: str | None,
    login_url: str | None,
    settings: Mapping[str, str] | None,
) -> dict[str, Any]:
    return {
        "provider": provider,
        "name": name,
        "client_id": client_id,
        "client_secret": client_secret,
        "login_url": login_url,
        "settings": dict(settings or {}),
    }


def _accesses(objects: Objects) -> List[List[str]]:
    if isinstance(objects, str):
        raise InvalidError(f"objects is a list of names, such as [{objects!r}]")
    if isinstance(objects, Mapping):
        return [[name, str(plain(access))] for name, access in objects.items()]
    return [[name, "write"] for name in objects]
