"""Who owns records, and who does things."""

from __future__ import annotations

from dataclasses import dataclass

from .._plain import Choice


class Role(Choice):
    """What an actor may do, unless the host has its own rule."""

    ADMIN = "admin"
    """Everything."""
    MEMBER = "member"
    """Read, and resolve conflicts."""
    SYSTEM = "system"
    """Syncline itself."""


@dataclass(frozen=True)
class Actor:
    """Who does something; the audit records the name.

    >>> Actor.of("ada")
    Actor(name='ada', role=<Role.ADMIN: 'admin'>, tenant=None)

    Attributes:
        name: Their name or id in your application.
        role: What they may do.
        tenant: The number of the tenant that they belong to: everything of another one is to them as if it were not
            there. ``None`` for the host itself.
    """

    name: str
    role: Role = Role.ADMIN
    tenant: int | None = None

    @classmethod
    def of(cls, given: Actor | str) -> Actor:
        """An actor, or the administrator of this name."""
        return given if isinstance(given, Actor) else cls(given)

    @classmethod
    def member(cls, name: str) -> Actor:
        """Somebody who reads, and resolves conflicts."""
        return cls(name, Role.MEMBER)

    @classmethod
    def system(cls) -> Actor:
        """Syncline itself."""
        return cls("system", Role.SYSTEM)


@dataclass(frozen=True)
class TenantInfo:
    """What is known of a tenant.

    Attributes:
        id: Its number.
        name: Its name for people.
        slug: Its name in addresses, unique.
        time_zone: IANA name of the zone that daily schedules mean.
        language: BCP 47 tag of the language for people.
    """

    id: int
    name: str
    slug: str
    time_zone: str = "UTC"
    language: str = "en"
