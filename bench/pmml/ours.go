package main

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/modelstream/modelserver/model"
	"github.com/modelstream/modelserver/model/pmml"
)

// ours is a document in our engine, with the records as batches.
type ours struct {
	model   *pmml.Model
	batches []model.Batch
	rows    int
	out     model.Batch
	bytes   int64
	seconds float64
	memory  int64 // bytes of the heap that the model keeps
}

func loadOurs(path string, records *table, batch int) (*ours, error) {
	doc, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	before := heap()
	start := time.Now()
	m, err := pmml.Load(context.Background(), bytes.NewReader(doc), pmml.Options{})
	if err != nil {
		return nil, err
	}
	o := &ours{model: m, rows: len(records.rows), bytes: int64(len(doc)), seconds: time.Since(start).Seconds()}
	o.memory = max(0, heap()-before)
	runtime.KeepAlive(doc) // or the model seems smaller by it
	for lo := 0; lo < len(records.rows); lo += batch {
		rows := records.rows[lo:min(lo+batch, len(records.rows))]
		var b model.Batch
		b.Reset(m.Signature().Inputs, len(rows))
		for i, f := range m.Signature().Inputs {
			at := records.column(f.Name)
			if at < 0 {
				return nil, fmt.Errorf("the wines have no %q", f.Name)
			}
			for r, row := range rows {
				if b.Columns[i].Float64[r], err = strconv.ParseFloat(row[at], 64); err != nil {
					return nil, err
				}
			}
		}
		o.batches = append(o.batches, b)
	}
	return o, nil
}

func heap() int64 {
	runtime.GC()
	runtime.GC() // twice: pools keep what they hold through the first
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// inputs is the records under the names that the document has for them.
func (o *ours) inputs(records *table) *table {
	var t table
	var at []int
	for _, f := range o.model.Signature().Inputs {
		t.names = append(t.names, f.Name)
		at = append(at, records.column(f.Name))
	}
	for _, row := range records.rows {
		var cells []string
		for _, i := range at {
			cells = append(cells, row[i])
		}
		t.rows = append(t.rows, cells)
	}
	return &t
}

// time scores all batches again and again and returns nanoseconds of this
// thread's processor time per record.
func (o *ours) time(slice time.Duration) (float64, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	records := 0
	start := threadTime()
	for {
		for range 8 {
			for i := range o.batches {
				if err := o.model.Score(context.Background(), &o.batches[i], &o.out); err != nil {
					return 0, err
				}
			}
			records += o.rows
		}
		if d := threadTime() - start; d >= slice {
			return float64(d.Nanoseconds()) / float64(records), nil
		}
	}
}

// threadTime is the processor time that the thread has used.
func threadTime() time.Duration {
	const thread = 1 // RUSAGE_THREAD
	var u syscall.Rusage
	if err := syscall.Getrusage(thread, &u); err != nil {
		panic(err) // the arguments are constants
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// What may differ: of the interpreter the last digits of exp, which Java leaves
// open; of the transpiler those of single precision, whose sums it makes in
// another order.
const (
	tolerance           = 1e-12
	toleranceTranspiled = 1e-5
)

// compare checks every output in every row.
func (o *ours) compare(p *peer, mode string) error {
	near := tolerance
	if mode == transpiled {
		near = toleranceTranspiled
	}
	want, err := p.results(mode)
	if err != nil {
		return err
	}
	row := 0
	for i := range o.batches {
		if err := o.model.Score(context.Background(), &o.batches[i], &o.out); err != nil {
			return err
		}
		for r := range o.batches[i].Rows {
			if err := o.out.Err(r); err != nil {
				return err
			}
			for c, f := range o.model.Signature().Outputs {
				at := want.column(f.Name)
				if at < 0 {
					return fmt.Errorf("JPMML %s has no %q", mode, f.Name)
				}
				if got := o.out.Columns[c].Value(r); !equal(got, want.rows[row][at], near) {
					return fmt.Errorf("row %d: %q is %v, JPMML %s says %s", row, f.Name, got, mode, want.rows[row][at])
				}
			}
			row++
		}
	}
	return nil
}

func equal(got any, want string, near float64) bool {
	x, ok := got.(float64)
	if !ok {
		return fmt.Sprint(got) == want
	}
	if w, err := strconv.ParseFloat(want, 32); err == nil && x == w {
		return true // a float, which Java writes shorter
	}
	w, err := strconv.ParseFloat(want, 64)
	return err == nil && math.Abs(x-w) <= near*max(1, math.Abs(w))
}

// table is a file with a header.
type table struct {
	names []string
	rows  [][]string
}

func readWines() (*table, error) { return readTable("examples/wine/wine.csv", ',') }

func readTable(path string, comma rune) (*table, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	lines := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
	t := &table{names: strings.Split(lines[0], string(comma))}
	for _, line := range lines[1:] {
		t.rows = append(t.rows, strings.Split(line, string(comma)))
	}
	return t, nil
}

func (t *table) write(path string) error {
	var b strings.Builder
	for _, line := range append([][]string{t.names}, t.rows...) {
		b.WriteString(strings.Join(line, "\t"))
		b.WriteByte('\n')
	}
	return os.WriteFile(path, []byte(b.String()), 0o600)
}

// column finds a name; documents spell the wines' names in different ways.
func (t *table) column(name string) int {
	for i, n := range t.names {
		if n == name || squash(n) == squash(name) {
			return i
		}
	}
	return -1
}

// squash leaves letters and digits, unless there are brackets: probability(3).
func squash(name string) string {
	return strings.NewReplacer(" ", "", "_", "", "-", "", ".", "").Replace(strings.ToLower(name))
}
