"""The CRMs as services on this machine, for tests of your own. No account is needed.

>>> import syncline
>>> with syncline.simulators.Salesforce(records=20) as sf:
...     sf.count("Contact")
20
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, ClassVar, TypedDict, TypeVar

from . import _native
from ._plain import build, build_all
from .values import plain

__all__ = ["App", "HubSpot", "Record", "Salesforce", "Simulator", "Tokens", "Webhook", "faults"]

S = TypeVar("S", bound="Simulator")


@dataclass(frozen=True)
class Record:
    """One record as the CRM holds it.

    Attributes:
        id: Its id.
        fields: Every field that has a value, in the provider's own forms.
        deleted: Whether it is in the recycle bin, or archived.
        modified: The stamp of its last change.
        modified_by_integration: Whether that change came through the API.
        merged_into: The record that it was merged into.
    """

    id: str
    fields: dict[str, Any]
    deleted: bool
    modified: datetime
    modified_by_integration: bool
    merged_into: str | None = None

    def __getitem__(self, name: str) -> Any:
        return self.fields[name]


@dataclass(frozen=True)
class Webhook:
    """A signed call that HubSpot makes."""

    method: str
    url: str
    headers: dict[str, str] = field(repr=False)
    body: str


class App(TypedDict):
    """Your app, as the simulator knows it."""

    client_id: str
    client_secret: str
    login_url: str


class Tokens(App):
    """Tokens of your app."""

    access_token: str
    refresh_token: str
    base_url: str


def faults() -> dict[str, str]:
    """What simulators can be made to do wrong, each with what it is.

    >>> faults()["server-error"]
    '500 or 503 with a JSON body'
    """
    return _native.fault_names()


class Simulator:
    """A CRM on this machine. Use it as a context manager, or call :meth:`close`."""

    provider: ClassVar[str]

    def __init__(
        self,
        *,
        records: int = 100,
        seed: int = 1,
        account: int = 0,
        overlap: float = 0.5,
        csv: str | None = None,
        rotate_refresh_tokens: bool = False,
        require_pkce: bool = False,
        access_token_life: timedelta | None = None,
        faults: Mapping[str, float] | None = None,
    ) -> None:
        """Starts it on a free port.

        Args:
            records: How many people there are; a tenth as many companies.
            seed: What every generated value follows from.
            account: Which account it is; two of one provider must have different ones.
            overlap: The share of people, from 0 to 1, that the other CRM has too.
            csv: A file of people instead.
            rotate_refresh_tokens: Whether each refresh kills the refresh token used.
            require_pkce: Whether authorisations without PKCE are refused.
            access_token_life: How long an access token works.
            faults: What goes wrong, each at a rate from 0 to 1; :func:`faults` names them.
        """
        options: dict[str, Any] = {
            "records": records,
            "seed": seed,
            "account": account,
            "overlap": overlap,
            "csv": csv,
            "rotate_refresh_tokens": rotate_refresh_tokens,
            "require_pkce": require_pkce,
            "access_token_life": None if access_token_life is None else access_token_life.total_seconds(),
            "faults": dict(faults or {}),
        }
        self._native = _native.Simulator(self.provider, options)

    def __enter__(self: S) -> S:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Stops serving."""
        self._native.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} at {self.base_url}>"

    @property
    def base_url(self) -> str:
        """Its address: API and authorisation server at once."""
        return self._native.base_url

    @property
    def credentials(self) -> dict[str, str]:
        """``client_id``, ``client_secret``, ``username``, ``password``, and an ``access_token`` and ``refresh_token`` that
        work at once.
        """
        return self._native.credentials()

    @property
    def tokens(self) -> Tokens:
        """What ``connections.with_tokens(provider, name, **simulator.tokens)`` takes."""
        given = self._native.credentials()
        return Tokens(
            client_id=given["client_id"],
            client_secret=given["client_secret"],
            access_token=given["access_token"],
            refresh_token=given["refresh_token"],
            base_url=self.base_url,
            login_url=self.base_url,
        )

    @property
    def app(self) -> App:
        """What ``connections.authorise(provider, name, redirect_uri=..., **simulator.app)`` takes."""
        given = self._native.credentials()
        return App(client_id=given["client_id"], client_secret=given["client_secret"], login_url=self.base_url)

    def consent(self, authorize_url: str) -> str:
        """Signs in and agrees, as a person does in a browser; returns the URL that they are sent back to.

        Raises:
            InvalidError: when the authorisation server refuses the request.
        """
        return self._native.consent(authorize_url)

    def expire_tokens(self) -> None:
        """Lets every access token die."""
        self._native.expire_tokens()

    def revoke(self, token: str) -> bool:
        """Takes the app's access away, as a customer does."""
        return self._native.revoke(token)

    def create(self, object: str, /, **fields: Any) -> str:
        """Creates a record as a user does, and returns its id.

        Raises:
            InvalidError: in the provider's own words.
        """
        return self._native.create(object, plain(fields))

    def update(self, object: str, id: str, /, **fields: Any) -> None:
        """Changes fields of a record as a user does."""
        self._native.update(object, id, plain(fields))

    def delete(self, object: str, id: str) -> None:
        """Puts a record into the recycle bin."""
        self._native.delete(object, id)

    def undelete(self, object: str, id: str) -> None:
        """Takes a record out of the recycle bin."""
        self._native.undelete(object, id)

    def merge(self, object: str, winner: str, *losers: str) -> str:
        """Merges records, and returns the id of what is left."""
        return self._native.merge(object, winner, list(losers))

    def records(self, object: str) -> list[Record]:
        """Every record of an object, deleted ones too."""
        return build_all(Record, self._native.records(object))

    def record(self, object: str, id: str) -> Record | None:
        """One record, deleted or not."""
        found = self._native.record(object, id)
        return None if found is None else build(Record, found)

    def count(self, object: str) -> int:
        """How many records of an object are not deleted."""
        return self._native.count(object)

    def set_fault(self, name: str, rate: float) -> None:
        """Lets a fault strike at a rate from 0 to 1."""
        self._native.set_fault(name, rate)

    def strike(self, name: str, times: int = 1) -> None:
        """Lets a fault strike the next times that it can."""
        self._native.strike(name, times)

    def clear_faults(self) -> None:
        """Lets everything work again."""
        self._native.clear_faults()

    @property
    def requests(self) -> int:
        """How many requests there were."""
        return self._native.requests()[0]

    @property
    def writes(self) -> int:
        """How many of them could change records."""
        return self._native.requests()[1]


class Salesforce(Simulator):
    """A Salesforce organisation: ``Contact``, ``Account``, ``Lead`` and others."""

    provider = "salesforce"


class HubSpot(Simulator):
    """A HubSpot account: ``contacts``, ``companies``, ``deals`` and others."""

    provider = "hubspot"

    def subscribe_webhook(self, event: str, property: str | None = None) -> None:
        """Subscribes the app to an event, such as ``contact.creation``; a property change names its property."""
        self._native.subscribe_webhook(event, property)

    def take_webhooks(self, url: str) -> list[Webhook]:
        """The calls that are due at an address, signed. Each is handed out once."""
        return build_all(Webhook, self._native.take_webhooks(url))
