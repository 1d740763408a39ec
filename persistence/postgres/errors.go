package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// Error is a failure of the database, or of the way to it.
type Error struct {
	Op   string // "append event 3 of \"wine\""
	Err  error
	Hint string // how to mend it; may be empty
}

func (e *Error) Error() string {
	s := "PostgreSQL: " + e.Op + ": " + e.Err.Error()
	if e.Hint != "" {
		s += " (" + e.Hint + ")"
	}
	return s
}

func (e *Error) Unwrap() error { return e.Err }

// FormatError says that a newer server made or migrated the schema.
type FormatError struct {
	Schema    string
	Got, Want int
}

func (e *FormatError) Error() string {
	return fmt.Sprintf("the schema %q has format %d and this server reads up to format %d: use a newer server, or another store.postgres.schema",
		e.Schema, e.Got, e.Want)
}

// The codes of PostgreSQL's errors that are told apart.
const (
	dataCorrupted  = "XX001"
	indexCorrupted = "XX002"
)

// hints are by code, or by class where no code fits.
var hints = map[string]string{
	"28":    "check the user and the password of store.postgres, and the server's pg_hba.conf",
	"3D000": "create the database, or name another one in store.postgres.url",
	"42501": "the schema and its tables must belong to the user: GRANT CREATE ON DATABASE … TO …, or CREATE SCHEMA … AUTHORIZATION …",
	"42P01": "somebody dropped the tables while this server ran: start it again and it makes new ones",
	"3F000": "somebody dropped the schema while this server ran: start it again and it makes a new one",
	"42P07": "another program's tables are in this schema: name another one in store.postgres.schema",
	"53100": "the database's disk is full; what is stored is whole",
	"53300": "lower store.postgres.max_connections, or raise the server's max_connections",
	"57P03": "the database starts or stops",
	"25006": "this server takes no writes, as a standby does; name the primary in store.postgres.url, or all hosts",
	"57014": "it took longer than store.postgres.statement_timeout",
	"25P03": "this process was silent for longer than store.postgres.idle_timeout while it held a lock",
	"XX001": "look at the server's log and its disk",
	"XX002": "REINDEX may mend it; look at the server's log and its disk",
}

// explain makes an error say what failed and what to do. Those of the contract
// and of a caller that gave up stay what they are.
func explain(op string, err error) error {
	var refused *refusal
	switch {
	case err == nil:
		return nil
	case errors.As(err, &refused):
		return refused.error
	case errors.As(err, new(*Error)):
		return err
	}
	return &Error{Op: op, Err: quiet(err), Hint: hint(err)}
}

// quiet is a connection's failure without the configuration inside it, which has
// the password, and on one line.
func quiet(err error) error {
	var connect *pgconn.ConnectError
	if !errors.As(err, &connect) {
		return err
	}
	inner := connect.Unwrap()
	text := strings.Join(strings.Fields(inner.Error()), " ")
	return fmt.Errorf("connect as %q to the database %q: %w", connect.Config.User, connect.Config.Database, &flatError{text, inner})
}

// flatError is an error with another text.
type flatError struct {
	text string
	err  error
}

func (e *flatError) Error() string { return e.text }
func (e *flatError) Unwrap() error { return e.err }

func hint(err error) string {
	if code := codeOf(err); code != "" {
		if h := hints[code]; h != "" {
			return h
		}
		return hints[code[:min(2, len(code))]]
	}
	if errors.As(err, new(*pgconn.ConnectError)) {
		return "does the server run, and is store.postgres.url right?"
	}
	return ""
}

// codeOf returns the SQLSTATE of an error of the database, or "".
func codeOf(err error) string {
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		return ""
	}
	return e.Code
}

// corrupted says that the database found its own data damaged.
func corrupted(err error) bool {
	code := codeOf(err)
	return code == dataCorrupted || code == indexCorrupted
}

// transient says that trying again may help: the database was away, or chose
// this transaction to fail.
func transient(err error) bool {
	switch code := codeOf(err); code {
	case "":
	case "40001", "40P01", "53300", "57P01", "57P02", "57P03", "57P05", "25006", "25P03":
		return true
	default:
		return strings.HasPrefix(code, "08")
	}
	if errors.As(err, new(*refusal)) {
		return false
	}
	var network net.Error
	return errors.As(err, new(*pgconn.ConnectError)) || pgconn.SafeToRetry(err) || errors.As(err, &network) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed)
}

// refusal is an answer of the contract: it ends the transaction and is returned
// as it is.
type refusal struct{ error }

func (r *refusal) Unwrap() error { return r.error }

// errNoAnswer says that the database neither answered nor failed.
var errNoAnswer = errors.New("the database does not answer")

// gaveUp is the error of a call whose caller does not wait any more.
func gaveUp(ctx context.Context, err error) error {
	if err == nil {
		return ctx.Err()
	}
	return fmt.Errorf("%w: %w", ctx.Err(), quiet(err))
}
