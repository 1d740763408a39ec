package postgres

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/modelstream/modelserver/persistence/postgres/pgtest"
)

// Many servers that start at once on an empty database make one schema.
func TestServersStartAtOnce(t *testing.T) {
	c := config(t, server.Get(t))
	c.MaxConnections = 2
	var wg sync.WaitGroup
	errs := make([]error, 10)
	for i := range errs {
		wg.Go(func() {
			s, err := Open(ctx, c, Options{})
			if err == nil {
				_, err = s.Claim(ctx, "wine")
				err = errors.Join(err, s.Close())
			}
			errs[i] = err
		})
	}
	wg.Wait()
	must(t, errors.Join(errs...))
}

func TestFormats(t *testing.T) {
	pg := server.Get(t)
	for _, test := range []struct {
		name, sql, want string
	}{
		{"newer", "UPDATE @meta SET format = 99", "has format 99 and this server reads up to format 1"},
		{"no row", "DELETE FROM @meta", "the schema is not the store's"},
		{"foreign tables", "DROP TABLE @meta", "another program's tables are in this schema"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := config(t, pg)
			s, err := Open(ctx, c, Options{})
			must(t, err)
			epoch := claim(t, s, "wine")
			must(t, s.Append(ctx, "wine", epoch, 1, []byte("one")))
			exec(t, s, test.sql)
			must(t, s.Close())
			if _, err := Open(ctx, c, Options{}); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q in it", err, test.want)
			}
			var events int
			must(t, connect(t, pg).QueryRow(ctx, in(c.Schema, "SELECT count(*) FROM @events")).Scan(&events))
			if events != 1 {
				t.Errorf("a store that was not opened has %d events", events)
			}
		})
	}
}

// A schema that is dropped under a running server is an error that says what to
// do; opening again makes a new one.
func TestDroppedSchema(t *testing.T) {
	c := config(t, server.Get(t))
	s := openStore(t, c)
	epoch := claim(t, s, "wine")
	exec(t, s, "DROP SCHEMA "+c.Schema+" CASCADE")
	err := s.Append(ctx, "wine", epoch, 1, nil)
	if err == nil || !strings.Contains(err.Error(), "start it again") {
		t.Errorf("error %v", err)
	}
	again := openStore(t, c)
	must(t, again.Append(ctx, "wine", epoch, 1, nil))
	must(t, s.Append(ctx, "wine", epoch, 2, nil))
}

// A user who may make nothing uses a schema that is there; where it is not, the
// error says what right is missing.
func TestUserWithoutRights(t *testing.T) {
	pg := server.Get(t)
	c := config(t, pg)
	admin := connect(t, pg)
	user := pgtest.Schema(t)
	_, err := admin.Exec(ctx, fmt.Sprintf("CREATE ROLE %s LOGIN PASSWORD 'p@ss/word#1'", user))
	must(t, err)
	u, err := url.Parse(c.URL)
	must(t, err)
	u.User = url.User(user)
	c.URL, c.Password = u.String(), "p@ss/word#1"

	if _, err := Open(ctx, c, Options{}); err == nil || !strings.Contains(err.Error(), "GRANT CREATE ON DATABASE") {
		t.Errorf("without the right to make a schema: %v", err)
	}
	_, err = admin.Exec(ctx, "CREATE SCHEMA "+pgx.Identifier{c.Schema}.Sanitize()+" AUTHORIZATION "+user)
	must(t, err)
	s := openStore(t, c)
	claim(t, s, "wine")

	wrong := c
	wrong.Password = "p@ss/word#2"
	if _, err := Open(ctx, wrong, Options{}); err == nil || !strings.Contains(err.Error(), "check the user and the password") ||
		strings.Contains(err.Error(), "word#") {
		t.Errorf("with a wrong password: %v", err)
	}
	nowhere := c
	u.Path = "/nowhere"
	nowhere.URL = u.String()
	if _, err := Open(ctx, nowhere, Options{}); err == nil || !strings.Contains(err.Error(), "create the database") {
		t.Errorf("a database that is not there: %v", err)
	}
}

// A standby, or a primary that takes no writes, is not a store.
func TestReadOnlyServer(t *testing.T) {
	c := config(t, server.Get(t))
	c.RetryFor = 0
	c.URL += "&options=-c%20default_transaction_read_only%3Don"
	if _, err := Open(ctx, c, Options{}); err == nil || !strings.Contains(err.Error(), "read only") {
		t.Errorf("error %v", err)
	}
}
