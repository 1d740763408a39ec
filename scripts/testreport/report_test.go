package main

import (
	"strings"
	"testing"
)

func TestReport(t *testing.T) {
	const ci, local = true, false
	for _, tt := range []struct {
		name   string
		events string
		ci     bool
		ok     bool
		shows  []string
		hides  []string
	}{
		{
			name: "passed: the package's line only",
			events: `{"Action":"output","Package":"p","Test":"TestA","Output":"    a_test.go:1: chatter\n"}
{"Action":"pass","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Output":"-test.shuffle 42\n"}
{"Action":"output","Package":"p","Output":"PASS\n"}
{"Action":"output","Package":"p","Output":"ok  \tp\t0.1s\n"}
{"Action":"pass","Package":"p"}`,
			ci: ci, ok: true,
			shows: []string{"ok  \tp\t0.1s\n", "1 tests passed", "0 skipped"},
			hides: []string{"chatter", "shuffle"},
		},
		{
			name: "failed: the test's output and how to repeat the order",
			events: `{"Action":"output","Package":"p","Output":"-test.shuffle 42\n"}
{"Action":"output","Package":"p","Test":"TestA","Output":"    a_test.go:1: got 1, want 2\n"}
{"Action":"fail","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Output":"FAIL\tp\t0.1s\n"}
{"Action":"fail","Package":"p"}`,
			ci: local, ok: false,
			shows: []string{"got 1, want 2", "FAIL\tp", "-test.shuffle 42"},
		},
		{
			name: "cut off by a panic: what the test had said",
			events: `{"Action":"output","Package":"p","Test":"TestA","Output":"panic: at the disco\n"}
{"Action":"fail","Package":"p"}`,
			ci: local, ok: false,
			shows: []string{"at the disco"},
		},
		{
			name: "does not build",
			events: `{"Action":"build-output","ImportPath":"p","Output":"x.go:1:1: undefined: y\n"}
{"Action":"build-fail","ImportPath":"p"}`,
			ci: local, ok: false,
			shows: []string{"undefined: y"},
		},
		{
			name: "skipped: named with its reason, tolerated locally",
			events: `{"Action":"output","Package":"p","Test":"TestA","Output":"=== RUN   TestA\n"}
{"Action":"output","Package":"p","Test":"TestA","Output":"    a_test.go:1: no broker\n"}
{"Action":"output","Package":"p","Test":"TestA","Output":"--- SKIP: TestA (0.00s)\n"}
{"Action":"skip","Package":"p","Test":"TestA"}`,
			ci: local, ok: true,
			shows: []string{"SKIP\tp TestA: no broker\n"},
		},
		{
			name:   "skipped in CI: a failure",
			events: `{"Action":"skip","Package":"p","Test":"TestA"}`,
			ci:     ci, ok: false,
			shows: []string{"SKIP\tp TestA: gave no reason\n"},
		},
		{
			name:   "a package without tests is no skip",
			events: `{"Action":"skip","Package":"p"}`,
			ci:     ci, ok: true,
		},
		{
			name:   "messages of the go command pass through",
			events: `go: downloading x v1`,
			ci:     local, ok: true,
			shows: []string{"go: downloading x v1"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out strings.Builder
			ok, err := run(strings.NewReader(tt.events), &out, tt.ci)
			if err != nil {
				t.Fatal(err)
			}
			if ok != tt.ok {
				t.Errorf("ok: %v, want %v", ok, tt.ok)
			}
			for _, s := range tt.shows {
				if !strings.Contains(out.String(), s) {
					t.Errorf("does not show %q:\n%s", s, out.String())
				}
			}
			for _, s := range tt.hides {
				if strings.Contains(out.String(), s) {
					t.Errorf("shows %q:\n%s", s, out.String())
				}
			}
		})
	}
}
