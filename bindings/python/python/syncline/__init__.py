"""Two-way sync between an application and its customers' CRMs, in process.

>>> import syncline
>>> with syncline.simulators.Salesforce(records=20) as sf, syncline.open(":memory:", allow_loopback=True) as sl:
...     acme = sl.tenant("Acme")
...     sales = acme.connections.with_tokens("salesforce", "sales", **sf.tokens)
...     saved = acme.syncs.save("contacts", sales, acme.connections.propose(sales, "Contact"))
...     (run,) = acme.runs.run()
...     print(run.status, run.pull.created, acme.entities("person").count())
completed 20 20

:func:`open` and :func:`open_async` are the way in. Everything is there twice, with the same names: to call, and to await.
"""

from __future__ import annotations

from . import errors as errors
from . import migration as migration
from . import simulators as simulators
from ._async.audit import AsyncAudit
from ._async.client import AsyncSyncline
from ._async.conflicts import AsyncConflicts
from ._async.connections import AsyncConnections
from ._async.entities import AsyncEntities
from ._async.flows import AsyncFlows
from ._async.runs import AsyncRuns
from ._async.syncs import AsyncSyncs
from ._async.tenant import AsyncTenant
from ._async.versions import AsyncVersions
from ._bar import ProgressBar
from ._caller import AsyncScheduled, Scheduled
from ._native import __version__ as __version__
from ._sync.audit import Audit
from ._sync.client import Syncline
from ._sync.conflicts import Conflicts
from ._sync.connections import Connections
from ._sync.entities import Entities
from ._sync.flows import Flows
from ._sync.runs import Runs
from ._sync.syncs import Syncs
from ._sync.tenant import Tenant
from ._sync.versions import Versions
from .connector import (
    Call,
    Changes,
    Connector,
    Hint,
    Io,
    Page,
    RemoteRecord,
    Response,
    remote_field,
    remote_object,
)
from .errors import (
    CorruptError,
    CursorExpiredError,
    ExistsError,
    ForbiddenError,
    InternalError,
    InvalidError,
    NotFoundError,
    PendingError,
    PluginError,
    ProtocolError,
    RateLimitedError,
    ReauthoriseError,
    RefusedError,
    RejectedError,
    StaleError,
    StoppedError,
    StoreError,
    SynclineError,
    UnavailableError,
    UnsupportedError,
)
from .model.audit import (
    AuditBreak,
    AuditChange,
    AuditPosition,
    AuditRecord,
    AuditVerdict,
    Compacted,
    Event,
    Restored,
)
from .model.blueprint import Blueprint, Field, FieldChoice, FieldType
from .model.conflict import (
    AlwaysResolved,
    Conflict,
    ConflictReason,
    ConflictSide,
    ConflictStatus,
    Keep,
)
from .model.connection import (
    Access,
    Account,
    Authorising,
    Connection,
    ConnectionStatus,
    ConnectorInfo,
    Health,
    ObjectInfo,
    ObjectSchema,
    Problem,
    QuotaUse,
    RemoteChoice,
    RemoteField,
    SchemaDrift,
)
from .model.entity import Edited, Entity, EntityConflict, EntityLink, Upserted, UpsertOutcome
from .model.flow import (
    Breach,
    Flow,
    Offer,
    SavedFlow,
    Standing,
    StateChange,
    StateHistory,
    StateTime,
    Taken,
    TakenOne,
    Transition,
)
from .model.mapping import (
    DeleteConflictPolicy,
    DeletePolicy,
    Direction,
    EmptyPolicy,
    ExactKey,
    Finding,
    FuzzyKey,
    FuzzyPart,
    LeftOut,
    Lens,
    Mapping,
    MatchPart,
    Normalisation,
    Preview,
    PreviewField,
    PreviewRecord,
    Proposal,
    ProposedRule,
    Rule,
    Strategy,
)
from .model.run import (
    Divergence,
    Failure,
    Ledger,
    Moment,
    Plan,
    PlannedChange,
    Progress,
    RollbackRelease,
    Run,
    RunStatus,
)
from .model.selection import (
    BulkFailure,
    BulkOutcome,
    BulkPreview,
    Function,
    Group,
    Groups,
    ImportFailure,
    ImportOutcome,
)
from .model.sync import SavedSync, Schedule, SideCounts, StartedRun, Sync, SyncStatus
from .model.tenant import Actor, Role, TenantInfo
from .model.version import (
    BlueprintVersion,
    MigrationExample,
    MigrationJob,
    MigrationPreview,
    MigrationProposal,
)
from .plugged import Amend, ChangeHook, IncomingChange, KeyProvider, LensFactory, ValueLens, Veto
from .tables import Table
from .values import Money

