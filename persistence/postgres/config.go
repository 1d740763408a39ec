package postgres

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// Config says where the store is. Errors name its keys in lower case.
type Config struct {
	// URL is a connection string of libpq's forms: postgres://user@host/database
	// or "host=… dbname=…". What it leaves open comes from PostgreSQL's usual
	// variables and files (PGHOST, ~/.pgpass).
	URL string `koanf:"url"`
	// Password is the password where the URL has none, or PasswordFile a file that
	// holds it, which is read again for each connection.
	Password     string `koanf:"password"`
	PasswordFile string `koanf:"password_file"`
	// Schema holds the tables; it is made if it is missing. Servers with the same
	// schema share a store.
	Schema string `koanf:"schema"`
	// MaxConnections bounds the connections of this process.
	MaxConnections int `koanf:"max_connections"`
	// ConnectTimeout bounds an attempt to connect.
	ConnectTimeout time.Duration `koanf:"connect_timeout"`
	// StatementTimeout bounds a statement, waiting for locks included.
	StatementTimeout time.Duration `koanf:"statement_timeout"`
	// IdleTimeout is how long a writer may keep its lock and say nothing.
	IdleTimeout time.Duration `koanf:"idle_timeout"`
	// RetryFor is how long a call is tried again when the database is away.
	RetryFor time.Duration `koanf:"retry_for"`
}

// DefaultConfig returns the configuration that holds where nothing is set.
func DefaultConfig() Config {
	return Config{
		Schema: "modelserver", MaxConnections: 8, ConnectTimeout: 5 * time.Second, StatementTimeout: 20 * time.Second,
		IdleTimeout: 5 * time.Second, RetryFor: 10 * time.Second,
	}
}

// schemaName is what needs no quotes in SQL. Names are cut after 63 bytes there.
var schemaName = regexp.MustCompile(`^[a-z_][a-z0-9_]{0,62}$`)

// Validate returns everything that is wrong, each error beginning with its key.
func (c Config) Validate() error {
	var errs []error
	check := func(ok bool, problem string) {
		if !ok {
			errs = append(errs, errors.New(problem))
		}
	}
	check(c.URL != "", "url: must be set, such as postgres://modelserver@localhost/modelserver")
	check(c.Password == "" || c.PasswordFile == "", "password: set one of password and password_file")
	check(schemaName.MatchString(c.Schema) && !strings.HasPrefix(c.Schema, "pg_"), fmt.Sprintf(
		"schema: %.80q must be a name of at most 63 of a-z, 0-9 and _ that begins with no digit and not with pg_", c.Schema))
	check(c.MaxConnections > 0 && c.MaxConnections <= 1000, "max_connections: must be from 1 to 1000")
	for key, d := range map[string]time.Duration{
		"connect_timeout": c.ConnectTimeout, "statement_timeout": c.StatementTimeout, "idle_timeout": c.IdleTimeout,
	} {
		check(d >= time.Millisecond && d <= 24*time.Hour, key+": must be from 1ms to 24h")
	}
	check(c.RetryFor >= 0, "retry_for: must not be negative")
	if c.URL != "" {
		_, err := c.parse()
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// parse reads the URL. Its errors have no part of it that may be a secret.
func (c Config) parse() (*pgxpool.Config, error) {
	if _, readable := redact(c.URL); !readable {
		return nil, errors.New("url: cannot be read; it must be postgres://user@host:port/database, where special characters " +
			"of a password are percent-encoded (@ as %40, / as %2F): better set password or password_file")
	}
	pool, err := pgxpool.ParseConfig(c.URL)
	if err != nil {
		text := err.Error()
		if i := strings.LastIndex(text, "`: "); i >= 0 { // before it the library repeats the URL
			text = text[i+len("`: "):]
		}
		for _, secret := range secrets(c.URL) {
			text = strings.ReplaceAll(text, secret, hidden)
		}
		return nil, errors.New("url: " + text)
	}
	return pool, nil
}

// CheckFiles says whether the files that the configuration names can be read.
func (c Config) CheckFiles() error {
	_, err := c.readPassword()
	return err
}

// readPassword returns the password to use instead of the URL's, if any.
func (c Config) readPassword() (string, error) {
	if c.PasswordFile == "" {
		return c.Password, nil
	}
	b, err := os.ReadFile(c.PasswordFile)
	if err != nil {
		return "", fmt.Errorf("password_file: %w", err)
	}
	if len(b) > maxPassword {
		return "", fmt.Errorf("password_file: %s has more than %d bytes", c.PasswordFile, maxPassword)
	}
	return strings.TrimRight(string(b), "\r\n"), nil
}

const maxPassword = 4 << 10
