package postgres

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
)

// migrations lead from each format to the next; an empty schema has format 0.
// What was released is never changed. "@" stands for the schema and a dot.
var migrations = []string{`
CREATE TABLE @meta (format integer NOT NULL);
INSERT INTO @meta (format) VALUES (0);
COMMENT ON TABLE @meta IS 'modelserver: the format of these tables';

CREATE TABLE @claims (
	id        bytea PRIMARY KEY,
	name      text GENERATED ALWAYS AS (encode(id, 'escape')) STORED,
	epoch     bigint NOT NULL,
	claimed   timestamptz NOT NULL DEFAULT clock_timestamp(),
	last_seq  numeric(20) NOT NULL DEFAULT 0,
	snapshot  numeric(20) NOT NULL DEFAULT 0,
	snapshots numeric(20) NOT NULL DEFAULT 0,
	checksum  bigint
);
COMMENT ON TABLE @claims IS 'modelserver: who may write what; a write needs the newest epoch';
COMMENT ON COLUMN @claims.snapshot IS 'sequence number of the newest snapshot';
COMMENT ON COLUMN @claims.snapshots IS 'its n: how many there have been';
COMMENT ON COLUMN @claims.checksum IS 'of last_seq, snapshot and snapshots; null before the first write';

CREATE TABLE @events (
	id       bytea NOT NULL,
	seq      numeric(20) NOT NULL,
	checksum bigint NOT NULL,
	data     bytea NOT NULL,
	stored   timestamptz NOT NULL DEFAULT clock_timestamp(),
	PRIMARY KEY (id, seq)
);
COMMENT ON TABLE @events IS 'modelserver: accepted models (ModelAccepted), until two snapshots cover them';

CREATE TABLE @snapshots (
	id       bytea NOT NULL,
	seq      numeric(20) NOT NULL,
	n        numeric(20) NOT NULL,
	checksum bigint NOT NULL,
	data     bytea NOT NULL,
	stored   timestamptz NOT NULL DEFAULT clock_timestamp(),
	PRIMARY KEY (id, seq, n)
);
COMMENT ON TABLE @snapshots IS 'modelserver: the two newest states of each id';

CREATE TABLE @artifacts (
	digest bytea PRIMARY KEY,
	size   bigint NOT NULL,
	put    timestamptz NOT NULL
);
CREATE INDEX artifacts_put ON @artifacts (put);
COMMENT ON TABLE @artifacts IS 'modelserver: models by their SHA-256; put is when one was last needed';

CREATE TABLE @artifact_chunks (
	digest bytea NOT NULL REFERENCES @artifacts ON DELETE CASCADE,
	n      integer NOT NULL,
	data   bytea NOT NULL,
	PRIMARY KEY (digest, n)
);`}

// minVersion is the first server version that has generated columns and sha256.
const minVersion = 120000

// migrate makes the schema, or brings it to this server's format. Servers that
// start at once wait for each other. Where nothing is to be done, it needs no
// right to make anything.
func migrate(ctx context.Context, conn *pgx.Conn, schema string) error {
	if err := checkVersion(ctx, conn); err != nil {
		return err
	}
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1)", lockKey(schema)); err != nil {
			return err
		}
		format, err := readFormat(ctx, tx, schema)
		if err != nil || format == len(migrations) {
			return err
		}
		for ; format < len(migrations); format++ {
			// Several statements go in one exchange, but only without arguments.
			if _, err := tx.Exec(ctx, in(schema, migrations[format])); err != nil {
				return err
			}
		}
		_, err = tx.Exec(ctx, in(schema, "UPDATE @meta SET format = "+strconv.Itoa(format)))
		return err
	})
}

func checkVersion(ctx context.Context, conn *pgx.Conn) error {
	var text string
	if err := conn.QueryRow(ctx, "SELECT current_setting('server_version_num')").Scan(&text); err != nil {
		return err
	}
	if version, err := strconv.Atoi(text); err == nil && version < minVersion {
		return &refusal{fmt.Errorf("PostgreSQL is of version %d.%d; the store needs 12 or later", version/10000, version%10000)}
	}
	return nil
}

// readFormat returns the schema's format, after it has made the schema if it is
// not there.
func readFormat(ctx context.Context, tx pgx.Tx, schema string) (int, error) {
	var there, known bool
	err := tx.QueryRow(ctx, `SELECT to_regnamespace($1) IS NOT NULL, to_regclass($1 || '.meta') IS NOT NULL`, schema).Scan(&there, &known)
	if err != nil {
		return 0, err
	}
	if !there {
		_, err := tx.Exec(ctx, "CREATE SCHEMA "+pgx.Identifier{schema}.Sanitize())
		return 0, err
	}
	if !known {
		return 0, nil
	}
	var format int
	err = tx.QueryRow(ctx, in(schema, "SELECT format FROM @meta")).Scan(&format)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return 0, &refusal{fmt.Errorf("the table %s.meta has no row: the schema is not the store's", schema)}
	case err != nil:
		return 0, err
	case format > len(migrations) || format < 1:
		return 0, &refusal{&FormatError{Schema: schema, Got: format, Want: len(migrations)}}
	}
	return format, nil
}

// in puts the schema's name into SQL.
func in(schema, sql string) string {
	return strings.ReplaceAll(sql, "@", pgx.Identifier{schema}.Sanitize()+".")
}

// lockKey is the advisory lock of a schema's migration.
func lockKey(schema string) int64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte("modelserver store " + schema)) // never fails
	return int64(h.Sum64())
}
