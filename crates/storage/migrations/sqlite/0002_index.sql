-- Keys are found by hash alone and removed by their whole key, so they need no index by entity, and 64 bits of hash.
DROP TABLE match_key;
CREATE TABLE match_key (
    space  INTEGER NOT NULL,
    hash   INTEGER NOT NULL,
    entity INTEGER NOT NULL,
    PRIMARY KEY (space, hash, entity)
) STRICT, WITHOUT ROWID;
-- Which spaces were filled was noted among the settings (kind 13); they are filled anew when they are needed.
DELETE FROM document WHERE kind = 13 AND key LIKE 'unique-field:%';

CREATE TABLE entity_index (
    space  INTEGER NOT NULL,
    sort   BLOB    NOT NULL,
    entity INTEGER NOT NULL,
    PRIMARY KEY (space, sort, entity)
) STRICT, WITHOUT ROWID;
