package postgres

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestValidate(t *testing.T) {
	for _, test := range []struct {
		change func(c *Config)
		want   string
	}{
		{func(*Config) {}, ""},
		{func(c *Config) { c.URL = "host=db user=me" }, ""},
		{func(c *Config) { c.URL = "" }, "url: must be set"},
		{func(c *Config) { c.URL = "postgres://me@db:seven/x" }, "url: "},
		{func(c *Config) { c.URL = "host" }, "url: "},
		{func(c *Config) { c.URL = "postgres://me@db/x?sslmode=maybe" }, "url: "},
		{func(c *Config) { c.Password, c.PasswordFile = "a", "b" }, "password: set one"},
		{func(c *Config) { c.Schema = "Model Server" }, "schema: "},
		{func(c *Config) { c.Schema = "pg_mine" }, "schema: "},
		{func(c *Config) { c.Schema = strings.Repeat("x", 64) }, "schema: "},
		{func(c *Config) { c.Schema = "" }, "schema: "},
		{func(c *Config) { c.MaxConnections = 0 }, "max_connections: "},
		{func(c *Config) { c.StatementTimeout = 0 }, "statement_timeout: "},
		{func(c *Config) { c.IdleTimeout = time.Microsecond }, "idle_timeout: "},
		{func(c *Config) { c.RetryFor = -1 }, "retry_for: "},
	} {
		c := DefaultConfig()
		c.URL = "postgres://me@db/x"
		test.change(&c)
		err := c.Validate()
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.HasPrefix(err.Error(), test.want)) {
			t.Errorf("error %v, want %q", err, test.want)
		}
	}
}

// Whatever is wrong with a connection string, its password is in no error and in
// nothing that is printed.
func TestPasswordsAreHidden(t *testing.T) {
	for _, connection := range []string{
		"postgres://me:hush@db/x",
		"postgresql://me:hush@db:5432/x?sslmode=disable",
		"postgres://me:hu%23hush@db/x",
		"postgres://me:hush@db:seven/x",
		"postgres://me:12#hush@db/x",
		"postgres://me:12/hush@db/x",
		"postgres://me:12?hush@db/x",
		"postgres://me:%zzhush@db/x",
		"postgres://me:hush@db/x?sslmode=maybe",
		"postgres://me@db/x?password=hush&sslmode=maybe",
		"postgres://me@db/x?sslpassword=hush",
		"host=db password=hush user=me",
		"host=db password = 'x hush' sslmode=maybe",
		`host=db password='it\'s hush' sslmode=maybe`,
		"host=db PASSWORD=hush sslmode=maybe",
		"host=db password=hush bad",
		"host=db password='hush",
		"host=db sslpassword=hush sslmode=maybe",
	} {
		if text := Redact(connection); strings.Contains(text, "hush") {
			t.Errorf("Redact(%q) = %q", connection, text)
		}
		c := DefaultConfig()
		c.URL = connection
		if err := c.Validate(); err != nil && strings.Contains(err.Error(), "hush") {
			t.Errorf("%q: the error is %q", connection, err)
		}
	}
	if text := Redact("postgres://me:hush@db:5432/x?sslmode=disable"); text != "postgres://me:xxxxx@db:5432/x?sslmode=disable" {
		t.Errorf("too much is hidden: %q", text)
	}
	if text := Redact("host=db user=me dbname=x"); text != "host=db user=me dbname=x" {
		t.Errorf("too much is hidden: %q", text)
	}
}

// A password file is read for each connection, so that it may be changed.
func TestPasswordFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "password")
	c := DefaultConfig()
	c.PasswordFile = file
	if _, err := c.readPassword(); err == nil || !strings.HasPrefix(err.Error(), "password_file: ") {
		t.Errorf("a file that is not there: %v", err)
	}
	for _, test := range []struct{ content, want string }{
		{"one", "one"}, {"two\n", "two"}, {"three\r\n", "three"}, {"", ""}, {" four \n", " four "},
	} {
		must(t, os.WriteFile(file, []byte(test.content), 0o600))
		if got, err := c.readPassword(); err != nil || got != test.want {
			t.Errorf("%q: %q, %v", test.content, got, err)
		}
	}
	must(t, os.WriteFile(file, make([]byte, maxPassword+1), 0o600))
	if _, err := c.readPassword(); err == nil {
		t.Error("a file of any length is a password")
	}
}

// Whatever a password is made of, and however it was put into a connection string
// (as it is, or encoded), nothing of its secret part is printed or in an error.
func TestAnyPasswordIsHidden(t *testing.T) {
	part := rapid.StringOfN(rapid.SampledFrom([]rune(`ab1@:/?#[]%&= '\"+;ä`)), 0, 8, -1)
	rapid.Check(t, func(t *rapid.T) {
		password := part.Draw(t, "before") + "hush" + part.Draw(t, "after")
		quoted := strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(password)
		for _, connection := range []string{
			"postgres://me:" + password + "@db/x",
			"postgresql://me:" + password + "@db:5432,other/x?sslmode=maybe",
			"postgres://me:" + url.QueryEscape(password) + "@db/x?sslmode=maybe",
			"postgres://me@db/x?password=" + url.QueryEscape(password) + "&sslmode=maybe",
			"host=db password='" + quoted + "' sslmode=maybe",
		} {
			c := DefaultConfig()
			c.URL = connection
			if text := Redact(connection); strings.Contains(text, "hush") {
				t.Errorf("Redact(%q) = %q", connection, text)
			}
			if err := c.Validate(); err != nil && strings.Contains(err.Error(), "hush") {
				t.Errorf("%q: the error is %q", connection, err)
			}
		}
	})
}
