package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/modelstream/modelserver/persistence"
)

// Options are what a store is opened with besides its configuration.
type Options struct {
	Application string       // what the database shows of this process; default "modelserver"
	Logger      *slog.Logger // nil: none
}

// Store is a store in a PostgreSQL database. See the package's comment.
type Store struct {
	cfg  Config
	log  *slog.Logger
	pool *pgxpool.Pool
	sql  statements

	closing   chan struct{}
	closeOnce sync.Once
	warned    atomic.Int64 // when an outage was last logged, in nanoseconds

	locked func() // for tests: called in a write, when it has its lock
}

var _ persistence.Store = (*Store)(nil)

// Open connects, and makes or migrates the schema. A database that is away is
// waited for as long as Config.RetryFor says.
func Open(ctx context.Context, cfg Config, o Options) (*Store, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	s := &Store{
		cfg: cfg, log: o.Logger, sql: newStatements(cfg.Schema), closing: make(chan struct{}), locked: func() {},
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	pool, err := s.configure(cmp.Or(o.Application, "modelserver"))
	if err != nil {
		return nil, err
	}
	err = s.try(ctx, "open the store", s.callTimeout(0), func(ctx context.Context) error { return s.prepare(ctx, pool) })
	if err != nil {
		return nil, err
	}
	s.pool, err = pgxpool.NewWithConfig(context.WithoutCancel(ctx), pool)
	if err != nil {
		return nil, explain("open the store", err)
	}
	return s, nil
}

// configure turns the configuration into the pool's.
func (s *Store) configure(application string) (*pgxpool.Config, error) {
	pool, err := s.cfg.parse()
	if err != nil {
		return nil, err
	}
	pool.MaxConns, pool.MinConns = int32(s.cfg.MaxConnections), 0
	pool.BeforeConnect = func(_ context.Context, c *pgx.ConnConfig) error { return s.setPassword(c) }
	c := pool.ConnConfig
	c.ConnectTimeout = s.cfg.ConnectTimeout
	dialer := &net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 5 * time.Second, Count: 3}}
	c.DialFunc = dialer.DialContext
	if c.ValidateConnect == nil {
		c.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
	}
	milliseconds := func(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }
	for name, value := range map[string]string{
		"application_name":  application,
		"statement_timeout": milliseconds(s.cfg.StatementTimeout),
		// A client that froze, or is cut off, must not keep its locks.
		"idle_in_transaction_session_timeout": milliseconds(s.cfg.IdleTimeout),
		"tcp_keepalives_idle":                 "15", "tcp_keepalives_interval": "5", "tcp_keepalives_count": "3",
		"default_transaction_isolation": "read committed",
	} {
		c.RuntimeParams[name] = value
	}
	return pool, nil
}

func (s *Store) setPassword(c *pgx.ConnConfig) error {
	password, err := s.cfg.readPassword()
	if err != nil {
		return &refusal{err}
	}
	if password != "" {
		c.Password = password
	}
	return nil
}

// prepare migrates the schema over a connection of its own, and looks whether
// the database keeps what it acknowledges.
func (s *Store) prepare(ctx context.Context, pool *pgxpool.Config) error {
	c := pool.ConnConfig.Copy()
	if err := s.setPassword(c); err != nil {
		return err
	}
	conn, err := pgx.ConnectConfig(ctx, c)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	if err := migrate(ctx, conn, s.cfg.Schema); err != nil {
		return err
	}
	var version, fsync, commit string
	err = conn.QueryRow(ctx, "SELECT current_setting('server_version'), current_setting('fsync'), current_setting('synchronous_commit')").
		Scan(&version, &fsync, &commit)
	if err != nil {
		return err
	}
	if commit == "off" {
		pool.ConnConfig.RuntimeParams["synchronous_commit"] = "on"
	}
	if fsync == "off" {
		s.log.Warn("PostgreSQL runs with fsync off: a crash of its machine may lose or damage what it has acknowledged")
	}
	s.log.Info("the store is in PostgreSQL", "version", version, "url", Redact(s.cfg.URL), "schema", s.cfg.Schema)
	return nil
}

// Close implements [persistence.Store]. It waits for calls that are under way.
func (s *Store) Close() error {
	s.closeOnce.Do(func() {
		close(s.closing)
		s.pool.Close()
	})
	return nil
}

const (
	firstPause = 10 * time.Millisecond
	mostPause  = time.Second
	warnEvery  = 10 * time.Second
)

// try runs a call, each attempt within the time that it may take, and runs it
// again while the database is away.
func (s *Store) try(ctx context.Context, op string, timeout time.Duration, call func(context.Context) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	until := time.Now().Add(s.cfg.RetryFor)
	for pause := firstPause; ; pause = min(2*pause, mostPause) {
		if s.isClosed() {
			return persistence.ErrClosed
		}
		err := s.attempt(ctx, timeout, call)
		switch {
		case err == nil:
			return nil
		case s.isClosed() && !errors.As(err, new(*refusal)):
			return persistence.ErrClosed
		case ctx.Err() != nil && !errors.As(err, new(*refusal)):
			return gaveUp(ctx, err)
		case !transient(err) || time.Now().Add(pause).After(until):
			return explain(op, err)
		}
		s.warn(op, err)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return gaveUp(ctx, err)
		case <-s.closing:
			return persistence.ErrClosed
		}
	}
}

func (s *Store) isClosed() bool {
	select {
	case <-s.closing:
		return true
	default:
		return false
	}
}

// attempt bounds a call. The database bounds its own part; this is for one that
// froze, or a network that swallows everything.
func (s *Store) attempt(ctx context.Context, timeout time.Duration, call func(context.Context) error) error {
	within, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	err := call(within)
	if err != nil && within.Err() != nil && ctx.Err() == nil && !errors.As(err, new(*refusal)) {
		// Not a deadline of the caller's, and not worth another wait as long.
		return &refusal{&Error{Op: "within " + timeout.String(), Err: errNoAnswer, Hint: quiet(err).Error()}}
	}
	return err
}

// callTimeout is what a call may take that moves so many bytes.
func (s *Store) callTimeout(bytes int) time.Duration {
	const slowest = 1 << 20 // bytes a second
	return s.cfg.ConnectTimeout + s.cfg.StatementTimeout + time.Duration(bytes)*time.Second/slowest
}

// warn logs an outage, but not for each of a thousand actors.
func (s *Store) warn(op string, err error) {
	now, last := time.Now().UnixNano(), s.warned.Load()
	if now-last < int64(warnEvery) || !s.warned.CompareAndSwap(last, now) {
		return
	}
	s.log.Warn("the database is away; trying again", "for_at_most", s.cfg.RetryFor, "while", op, "err", explain(op, err))
}

// refuse makes an answer of the contract end a transaction.
func refuse(err error) error { return &refusal{err} }

// number is how sequence numbers go to the database and come from it: numeric
// holds them, and no integer type does.
func number(n uint64) string { return strconv.FormatUint(n, 10) }

func parseNumber(text string) (uint64, error) {
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("the number %q: %w", text, err)
	}
	return n, nil
}

// whole returns b, or an empty slice for nil, which the database would take for
// no value at all.
func whole(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}
