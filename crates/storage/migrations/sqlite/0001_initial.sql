-- Records are many and packed, see the crate's `packed` module. Documents are few.
-- Numbers of 64 bits are kept as SQLite's signed ones, times as microseconds since 1970.

CREATE TABLE sequence (
    number INTEGER PRIMARY KEY,
    last   INTEGER NOT NULL
) STRICT;

CREATE TABLE document_number (
    kind INTEGER PRIMARY KEY,
    last INTEGER NOT NULL
) STRICT;

CREATE TABLE document (
    kind    INTEGER NOT NULL,
    id      INTEGER NOT NULL,
    tenant  INTEGER NOT NULL,
    scope   INTEGER NOT NULL,
    key     TEXT,
    status  TEXT    NOT NULL,
    at      INTEGER NOT NULL,
    version INTEGER NOT NULL,
    body    TEXT    NOT NULL,
    PRIMARY KEY (kind, id)
) STRICT;
-- The key comes first, so that a document is found by it without knowing the tenant.
CREATE UNIQUE INDEX document_key ON document (kind, key, scope, tenant) WHERE key IS NOT NULL;
CREATE INDEX document_scope ON document (kind, scope, status, id);
CREATE INDEX document_tenant ON document (kind, tenant, id);

CREATE TABLE entity (
    id                INTEGER PRIMARY KEY,
    uid               BLOB    NOT NULL,
    tenant            INTEGER NOT NULL,
    blueprint         INTEGER NOT NULL,
    blueprint_version INTEGER NOT NULL,
    rev               INTEGER NOT NULL,
    deleted           INTEGER NOT NULL,
    created           INTEGER NOT NULL,
    updated           INTEGER NOT NULL,
    updated_by        TEXT    NOT NULL,
    vals              BLOB    NOT NULL,
    dec               BLOB    NOT NULL
) STRICT;
CREATE UNIQUE INDEX entity_uid ON entity (uid, tenant);
-- Holds all that listings filter by, so that counting never touches the rows.
CREATE INDEX entity_listing ON entity (blueprint, id, deleted, tenant);

-- The number is the entity's, then eight bits of slot: an entity's sides lie together and need no index on it.
CREATE TABLE side (
    id              INTEGER PRIMARY KEY,
    side            INTEGER NOT NULL,
    ext             TEXT,
    presence        INTEGER NOT NULL,
    detail          TEXT,
    flags           INTEGER NOT NULL,
    marker          TEXT,
    stamp           INTEGER,
    obs_seq         INTEGER NOT NULL,
    write_seq       INTEGER NOT NULL,
    dirty_seq       INTEGER NOT NULL,
    base_rev        INTEGER NOT NULL,
    mapping_version INTEGER NOT NULL,
    hash            BLOB    NOT NULL,
    obs             BLOB    NOT NULL,
    diff            BLOB
) STRICT;
CREATE UNIQUE INDEX side_ext ON side (side, ext);
CREATE INDEX side_flagged ON side (side, id, flags) WHERE flags <> 0;
-- Few sides are not live, so the live ones are counted as all but these. Presence 1 is live.
CREATE INDEX side_gone ON side (side, presence, ext) WHERE presence <> 1 AND ext IS NOT NULL;

CREATE TABLE alias (
    side    INTEGER NOT NULL,
    old     TEXT    NOT NULL,
    current TEXT    NOT NULL,
    PRIMARY KEY (side, old)
) STRICT, WITHOUT ROWID;
CREATE INDEX alias_current ON alias (side, current);

CREATE TABLE match_key (
    space  INTEGER NOT NULL,
    hash   BLOB    NOT NULL,
    entity INTEGER NOT NULL,
    PRIMARY KEY (space, hash, entity)
) STRICT, WITHOUT ROWID;
CREATE INDEX match_key_entity ON match_key (entity, space);

CREATE TABLE operation (
    id      BLOB    PRIMARY KEY NOT NULL,
    side    INTEGER NOT NULL,
    state   INTEGER NOT NULL,
    run     INTEGER NOT NULL,
    created INTEGER NOT NULL,
    body    TEXT    NOT NULL,
    vals    BLOB    NOT NULL
) STRICT;
CREATE INDEX operation_state ON operation (side, state, created, id);
CREATE INDEX operation_run ON operation (run, id);

CREATE TABLE inbox (
    side INTEGER NOT NULL,
    ext  TEXT    NOT NULL,
    seq  INTEGER NOT NULL,
    PRIMARY KEY (side, ext)
) STRICT, WITHOUT ROWID;
CREATE INDEX inbox_seq ON inbox (side, seq, ext);

CREATE TABLE audit (
    tenant   INTEGER NOT NULL,
    seq      INTEGER NOT NULL,
    run      INTEGER NOT NULL,
    at       INTEGER NOT NULL,
    entries  INTEGER NOT NULL,
    previous BLOB    NOT NULL,
    root     BLOB    NOT NULL,
    body     BLOB    NOT NULL,
    PRIMARY KEY (tenant, seq)
) STRICT;
CREATE INDEX audit_run ON audit (tenant, run, seq);
