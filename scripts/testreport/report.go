package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"
)

// event is a line of `go test -json`.
type event struct {
	Action      string
	Package     string
	ImportPath  string // of build output
	Test        string
	Output      string
	FailedBuild string
}

// test names a test of a package; the name "" stands for the package itself.
type test struct{ pkg, name string }

// skip is a test that did not run.
type skip struct {
	test
	reason string
}

type report struct {
	out    io.Writer
	begin  time.Time
	output map[test]*strings.Builder // of tests that have not ended
	seeds  map[string]string         // by package: the flag that repeats the order of its tests
	passed int
	failed bool
	skips  []skip
}

func newReport(out io.Writer) *report {
	return &report{out: out, begin: time.Now(), output: make(map[test]*strings.Builder), seeds: make(map[string]string)}
}

func (r *report) read(in io.Reader) error {
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			r.line(line)
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// line takes what is no event for a message of the go command.
func (r *report) line(line []byte) {
	var e event
	if err := json.Unmarshal(line, &e); err != nil {
		fmt.Fprintf(r.out, "%s", line)
		return
	}
	r.event(e)
}

func (r *report) event(e event) {
	id := test{e.Package, e.Test}
	switch e.Action {
	case "output":
		r.print(id, e.Output)
	case "build-output":
		fmt.Fprint(r.out, e.Output)
	case "pass":
		if e.Test != "" {
			r.passed++
		}
		delete(r.output, id)
	case "skip":
		if e.Test != "" {
			r.skips = append(r.skips, skip{id, reason(r.take(id))})
		}
	case "fail":
		r.failed = true
		if e.Test == "" {
			r.flush(e.Package) // tests that a panic or the time limit cut off
			fmt.Fprint(r.out, r.seeds[e.Package])
		} else {
			fmt.Fprint(r.out, r.take(id))
		}
	case "build-fail":
		r.failed = true
	}
}

// print shows a package's output at once and keeps a test's until it is known
// whether anybody needs it.
func (r *report) print(id test, output string) {
	if id.name != "" {
		if r.output[id] == nil {
			r.output[id] = new(strings.Builder)
		}
		r.output[id].WriteString(output)
		return
	}
	switch {
	case output == "PASS\n":
	case strings.HasPrefix(output, "-test.shuffle "):
		r.seeds[id.pkg] = output
	default:
		fmt.Fprint(r.out, output)
	}
}

func (r *report) take(id test) string {
	b := r.output[id]
	if b == nil {
		return ""
	}
	delete(r.output, id)
	return b.String()
}

func (r *report) flush(pkg string) {
	for id := range r.output {
		if id.pkg == pkg {
			fmt.Fprint(r.out, r.take(id))
		}
	}
}

var place = regexp.MustCompile(`^\S+\.go:\d+: `)

// reason is what a test said before it skipped.
func reason(output string) string {
	var said []string
	for line := range strings.Lines(output) {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "=== ") && !strings.HasPrefix(line, "--- ") {
			said = append(said, place.ReplaceAllString(line, ""))
		}
	}
	return cmp.Or(strings.Join(said, " "), "gave no reason")
}

func (r *report) summary() {
	fmt.Fprintf(r.out, "\n%d tests passed in %s, %d skipped\n",
		r.passed, time.Since(r.begin).Round(time.Second), len(r.skips))
	slices.SortFunc(r.skips, func(a, b skip) int {
		return cmp.Or(strings.Compare(a.pkg, b.pkg), strings.Compare(a.name, b.name))
	})
	for _, s := range r.skips {
		fmt.Fprintf(r.out, "SKIP\t%s %s: %s\n", s.pkg, s.name, s.reason)
	}
}
