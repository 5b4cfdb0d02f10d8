"""A CRM of your own: a connector written in Python.

A connector is a subclass of :class:`Connector`. It says how the provider authorises, reads and writes records through an
:class:`Io`, and does no I/O of its own: the engine adds the token (which the connector never sees), limits the rate, repeats
reads, checks the address, and decides what is to be read and written. What it raises is the error of the record at hand, or
of the run where there is none.

``examples/connector.py`` is one in 60 lines.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar
from urllib.parse import urlencode

from . import _native
from ._plain import plain
from .errors import (
    ForbiddenError,
    InternalError,
    NotFoundError,
    RateLimitedError,
    RejectedError,
    SynclineError,
    UnavailableError,
    UnsupportedError,
)
from .model.connection import Account, ObjectInfo, RemoteField
from .values import moment

__all__ = ["Call", "Changes", "Connector", "Hint", "Io", "Page", "RemoteRecord", "Response", "remote_field", "remote_object"]


@dataclass(frozen=True)
class Response:
    """An answer.

    Attributes:
        status: The HTTP status.
        headers: By lower-case name.
        body: As it came.
    """

    status: int
    headers: dict[str, str]
    body: bytes = field(repr=False)

    @property
    def is_success(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status < 300

    def json(self) -> Any:
        """The body, read as JSON."""
        return json.loads(self.body or b"null")

    def checked(self) -> Response:
        """Itself, if it worked.

        Raises:
            NotFoundError: for 404 and 410.
            ForbiddenError: for 403.
            RateLimitedError: for 429.
            UnavailableError: for 5xx.
            RejectedError: for any other status but 2xx.
        """
        if self.is_success:
            return self
        said = self.body.decode("utf-8", "replace")[:200]
        kinds: dict[int, type[SynclineError]] = {
            403: ForbiddenError,
            404: NotFoundError,
            410: NotFoundError,
            429: RateLimitedError,
        }
        kind = kinds.get(self.status, UnavailableError if self.status >= 500 else RejectedError)
        raise kind(f"the provider answered {self.status}: {said}")


class Io:
    """What a connector may do: send requests.

    Attributes:
        base_url: Base URL of the API of this connection.
        settings: The connection's settings.
    """

    def __init__(self, native: _native.ConnectorIo, config: Mapping[str, Any]) -> None:
        self._native = native
        self.base_url: str = config["base_url"]
        self.settings: dict[str, str] = dict(config["settings"])

    def send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, object] | None = None,
        json_body: object = None,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        effect: str | None = None,
    ) -> Response:
        """Sends a request and returns its answer, whatever its status.

        Args:
            method: The verb.
            path: Below ``base_url``, or a whole URL of an approved host.
            query: Parameters; those that are ``None`` are left out.
            json_body: The body, as JSON.
            body: The body, as it is.
            headers: More of them; never ``authorization``.
            effect: What sending it twice would do: ``read`` (nothing, so it may be repeated), ``idempotent`` or ``once``.
                A GET reads and anything else happens once, if it is left out.

        Raises:
            UnavailableError: when no complete answer came; ``outcome_unknown`` if it may have been applied.
            RefusedError: when the address is not approved.
            ReauthoriseError: when the grant is gone.
            StoppedError: when the run was stopped.
        """
        url = path if "://" in path else self.base_url + path
        given = {name: value for name, value in (query or {}).items() if value is not None}
        if given:
            url += ("&" if "?" in url else "?") + urlencode(given)
        more = [(name.lower(), value) for name, value in (headers or {}).items()]
        if json_body is not None:
            body = json.dumps(plain(json_body)).encode()
            more.append(("content-type", "application/json"))
        effect = effect or ("read" if method == "GET" else "once")
        status, answered, content = self._native.send(method, url, more, body, effect)
        return Response(status, {name.lower(): value for name, value in answered}, content)

    def is_signed(self, message: bytes, tag: bytes, *, algorithm: str = "hmac_sha256") -> bool:
        """Whether ``tag`` is the authentication code of ``message`` under the app's client secret, which you never see.

        Args:
            message: What was signed.
            tag: The signature, as bytes.
            algorithm: ``hmac_sha256``, or ``sha256_prefix`` for the hash of the secret and the message.
        """
        return self._native.verify(algorithm, message, tag)

    def get(self, path: str, **query: object) -> Any:
        """What a GET answers, read as JSON.

        Raises:
            SynclineError: as :meth:`send` and :meth:`Response.checked`.
        """
        return self.send("GET", path, query=query).checked().json()


@dataclass(frozen=True)
class RemoteRecord:
    """A record as the provider has it.

    Attributes:
        id: Its id.
        values: By the provider's names, in plain form or as Python's own types.
        stamp: When it was last changed there.
        state: ``live``, ``deleted`` or ``archived``.
    """

    id: str
    values: Mapping[str, Any]
    stamp: datetime | None = None
    state: str = "live"

    @classmethod
    def of(cls, values: Mapping[str, Any], *, id: str = "id", stamp: str | None = None, state: str = "live") -> RemoteRecord:
        """A record whose id and stamp are among its values, under these names."""
        changed = values.get(stamp) if stamp else None
        return cls(str(values[id]), values, moment(changed) if isinstance(changed, str) else changed, state)


@dataclass(frozen=True)
class Page:
    """A page of records.

    Attributes:
        records: The records.
        next: What :meth:`Connector.pull` is given to read the next page; ``None`` on the last.
        cursor: On the last page: what the next pull is given to read what changed after this one.
    """

    records: Sequence[RemoteRecord]
    next: str | None = None
    cursor: str | None = None


@dataclass(frozen=True)
class Hint:
    """A record that may have changed. It is read, never taken as data.

    Attributes:
        object: The object.
        id: The record; ``None`` for any of the object.
    """

    object: str
    id: str | None = None


@dataclass(frozen=True)
class Changes:
    """What a feed told.

    Attributes:
        hints: Records that may have changed.
        cursor: What the next call is given to go on.
        more: Whether there is more to tell now.
    """

    hints: Sequence[Hint]
    cursor: str
    more: bool = False


@dataclass(frozen=True)
class Call:
    """A provider's call, as it came.

    Attributes:
        method: The verb.
        url: The public address, from the host's own configuration.
        headers: By lower-case name.
        body: As it came.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    def json(self) -> Any:
        """The body, read as JSON."""
        return json.loads(self.body or b"null")


