package postgres

// statements are the store's SQL, with the schema's name in it. Numbers come as
// text, see number.
type statements struct {
	claim, adopt, lock, setHead string

	putEvent, event, dropEvents, deleteEvents             string
	putSnapshot, snapshots, dropSnapshot, deleteSnapshots string

	ids, load, keys, oneEvent, oneSnapshot string

	touchArtifact, putArtifact, putChunk, deleteChunks, hashes, artifact string
	oldArtifacts, dropArtifacts                                          string
}

func newStatements(schema string) statements {
	s := statements{
		// An epoch is never behind the clock, so that neither a schema that was
		// dropped nor one that comes from an old backup gives one twice.
		claim: `
INSERT INTO @claims AS c (id, epoch)
VALUES ($1, floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint)
ON CONFLICT (id) DO UPDATE SET claimed = excluded.claimed,
	epoch = greatest(c.epoch + 1, floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint)
WHERE c.epoch < 9223372036854775807
RETURNING epoch`,
		adopt: `INSERT INTO @claims (id, epoch) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING`,
		lock: `
SELECT epoch, last_seq::text, snapshot::text, snapshots::text, checksum
FROM @claims WHERE id = $1 FOR UPDATE`,
		setHead: `
UPDATE @claims SET epoch = $2, last_seq = $3::text::numeric, snapshot = $4::text::numeric,
	snapshots = $5::text::numeric, checksum = $6
WHERE id = $1`,

		// What stands in the place of the next event is none.
		putEvent: `
INSERT INTO @events (id, seq, checksum, data) VALUES ($1, $2::text::numeric, $3, $4)
ON CONFLICT (id, seq) DO UPDATE SET checksum = excluded.checksum, data = excluded.data, stored = excluded.stored`,
		event:        `SELECT checksum, data FROM @events WHERE id = $1 AND seq = $2::text::numeric`,
		dropEvents:   `DELETE FROM @events WHERE id = $1 AND seq <= $2::text::numeric`,
		deleteEvents: `DELETE FROM @events WHERE id = $1`,

		putSnapshot: `
INSERT INTO @snapshots (id, seq, n, checksum, data) VALUES ($1, $2::text::numeric, $3::text::numeric, $4, $5)
ON CONFLICT (id, seq, n) DO UPDATE SET checksum = excluded.checksum, data = excluded.data, stored = excluded.stored`,
		snapshots:       `SELECT seq::text, n::text, checksum, data FROM @snapshots WHERE id = $1 ORDER BY snapshots.seq, snapshots.n`,
		dropSnapshot:    `DELETE FROM @snapshots WHERE id = $1 AND seq = $2::text::numeric AND n = $3::text::numeric`,
		deleteSnapshots: `DELETE FROM @snapshots WHERE id = $1`,

		ids: `SELECT id FROM (SELECT id FROM @events UNION SELECT id FROM @snapshots) AS known ORDER BY id`,
		// One statement, so that all of it is of one moment.
		load: `
SELECT kind, seq::text, n::text, snapshot::text, checksum, data FROM (
	SELECT 'h' AS kind, last_seq AS seq, snapshots AS n, snapshot, checksum, NULL::bytea AS data FROM @claims WHERE id = $1
	UNION ALL SELECT 'e', seq, 0, 0, checksum, data FROM @events WHERE id = $1
	UNION ALL SELECT 's', seq, n, 0, checksum, data FROM @snapshots WHERE id = $1
) AS stored ORDER BY kind, stored.seq, stored.n`,
		keys: `
SELECT kind, seq::text, n::text, snapshot::text, checksum, NULL::bytea FROM (
	SELECT 'h' AS kind, last_seq AS seq, snapshots AS n, snapshot, checksum FROM @claims WHERE id = $1
	UNION ALL SELECT 'e', seq, 0, 0, checksum FROM @events WHERE id = $1
	UNION ALL SELECT 's', seq, n, 0, checksum FROM @snapshots WHERE id = $1
) AS stored ORDER BY kind, stored.seq, stored.n`,
		oneEvent:    `SELECT data FROM @events WHERE id = $1 AND seq = $2::text::numeric`,
		oneSnapshot: `SELECT data FROM @snapshots WHERE id = $1 AND seq = $2::text::numeric AND n = $3::text::numeric`,

		touchArtifact: `UPDATE @artifacts SET put = clock_timestamp() WHERE digest = $1 AND size = $2`,
		putArtifact: `
INSERT INTO @artifacts (digest, size, put) VALUES ($1, $2, clock_timestamp())
ON CONFLICT (digest) DO UPDATE SET size = excluded.size, put = excluded.put`,
		putChunk:     `INSERT INTO @artifact_chunks (digest, n, data) VALUES ($1, $2, $3)`,
		deleteChunks: `DELETE FROM @artifact_chunks WHERE digest = $1`,
		hashes:       `SELECT n, sha256(data) FROM @artifact_chunks WHERE digest = $1 ORDER BY n`,
		artifact: `
SELECT a.size, c.n, c.data FROM @artifacts a LEFT JOIN @artifact_chunks c USING (digest)
WHERE a.digest = $1 ORDER BY c.n`,
		oldArtifacts:  `SELECT digest FROM @artifacts WHERE put <= clock_timestamp() - make_interval(secs => $1)`,
		dropArtifacts: `DELETE FROM @artifacts WHERE digest = ANY($1) AND put <= clock_timestamp() - make_interval(secs => $2)`,
	}
	for _, text := range []*string{
		&s.claim, &s.adopt, &s.lock, &s.setHead, &s.putEvent, &s.event, &s.dropEvents, &s.deleteEvents,
		&s.putSnapshot, &s.snapshots, &s.dropSnapshot, &s.deleteSnapshots, &s.ids, &s.load, &s.keys,
		&s.oneEvent, &s.oneSnapshot, &s.touchArtifact, &s.putArtifact, &s.putChunk, &s.deleteChunks,
		&s.hashes, &s.artifact, &s.oldArtifacts, &s.dropArtifacts,
	} {
		*text = in(schema, *text)
	}
	return s
}
