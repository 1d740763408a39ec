package server_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/modelstream/modelserver/faults/server"
)

// script is a server that is a shell script.
func script(t *testing.T, text string) *server.Server {
	t.Helper()
	program := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(program, []byte("#!/bin/sh\n"+text), 0o700); err != nil {
		t.Fatal(err)
	}
	s, err := server.New(server.Config{
		Program: program, Dir: t.TempDir(), Name: "s1",
		Settings: server.Settings{"kafka.group.id": "g", "kafka.brokers": []string{"a:1"}, "node.name": "other"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func patience(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

const serves = `echo '{"msg":"serving HTTP","address":"127.0.0.1:1"}'; `

// started waits until the script has said its address: the request itself fails.
func started(t *testing.T, s *server.Server) {
	t.Helper()
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Get(patience(t), "/"); err == nil || !strings.Contains(err.Error(), "refused") {
		t.Fatalf("the error is %v", err)
	}
}

func TestConfiguration(t *testing.T) {
	s := script(t, `cat "$3"`)
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	if err := s.AwaitReady(patience(t)); err == nil {
		t.Error("a script that has ended is ready")
	}
	for _, want := range []string{"    brokers:", "    group:\n        id: g", "listen: 127.0.0.1:0", "format: json", "name: other", "/data"} {
		if !strings.Contains(s.LogTail(), want) {
			t.Errorf("the configuration has no %q:\n%s", want, s.LogTail())
		}
	}
}

func TestStopAndStartAgain(t *testing.T) {
	s := script(t, "trap 'exit 0' TERM; "+serves+"while :; do sleep 0.01; done")
	for range 2 {
		started(t, s)
		if err := s.Stop(patience(t)); err != nil {
			t.Fatal(err)
		}
		if s.Running() {
			t.Fatal("it runs")
		}
	}
	if c := s.Complaints(); len(c) > 0 || s.Starts() != 2 {
		t.Errorf("%d starts, complaints: %q", s.Starts(), c)
	}
}

func TestStopIsNotHeard(t *testing.T) {
	s := script(t, "trap '' TERM; "+serves+"while :; do sleep 0.01; done")
	started(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Stop(ctx); err == nil || !strings.Contains(err.Error(), "was killed") {
		t.Errorf("the error is %v", err)
	}
}

// A process that could not do what it should before its end is counted.
func TestUncleanStop(t *testing.T) {
	s := script(t, "trap 'exit 1' TERM; "+serves+"while :; do sleep 0.01; done")
	started(t, s)
	if err := s.Stop(patience(t)); err != nil {
		t.Fatal(err)
	}
	if c := s.Complaints(); len(c) > 0 || s.UncleanStops() != 1 {
		t.Errorf("%d unclean stops, complaints: %q", s.UncleanStops(), c)
	}
}

// A frozen process is killed all the same.
func TestFreezeContinueKill(t *testing.T) {
	s := script(t, serves+"exec sleep 1000")
	started(t, s)
	for _, f := range []func() error{s.Freeze, s.Continue, s.Freeze} {
		if err := f(); err != nil {
			t.Fatal(err)
		}
	}
	if !s.Running() {
		t.Fatal("it does not run")
	}
	s.Kill()
	if err := s.Continue(); err == nil {
		t.Error("a process that is gone goes on")
	}
	if c := s.Complaints(); len(c) > 0 {
		t.Errorf("complaints: %q", c)
	}
}

func TestComplaints(t *testing.T) {
	for name, tt := range map[string]struct{ script, want string }{
		"ends by itself": {"exit 0", "ended by itself with <nil>"},
		"fails":          {"exit 66", "ended by itself with exit status 66"},
		"panics":         {"echo 'panic: oh'; exit 2", "panic: oh"},
		"races":          {"echo 'WARNING: DATA RACE'; exit 0", "DATA RACE"},
	} {
		t.Run(name, func(t *testing.T) {
			s := script(t, tt.script)
			if err := s.Start(); err != nil {
				t.Fatal(err)
			}
			if err := s.AwaitReady(patience(t)); err == nil {
				t.Error("it is ready")
			}
			if c := strings.Join(s.Complaints(), "\n"); !strings.Contains(c, tt.want) {
				t.Errorf("the complaints are %q, without %q", c, tt.want)
			}
		})
	}
}
