# Written by tools/twins.py from _async/client.py. Change that one.
"""The way in."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any

from .._caller import Caller, Scheduled
from .._plain import build, build_all, setting
from ..connector import Connector
from ..model.audit import Restored
from ..model.connection import ConnectorInfo
from ..model.run import Progress
from ..model.tenant import Actor, TenantInfo
from ..plugged import ChangeHook, KeyProvider, LensFactory
from .tenant import Tenant


class Syncline:
    """An engine over one database, and who asks it.

    Use it as a context manager, or call :meth:`close`. All of it may be used from several threads and tasks at once.
    """

    def __init__(self, caller: Caller) -> None:
        """Use :meth:`open`."""
        self._caller = caller

    @classmethod
    def open(
        cls,
        database: str | os.PathLike[str] = "syncline.db",
        *,
        actor: Actor | str = "python",
        allow_loopback: bool = False,
        settings: Mapping[str, Any] | None = None,
        lenses: Mapping[str, LensFactory] | None = None,
        keys: KeyProvider | None = None,
        connectors: Sequence[Connector] = (),
        hooks: Sequence[ChangeHook] = (),
    ) -> Syncline:
        """Opens a database.

        Args:
            database: The path of a SQLite file, which is made if there is none; the URL of a Postgres database, such as
                ``postgres://app@db.example.com/app``; or ``:memory:`` for one that is forgotten, for tests.
            actor: Who asks: an :class:`Actor`, or the name of an administrator.
            allow_loopback: Lets connections reach simulators on this machine; never in production.
            settings: The numbers that tune the engine, by name, such as ``{"delete_grace": timedelta(0)}``; what is left
                out has its default.
            lenses: Your own lenses by the names that rules give them: classes, or functions that make one.
            keys: Where the keys come from that credentials are sealed under, instead of a file or a variable.
            connectors: Your own connectors, besides those of this build.
            hooks: Your say in changes that come from a CRM, before they are applied.

        Beside a file lies the key that credentials are sealed under, with the ending ``key``: keep a copy elsewhere. The
        variable ``SYNCLINE_KEY`` replaces it, and has to be set for Postgres.

        Raises:
            StoreError: when the database can't be opened, is another program's, or of a newer version.
            CorruptError: when the file is no database.
            RefusedError: when others may read the key file.
            InvalidError: when the key, the URL or a setting can't be read.
        """
        options: dict[str, Any] = {"database": os.fspath(database), "allow_loopback": allow_loopback}
        if settings is not None:
            options["settings"] = {name: setting(value) for name, value in settings.items()}
        return cls(Caller.open(options, Actor.of(actor), lenses or {}, keys, connectors, hooks))

    def __enter__(self) -> Syncline:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Lets go of the database. Runs that were started and not waited for go on until the process ends."""
        self._caller.close()

    def __repr__(self) -> str:
        of = "closed" if self._caller.is_closed else self._caller.engine.label()
        return f"<{type(self).__name__}: {of}, as {self.actor.name}>"

    @property
    def actor(self) -> Actor:
        """Who asks."""
        return self._caller.actor

    def acting_as(self, actor: Actor | str) -> Syncline:
        """The same engine, asked by somebody else: one per request of a web application.

        Args:
            actor: An :class:`Actor`, or the name of an administrator.
        """
        return type(self)(self._caller.acting_as(Actor.of(actor)))

    def tenant(self, name: str) -> Tenant:
        """Makes a tenant, or finds the one of this name. A tenant is one of your customers; nothing crosses tenants.

        Raises:
            InvalidError: for a name without a letter or digit.
            ForbiddenError: when the actor may not make tenants.
        """
        return Tenant(self._caller, build(TenantInfo, self._caller.call("tenants.ensure", name=name)))

    def tenants(self) -> list[Tenant]:
        """All tenants.

        Raises:
            ForbiddenError: by policy.
        """
        found = self._caller.call("tenants.list")
        return [Tenant(self._caller, info) for info in build_all(TenantInfo, found)]

    def connectors(self) -> list[ConnectorInfo]:
        """What this engine can connect to."""
        return build_all(ConnectorInfo, self._caller.call("tenants.connectors"))

    def progress(self) -> Iterator[Progress]:
        """Live progress of all runs of this process, for as long as it is asked. Who listens late, or is slow, misses
        what was before.
        """
        stream = self._caller.progress()
        while (moment := stream.next()) is not None:
            yield build(Progress, moment)

    def schedule(self) -> Scheduled:
        """Runs what is due in the background, until the context is left: schedules, hints, retries, upkeep. Once per
        process; the actor has to be allowed to run syncs.
        """
        return Scheduled(self._caller.schedule())

    def webhook(
        self,
        connection: int,
        *,
        url: str,
        headers: Mapping[str, str],
        body: bytes,
        method: str = "POST",
        secrets: list[str] | None = None,
    ) -> int:
        """Takes a provider's call in, and returns how many records it hinted at. Acknowledge it when this returns.

        Args:
            connection: The connection's number.
            url: The public address from your configuration, never from the Host header: it is part of what was signed.
            headers: As they came.
            body: As it came.
            method: The verb.
            secrets: Other secrets that may have signed it, while the app's is replaced.

        Raises:
            ForbiddenError: when the signature or its time is wrong.
            UnsupportedError: for a provider without webhooks.
            NotFoundError: for an unknown connection.
        """
        counted: int = self._caller.call(
            "connections.webhook",
            connection=connection,
            method=method,
            url=url,
            headers=dict(headers),
            body=list(body),
            secrets=secrets or [],
        )
        return counted

    def restored(self) -> Restored | None:
        """Whether the database was restored from a backup and nobody has confirmed it yet; nothing is deleted unasked
        until then.
        """
        found = self._caller.call("tenants.restored")
        return None if found is None else build(Restored, found)

    def declare_restored(self) -> None:
        """Says that the database was restored, where the note beside it was restored with it."""
        self._caller.call("tenants.declare_restored")

    def confirm_restored(self) -> None:
        """Lets deletes follow the policies again, after a restore."""
        self._caller.call("tenants.confirm_restored")