open = Syncline.open
open_async = AsyncSyncline.open

__all__ = [
    "Access",
    "Account",
    "Actor",
    "AlwaysResolved",
    "Amend",
    "AsyncAudit",
    "AsyncConflicts",
    "AsyncConnections",
    "AsyncEntities",
    "AsyncFlows",
    "AsyncRuns",
    "AsyncScheduled",
    "AsyncSyncline",
    "AsyncSyncs",
    "AsyncTenant",
    "AsyncVersions",
    "Audit",
    "AuditBreak",
    "AuditChange",
    "AuditPosition",
    "AuditRecord",
    "AuditVerdict",
    "Authorising",
    "Blueprint",
    "BlueprintVersion",
    "Breach",
    "BulkFailure",
    "BulkOutcome",
    "BulkPreview",
    "Call",
    "ChangeHook",
    "Changes",
    "Compacted",
    "Conflict",
    "ConflictReason",
    "ConflictSide",
    "ConflictStatus",
    "Conflicts",
    "Connection",
    "ConnectionStatus",
    "Connections",
    "Connector",
    "ConnectorInfo",
    "CorruptError",
    "CursorExpiredError",
    "DeleteConflictPolicy",
    "DeletePolicy",
    "Direction",
    "Divergence",
    "Edited",
    "EmptyPolicy",
    "Entities",
    "Entity",
    "EntityConflict",
    "EntityLink",
    "Event",
    "ExactKey",
    "ExistsError",
    "Failure",
    "Field",
    "FieldChoice",
    "FieldType",
    "Finding",
    "Flow",
    "Flows",
    "ForbiddenError",
    "Function",
    "FuzzyKey",
    "FuzzyPart",
    "Group",
    "Groups",
    "Health",
    "Hint",
    "ImportFailure",
    "ImportOutcome",
    "IncomingChange",
    "InternalError",
    "InvalidError",
    "Io",
    "Keep",
    "KeyProvider",
    "Ledger",
    "LeftOut",
    "Lens",
    "LensFactory",
    "Mapping",
    "MatchPart",
    "MigrationExample",
    "MigrationJob",
    "MigrationPreview",
    "MigrationProposal",
    "Moment",
    "Money",
    "Normalisation",
    "NotFoundError",
    "ObjectInfo",
    "ObjectSchema",
    "Offer",
    "Page",
    "PendingError",
    "Plan",
    "PlannedChange",
    "PluginError",
    "Preview",
    "PreviewField",
    "PreviewRecord",
    "Problem",
    "Progress",
    "ProgressBar",
    "Proposal",
    "ProposedRule",
    "ProtocolError",
    "QuotaUse",
    "RateLimitedError",
    "ReauthoriseError",
    "RefusedError",
    "RejectedError",
    "RemoteChoice",
    "RemoteField",
    "RemoteRecord",
    "Response",
    "Restored",
    "Role",
    "RollbackRelease",
    "Rule",
    "Run",
    "RunStatus",
    "Runs",
    "SavedFlow",
    "SavedSync",
    "Schedule",
    "Scheduled",
    "SchemaDrift",
    "SideCounts",
    "StaleError",
    "Standing",
    "StartedRun",
    "StateChange",
    "StateHistory",
    "StateTime",
    "StoppedError",
    "StoreError",
    "Strategy",
    "Sync",
    "SyncStatus",
    "Syncline",
    "SynclineError",
    "Syncs",
    "Table",
    "Taken",
    "TakenOne",
    "Tenant",
    "TenantInfo",
    "Transition",
    "UnavailableError",
    "UnsupportedError",
    "UpsertOutcome",
    "Upserted",
    "ValueLens",
    "Versions",
    "Veto",
    "__version__",
    "errors",
    "migration",
    "open",
    "open_async",
    "remote_field",
    "remote_object",
    "simulators",
]
