package main_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/modelstream/modelserver/cmd/modelserver/cli"
	"github.com/modelstream/modelserver/kafka/kafkatest"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"modelserver": func() { os.Exit(cli.Main(os.Args[1:], os.Environ(), os.Stdout, os.Stderr)) },
	})
}

// TestScripts runs testdata/script: each is a session at the command line.
// $WINE is the folder of the wine example. A script that begins with the line
// "# kafka" has a broker at $BROKERS, with the topics of the defaults.
func TestScripts(t *testing.T) {
	example, err := filepath.Abs("../../examples/wine")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			env.Setenv("WINE", example)
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("XDG_CACHE_HOME", env.WorkDir)
			return setUpKafka(t, env)
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){"exits": exits, "columns": columns},
		Condition: func(cond string) (bool, error) {
			if cond == "short" {
				return testing.Short(), nil
			}
			return false, errors.New("unknown condition " + cond)
		},
	})
}

func setUpKafka(t *testing.T, env *testscript.Env) error {
	name := strings.TrimPrefix(filepath.Base(env.WorkDir), "script-")
	script, err := os.ReadFile(filepath.Join("testdata/script", name+".txtar"))
	if err != nil || !strings.HasPrefix(string(script), "# kafka") {
		return err
	}
	c, err := kafkatest.NewFake()
	if err != nil {
		return err
	}
	env.Defer(c.Close)
	for topic, partitions := range map[string]int{"wine-records": 4, "wine-results": 4, "other-results": 4, "models": 1, "modelserver-dead-letters": 1} {
		if err := kafkatest.CreateTopic(t.Context(), c.ListenAddrs(), topic, partitions, nil); err != nil {
			return err
		}
	}
	env.Setenv("BROKERS", strings.Join(c.ListenAddrs(), ","))
	return nil
}

// exits CODE COMMAND … runs a command that ends with that exit code. Its output
// is in the files stdout and stderr.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND [ARGUMENT …]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// columns A B checks that each line of file A, a CSV file, has the cells of the
// same line of file B in the columns of the same names, numbers to within 1e-6.
// B's column "row" says which line of A, from 0, is meant.
func columns(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: columns FILE FILE")
	}
	a, b := table(ts, args[0]), table(ts, args[1])
	compared := 0
	for _, want := range b[1:] {
		line, err := strconv.Atoi(want[0])
		ts.Check(err)
		got := a[line+1]
		for i, name := range b[0][1:] {
			at := slices.Index(a[0], name)
			if at < 0 {
				ts.Fatalf("%s has no column %q", args[0], name)
			}
			x, err := strconv.ParseFloat(got[at], 64)
			ts.Check(err)
			y, err := strconv.ParseFloat(want[i+1], 64)
			ts.Check(err)
			if d := x - y; d > 1e-6 || d < -1e-6 {
				ts.Fatalf("row %d, column %s: %v, want %v", line, name, x, y)
			}
			compared++
		}
	}
	if compared == 0 {
		ts.Fatalf("nothing was compared")
	}
}

func table(ts *testscript.TestScript, name string) [][]string {
	var rows [][]string
	for line := range strings.Lines(ts.ReadFile(name)) {
		rows = append(rows, strings.Split(strings.TrimSpace(line), ","))
	}
	return rows
}
