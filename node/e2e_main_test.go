package node_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/modelstream/modelserver/kafka/kafkatest"
	"github.com/modelstream/modelserver/model/all"
	"github.com/modelstream/modelserver/node"
	"github.com/modelstream/modelserver/node/config"
	"github.com/modelstream/modelserver/persistence/postgres/pgtest"
)

// broker is a real broker for the tests of this package that do it no harm.
var broker kafkatest.Shared

// database is a PostgreSQL server for the tests of this package.
var database pgtest.Shared

// childEnv makes the test binary a server; its value is the settings, and
// addrEnv a file to write the address of the HTTP server to.
const (
	childEnv = "MODELSERVER_REQUIRE_CHILD_SETTINGS"
	addrEnv  = "MODELSERVER_REQUIRE_CHILD_ADDRESS"
)

func TestMain(m *testing.M) {
	if settings := os.Getenv(childEnv); settings != "" {
		if err := serveAsChild(settings, os.Getenv(addrEnv)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(database.Main(withBroker{m}))
}

// withBroker runs the tests and closes the broker.
type withBroker struct{ *testing.M }

func (m withBroker) Run() int { return broker.Main(m.M) }

// serveAsChild runs a server until a signal comes.
func serveAsChild(settings, addressFile string) error {
	var set []string
	if err := json.Unmarshal([]byte(settings), &set); err != nil {
		return err
	}
	loaded, err := config.Load(config.Sources{Set: set})
	if err != nil {
		return err
	}
	types, err := all.Registry(all.Config{})
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	n, err := node.New(loaded.Config, node.Options{Types: types, Log: log, Version: "test"})
	if err != nil {
		return err
	}
	if err := n.Start(); err != nil {
		return err
	}
	temporary := addressFile + ".new"
	if err := os.WriteFile(temporary, []byte(n.Addr()), 0o600); err != nil {
		return err
	}
	if err := os.Rename(temporary, addressFile); err != nil {
		return err
	}
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer cancel()
	<-ctx.Done()
	stop, done := context.WithTimeout(context.Background(), patience)
	defer done()
	return n.Stop(stop)
}

// child is a server in a process of its own.
type child struct {
	client
	cmd    *exec.Cmd
	exited chan error
}

// startChild starts a server in a process of its own.
func (w *world) startChild(set ...string) *child {
	w.t.Helper()
	settings, err := json.Marshal(append(w.overrides(), set...))
	if err != nil {
		w.t.Fatal(err)
	}
	program, err := os.Executable()
	if err != nil {
		w.t.Fatal(err)
	}
	address := filepath.Join(w.t.TempDir(), "address")
	cmd := exec.Command(program) // it is killed by the test, or with it
	cmd.Env = append(os.Environ(), childEnv+"="+string(settings), addrEnv+"="+address)
	cmd.Stderr = &prefixed{w: testLogWriter(w.t)}
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	c := &child{cmd: cmd, exited: make(chan error, 1), client: client{t: w.t}}
	go func() { c.exited <- cmd.Wait() }()
	w.t.Cleanup(func() { _ = cmd.Process.Kill() }) // it is gone already, as a rule
	await(w.t, "the child's address", func() (string, bool) {
		select {
		case err := <-c.exited:
			w.t.Fatalf("the child ended at its start: %v", err)
		default:
		}
		b, err := os.ReadFile(address)
		c.address = string(b)
		return "no address yet", err == nil
	})
	return c
}

// kill ends the child as a crash does, and waits until it is gone.
func (c *child) kill() {
	c.t.Helper()
	if err := c.cmd.Process.Kill(); err != nil {
		c.t.Fatal(err)
	}
	<-c.exited
}

// terminate asks the child to stop and waits until it has.
func (c *child) terminate() {
	c.t.Helper()
	if err := c.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		c.t.Fatal(err)
	}
	select {
	case err := <-c.exited:
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			c.t.Errorf("the child did not stop in order: %v", err)
		}
	case <-time.After(patience):
		c.t.Fatal("the child did not stop")
	}
}

// prefixed marks the lines of a child's log.
type prefixed struct{ w io.Writer }

func (p *prefixed) Write(b []byte) (int, error) {
	for line := range strings.Lines(string(b)) {
		if _, err := p.w.Write([]byte("child: " + line)); err != nil {
			return 0, err
		}
	}
	return len(b), nil
}
