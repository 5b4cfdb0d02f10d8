"""Rules that make one version of a blueprint of another, for :meth:`syncline.Versions.save`.

>>> from syncline import migration
>>> migration.rename("mail", "email")
{'rule': 'rename', 'field': 'mail', 'to': 'email'}
"""

from __future__ import annotations

from .model.version import Rule, add, compute, drop, join, rename, retype, split

__all__ = ["Rule", "add", "compute", "drop", "join", "rename", "retype", "split"]