def remote_object(name: str, label: str | None = None) -> ObjectInfo:
    """An object that can be read and written."""
    return ObjectInfo(name, label or name, custom=False, creatable=True, updatable=True, deletable=True)


def remote_field(
    path: str,
    kind: str = "text",
    *,
    label: str | None = None,
    required: bool = False,
    writable: bool = True,
    unique: bool = False,
) -> RemoteField:
    """A field of an object.

    Args:
        path: The provider's name.
        kind: ``text``, ``long_text``, ``integer``, ``decimal``, ``bool``, ``date``, ``date_time``, ``email``, ``phone``,
            ``url`` and so on.
        label: Its name for people.
        required: Whether a create must set it.
        writable: Whether it can be set and changed.
        unique: Whether no two records may hold the same value.
    """
    return RemoteField(
        path, label or path, kind, kind, writable, writable, required, unique, external_id=False, calculated=not writable
    )


_VALUE_KINDS = {
    "integer": "number",
    "decimal": "number",
    "money": "number",
    "percent": "number",
    "bool": "bool",
    "date": "date",
    "date_time": "date_time",
    "multi_choice": "choices",
}


class Connector:
    """Speaks a provider's API. Subclass it, and pass an instance to ``syncline.open(..., connectors=[...])``.

    Methods are called from threads of the engine's, several at once for several connections: keep no state between calls.

    Attributes:
        provider: The provider's name in code, such as ``acme``.
        label: Its name for people.
        login_url: Where a person is sent to authorise.
        authorize_path: The page there.
        token_path: Where tokens are got, below ``login_url``.
        api_base_url: Base URL of the API; ``None`` where each connection names its own.
        hosts: Hosts that may be asked: a name, or ``*.`` and a suffix.
        default_objects: Objects that a sync takes if none are named.
        page_size: Records per page.
        overlap_seconds: How late a change may become visible: what every pull reads again.
        stamp_milliseconds: How exact the stamps of records are.
        deletes_are_seen: Whether deleted records show in :meth:`pull` from a cursor; by comparing ids otherwise.
        calls_per_minute: How often the provider may be asked.
    """

    provider: ClassVar[str]
    label: ClassVar[str]
    login_url: ClassVar[str] = ""
    authorize_path: ClassVar[str] = "/oauth/authorize"
    token_path: ClassVar[str] = "/oauth/token"
    api_base_url: ClassVar[str | None] = None
    hosts: ClassVar[Sequence[str]] = ()
    default_objects: ClassVar[Sequence[str]] = ()
    page_size: ClassVar[int] = 100
    overlap_seconds: ClassVar[int] = 60
    stamp_milliseconds: ClassVar[int] = 1_000
    deletes_are_seen: ClassVar[bool] = False
    calls_per_minute: ClassVar[int] = 600

    def scopes(self, objects: Mapping[str, bool]) -> Sequence[str]:
        """The least OAuth scopes for these objects, each with whether it is written."""
        return []

    def account(self, io: Io) -> Account:
        """Who we are connected as. The same account authorised again is the same connection."""
        raise NotImplementedError

    def objects(self, io: Io) -> Sequence[ObjectInfo]:
        """The objects that can be synced."""
        raise NotImplementedError

    def describe(self, io: Io, object: str) -> Sequence[RemoteField]:
        """The fields of an object.

        Raises:
            NotFoundError: when there is none.
        """
        raise NotImplementedError

    def pull(
        self,
        io: Io,
        object: str,
        fields: Sequence[str],
        *,
        cursor: str | None,
        since: datetime | None,
        page: str | None,
        size: int,
    ) -> Page:
        """A page of all records, or of those that changed since ``cursor`` or ``since``.

        Args:
            io: To ask with.
            object: The object.
            fields: The fields wanted.
            cursor: What an earlier pull ended with.
            since: A time, instead of a cursor.
            page: What the page before gave as ``next``.
            size: How many records to read.
        """
        raise NotImplementedError

    def fetch(self, io: Io, object: str, ids: Sequence[str], fields: Sequence[str]) -> Sequence[RemoteRecord]:
        """These records as they are now: it has to see what was written just before. What is left out is gone."""
        raise NotImplementedError

    def create(self, io: Io, object: str, values: Mapping[str, Any]) -> str:
        """Makes a record and returns its id.

        Raises:
            RejectedError: when the provider refuses it, with the reason.
        """
        raise NotImplementedError

    def update(self, io: Io, object: str, id: str, values: Mapping[str, Any]) -> None:
        """Changes the fields given; ``None`` clears one.

        Raises:
            RejectedError: when the provider refuses it, with the reason.
            NotFoundError: when it is gone.
        """
        raise NotImplementedError

    def delete(self, io: Io, object: str, id: str) -> None:
        """Deletes a record.

        Raises:
            NotFoundError: when it is gone.
        """
        raise NotImplementedError

    def find(
        self, io: Io, object: str, field: str, texts: Sequence[str], fields: Sequence[str]
    ) -> Sequence[RemoteRecord]:
        """Records whose field holds one of these texts, as they are now. It finds out whether a create whose answer was lost
        was made. Leave it out where the provider has no such search.
        """
        raise UnsupportedError(f"{self.label} finds records by their ids alone")

    def webhook(self, io: Io, call: Call) -> Sequence[Hint]:
        """Verifies a call of the provider's and reads which records may have changed. Leave it out where there are none.

        Raises:
            ForbiddenError: when the signature (see :meth:`Io.is_signed`) or its time is wrong.
        """
        raise UnsupportedError(f"{self.label} has no webhooks")

    def feed(self, io: Io, objects: Sequence[str], cursor: str | None) -> Changes:
        """What the provider tells of changes by itself since ``cursor``, from now on without one. Leave it out where there is
        no such thing.
        """
        raise UnsupportedError(f"{self.label} has no feed of changes")

    # What follows is asked by the native half.

    def _overrides(self, name: str) -> bool:
        return getattr(type(self), name) is not getattr(Connector, name)

    def _feeds(self) -> bool:
        return self._overrides("feed")

    def _scopes(self, objects: Sequence[tuple[str, bool]]) -> list[str]:
        return sorted(set(self.scopes(dict(objects))))

    def _manifest(self) -> dict[str, Any]:
        writes = {"batch_size": 1, "compare_and_set": "none"}
        return {
            "provider": self.provider,
            "label": self.label,
            "api_version": "1",
            "authorisation": {
                "login_url": self.login_url,
                "authorize_path": self.authorize_path,
                "token_base_url": None,
                "token_path": self.token_path,
                "revoke": None,
                "rotates_refresh_tokens": False,
                "names_instance": False,
                "api_base_url": self.api_base_url,
            },
            "hosts": list(self.hosts),
            "capabilities": {
                "read": {
                    "page_size": self.page_size,
                    "fetch_size": self.page_size,
                    "stamp_milliseconds": self.stamp_milliseconds,
                    "overlap_seconds": self.overlap_seconds,
                    "index_lags": False,
                },
                "create": {"batch_size": 1, "marker": False},
                "update": writes,
                "delete": writes,
                "delete_evidence": "incremental" if self.deletes_are_seen else "sweep",
                "undelete": False,
                "merges_reported": False,
                "merge_makes_new_id": False,
                "webhooks": self._overrides("webhook"),
                "files": False,
            },
            "limits": [{"name": "minute", "calls": self.calls_per_minute, "seconds": 60, "bucket": None}],
            "default_objects": list(self.default_objects),
            "settings": [],
        }

    def _ask(self, native: _native.ConnectorIo, config: Mapping[str, Any], what: str, given: dict[str, Any]) -> Any:
        io = Io(native, config)
        if what == "account":
            return plain(self.account(io))
        if what == "objects":
            return [plain(one) for one in sorted(self.objects(io), key=lambda one: one.name)]
        if what == "describe":
            return self._described(io, given["object"])
        if what == "pull":
            since = given["since"]
            page = self.pull(
                io,
                given["object"],
                given["fields"],
                cursor=given["cursor"],
                since=None if since is None else moment(since),
                page=given["page"],
                size=given["size"],
            )
            return {"records": [_record(one) for one in page.records], "next": page.next, "cursor": page.cursor}
        if what == "fetch":
            return [_record(one) for one in self.fetch(io, given["object"], given["ids"], given["fields"])]
        if what == "find":
            found = self.find(io, given["object"], given["field"], given["texts"], given["fields"])
            return [_record(one) for one in found]
        if what == "webhook":
            call = Call(given["method"], given["url"], given["headers"], bytes(given["body"]))
            return [{"object": one.object, "id": one.id} for one in self.webhook(io, call)]
        if what == "feed":
            told = self.feed(io, given["objects"], given["cursor"])
            hints = [{"object": one.object, "id": one.id} for one in told.hints]
            return {"hints": hints, "cursor": told.cursor, "more": told.more}
        if what == "create":
            return str(self.create(io, given["object"], given["values"]))
        if what == "update":
            return self.update(io, given["object"], given["id"], given["values"])
        if what == "delete":
            return self.delete(io, given["object"], given["id"])
        raise InternalError(f"connectors know no `{what}`: the two halves of the package are of different versions")

    def _described(self, io: Io, name: str) -> dict[str, Any]:
        known = [one for one in self.objects(io) if one.name == name]
        if not known:
            raise NotFoundError(f"{self.label} has no object `{name}`")
        fields = [
            {**plain(one), "value_kind": _VALUE_KINDS.get(one.kind, "text"), "choices": plain(one.choices)}
            for one in self.describe(io, name)
        ]
        return {"object": plain(known[0]), "fields": fields, "version": None}


def _record(record: RemoteRecord) -> dict[str, Any]:
    return {"id": record.id, "stamp": plain(record.stamp), "state": record.state, "values": plain(record.values)}
