-- The same tables as on SQLite. Numbers of 64 bits are kept as signed ones, times as microseconds since 1970, and text
-- is compared by its bytes.

CREATE TABLE sequence (
    number smallint PRIMARY KEY,
    last   bigint   NOT NULL
);

CREATE TABLE document_number (
    kind smallint PRIMARY KEY,
    last bigint   NOT NULL
);

CREATE TABLE document (
    kind    smallint NOT NULL,
    id      bigint   NOT NULL,
    tenant  bigint   NOT NULL,
    scope   bigint   NOT NULL,
    key     text     COLLATE "C",
    status  text     COLLATE "C" NOT NULL,
    at      bigint   NOT NULL,
    version bigint   NOT NULL,
    body    text     NOT NULL,
    PRIMARY KEY (kind, id)
);
-- The key comes first, so that a document is found by it without knowing the tenant.
CREATE UNIQUE INDEX document_key ON document (kind, key, scope, tenant) WHERE key IS NOT NULL;
CREATE INDEX document_scope ON document (kind, scope, status, id);
CREATE INDEX document_tenant ON document (kind, tenant, id);

CREATE TABLE entity (
    id                bigint  PRIMARY KEY,
    uid               uuid    NOT NULL,
    tenant            bigint  NOT NULL,
    blueprint         bigint  NOT NULL,
    blueprint_version bigint  NOT NULL,
    rev               bigint  NOT NULL,
    created           bigint  NOT NULL,
    updated           bigint  NOT NULL,
    deleted           boolean NOT NULL,
    updated_by        text    COLLATE "C" NOT NULL,
    vals              bytea   NOT NULL,
    dec               bytea   NOT NULL
);
CREATE UNIQUE INDEX entity_uid ON entity (uid, tenant);
-- Holds all that listings filter by, so that counting hardly touches the rows.
CREATE INDEX entity_listing ON entity (blueprint, id) INCLUDE (deleted, tenant);

-- Of these tables nothing but the transaction tells whose their rows are. One that is for one tenant notes it, one that
-- is for all of them does not.
CREATE FUNCTION current_tenant() RETURNS bigint LANGUAGE sql STABLE PARALLEL SAFE
    RETURN nullif(current_setting('syncline.tenant', true), '')::bigint;

CREATE TABLE side (
    entity          bigint   NOT NULL,
    side            bigint   NOT NULL,
    tenant          bigint   DEFAULT current_tenant(),
    stamp           bigint,
    obs_seq         bigint   NOT NULL,
    write_seq       bigint   NOT NULL,
    dirty_seq       bigint   NOT NULL,
    base_rev        bigint   NOT NULL,
    flags           integer  NOT NULL,
    mapping_version integer  NOT NULL,
    slot            smallint NOT NULL,
    presence        smallint NOT NULL,
    ext             text     COLLATE "C",
    detail          text     COLLATE "C",
    marker          text     COLLATE "C",
    hash            bytea    NOT NULL,
    obs             bytea    NOT NULL,
    diff            bytea,
    PRIMARY KEY (entity, slot),
    -- Looked at when a statement is through, so that sides may exchange their remote ids.
    CONSTRAINT side_ext UNIQUE (side, ext) DEFERRABLE INITIALLY IMMEDIATE
);
CREATE INDEX side_flagged ON side (side, entity) INCLUDE (flags) WHERE flags <> 0;
-- Few sides are not live, so the live ones are counted as all but these. Presence 1 is live.
CREATE INDEX side_gone ON side (side) WHERE presence <> 1 AND ext IS NOT NULL;

CREATE TABLE alias (
    side    bigint NOT NULL,
    tenant  bigint DEFAULT current_tenant(),
    old     text   COLLATE "C" NOT NULL,
    current text   COLLATE "C" NOT NULL,
    PRIMARY KEY (side, old)
);
CREATE INDEX alias_current ON alias (side, current);

CREATE TABLE match_key (
    space  bigint NOT NULL,
    hash   bigint NOT NULL,
    entity bigint NOT NULL,
    tenant bigint DEFAULT current_tenant(),
    PRIMARY KEY (space, hash, entity)
);

CREATE TABLE entity_index (
    space  bigint NOT NULL,
    entity bigint NOT NULL,
    tenant bigint DEFAULT current_tenant(),
    sort   bytea  NOT NULL,
    PRIMARY KEY (space, sort, entity)
);

CREATE TABLE operation (
    id      uuid     PRIMARY KEY,
    side    bigint   NOT NULL,
    run     bigint   NOT NULL,
    created bigint   NOT NULL,
    tenant  bigint   DEFAULT current_tenant(),
    state   smallint NOT NULL,
    body    text     NOT NULL,
    vals    bytea    NOT NULL
);
CREATE INDEX operation_state ON operation (side, state, created, id);
CREATE INDEX operation_run ON operation (run, id);

CREATE TABLE inbox (
    side   bigint NOT NULL,
    seq    bigint NOT NULL,
    tenant bigint DEFAULT current_tenant(),
    ext    text   COLLATE "C" NOT NULL,
    PRIMARY KEY (side, ext)
);
CREATE INDEX inbox_seq ON inbox (side, seq, ext);

CREATE TABLE audit (
    tenant   bigint NOT NULL,
    seq      bigint NOT NULL,
    run      bigint NOT NULL,
    at       bigint NOT NULL,
    entries  bigint NOT NULL,
    previous bytea  NOT NULL,
    root     bytea  NOT NULL,
    body     bytea  NOT NULL,
    PRIMARY KEY (tenant, seq)
);
CREATE INDEX audit_run ON audit (tenant, run, seq);

-- What the last run left, and in which place: what is restored from a dump or to an earlier moment is in another one.
CREATE TABLE generation (
    one    boolean PRIMARY KEY DEFAULT true CHECK (one),
    place  text    NOT NULL,
    store  uuid    NOT NULL,
    number bigint  NOT NULL
);

-- A transaction for one tenant sees and writes what is this tenant's or nobody's, whatever it asks for. It binds the
-- owner of the tables too, who is the one who comes here.
ALTER TABLE document ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE entity ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE side ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE alias ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE match_key ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE entity_index ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE operation ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE inbox ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE audit ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
-- The subselect is asked once per statement, not once per row; where either side is null there is nothing to tell apart.
CREATE POLICY tenant ON document USING (coalesce(tenant = (SELECT current_tenant()) OR tenant = 0, true));
CREATE POLICY tenant ON entity USING (coalesce(tenant = (SELECT current_tenant()), true));
CREATE POLICY tenant ON side USING (coalesce(tenant = (SELECT current_tenant()), true));
CREATE POLICY tenant ON alias USING (coalesce(tenant = (SELECT current_tenant()), true));
CREATE POLICY tenant ON match_key USING (coalesce(tenant = (SELECT current_tenant()), true));
CREATE POLICY tenant ON entity_index USING (coalesce(tenant = (SELECT current_tenant()), true));
CREATE POLICY tenant ON operation USING (coalesce(tenant = (SELECT current_tenant()), true));
CREATE POLICY tenant ON inbox USING (coalesce(tenant = (SELECT current_tenant()), true));
CREATE POLICY tenant ON audit USING (coalesce(tenant = (SELECT current_tenant()), true));
