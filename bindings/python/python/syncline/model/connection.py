"""Authorised accounts at providers, and what they offer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from .. import _html
from .._plain import Choice


class ConnectionStatus(Choice):
    """Whether a connection can be used."""

    PENDING = "pending"
    ACTIVE = "active"
    PAUSED = "paused"
    NEEDS_REAUTHORISATION = "needs_reauthorisation"
    DISCONNECTED = "disconnected"
    DELETED = "deleted"


class Access(Choice):
    """What a connection is going to do with an object; it decides the scopes that a person is asked for."""

    READ = "read"
    WRITE = "write"


@dataclass(frozen=True)
class Problem:
    """Something that went wrong, and when."""

    at: datetime
    message: str

    def __str__(self) -> str:
        return self.message


@dataclass(frozen=True)
class Account:
    """The account at the other end.

    Attributes:
        id: Id of the organisation or portal.
        name: Its name for people.
        user_id: Id of the user whom the connection acts as.
        user_name: That user's login or name.
        user_email: That user's address.
        time_zone: The account's time zone.
        api_version: The API version agreed on.
        warnings: What a person should look at before it becomes a failure.
    """

    id: str
    name: str
    user_id: str
    user_name: str
    user_email: str | None = None
    time_zone: str | None = None
    api_version: str | None = None
    warnings: list[str] = field(default_factory=list[str])


@dataclass(frozen=True)
class Connection:
    """One authorised account at a provider. No secret is in it.

    Attributes:
        id: Its number.
        tenant: The tenant's number.
        provider: The provider, such as ``salesforce``.
        name: Its name for people.
        status: Whether it can be used.
        status_reason: Why it has this status.
        account: The account.
        base_url: Base URL of the API.
        login_url: Base URL of the authorisation server.
        settings: Settings by the names that the provider knows.
        client_id: The app's public client id.
        scopes: What was granted.
        creator: Who authorised it first.
        created_at: When.
        authorised_at: When it was last authorised.
        last_error: What last went wrong, until something works again.
        last_run_at: When a sync last ran on it.
        next_run_at: When one will next.
    """

    id: int
    tenant: int
    provider: str
    name: str
    status: ConnectionStatus
    account: Account
    base_url: str
    login_url: str
    client_id: str
    creator: str
    created_at: datetime
    authorised_at: datetime
    status_reason: str | None = None
    settings: dict[str, str] = field(default_factory=dict[str, str])
    scopes: list[str] = field(default_factory=list[str])
    last_error: Problem | None = None
    last_run_at: datetime | None = None
    next_run_at: datetime | None = None


@dataclass(frozen=True)
class Authorising:
    """An authorisation that a person has to agree to.

    Attributes:
        authorize_url: Where to send the person.
        state: What comes back with them. Whoever holds it may finish: keep it out of logs.
        expires_at: Until when they may come back.
    """

    authorize_url: str = field(repr=False)
    state: str = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True)
class QuotaUse:
    """How full one limit is: ``used`` of ``calls`` in ``seconds``."""

    name: str
    used: int
    calls: int
    seconds: int


@dataclass(frozen=True)
class Health:
    """Whether a connection works.

    Attributes:
        ok: Whether it can be used, and worked when it was last asked.
        status: Its status.
        checked_at: When this was found out.
        milliseconds: How long the provider took; ``None`` when it was not asked.
        account: The account as it is now; ``None`` when it was not asked or did not answer.
        problem: What went wrong.
        quota: How full the account's limits are, as far as this process knows.
    """

    ok: bool
    status: ConnectionStatus
    checked_at: datetime
    milliseconds: int | None = None
    account: Account | None = None
    problem: Problem | None = None
    quota: list[QuotaUse] = field(default_factory=list[QuotaUse])


@dataclass(frozen=True)
class ObjectInfo:
    """A provider-side table."""

    name: str
    label: str
    custom: bool
    creatable: bool
    updatable: bool
    deletable: bool


@dataclass(frozen=True)
class RemoteChoice:
    """One of the values that a remote field may have."""

    value: str
    label: str
    active: bool


@dataclass(frozen=True)
class RemoteField:
    """One field of an object.

    Attributes:
        path: The provider's name.
        label: Its name for people.
        kind: What people would call its type, such as ``text`` or ``date_time``.
        provider_type: The provider's own word for the type.
        creatable: Whether a create may set it.
        updatable: Whether an update may change it.
        required: Whether a create must set it.
        unique: Whether no two records may hold the same value.
        external_id: Whether it can carry Syncline's unique key.
        calculated: Whether the provider computes it.
        length: Longest text, in characters.
        scale: Digits behind the point.
        choices: What may be chosen.
        restricted: Whether other values are refused.
        references: Objects that a reference may point to.
    """

    path: str
    label: str
    kind: str
    provider_type: str
    creatable: bool
    updatable: bool
    required: bool
    unique: bool
    external_id: bool
    calculated: bool
    length: int | None = None
    scale: int | None = None
    choices: list[RemoteChoice] = field(default_factory=list[RemoteChoice])
    restricted: bool = False
    references: list[str] = field(default_factory=list[str])


@dataclass(frozen=True)
class ObjectSchema:
    """An object with its fields."""

    object: ObjectInfo
    fields: list[RemoteField]

    def _repr_html_(self) -> str:
        rows = [(one.path, one.kind, one.label, "required" if one.required else "") for one in self.fields]
        return _html.table(self.object.label, ("field", "type", "label", ""), rows)


@dataclass(frozen=True)
class SchemaDrift:
    """What changed in one object.

    Attributes:
        object: The object.
        fields: What changed, by field, in the engine's plain form.
        broken: Syncs that can't run any more, each with the reason.
    """

    object: str
    fields: list[dict[str, Any]]
    broken: list[str]


@dataclass(frozen=True)
class ConnectorInfo:
    """What a connector is and can do.

    Attributes:
        provider: The provider's name.
        label: Its name for people.
        capabilities: What it can do, in the engine's plain form.
        settings: The settings that a connection may have.
    """

    provider: str
    label: str
    capabilities: Mapping[str, Any]
    settings: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
