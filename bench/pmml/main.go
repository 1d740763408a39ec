// Pmml compares the PMML engine with JPMML-evaluator, interpreted and
// transpiled, on documents over the demo's wines.
//
//	make bench-pmml
//
// The three take turns in one run, one thread each; what counts is the processor
// time of the scoring thread, which other processes do not disturb much. Before
// anything is timed, all results of the three are compared. The table that it
// prints is Markdown: medians of the rounds.
package main

import (
	"context"
	"flag"
	"fmt"
	"math"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// config is what the command line says.
type config struct {
	jars   string
	rounds int
	slice  time.Duration
	warmUp time.Duration
	batch  int
}

func main() {
	var c config
	flag.StringVar(&c.jars, "jars", "", "the folder with JPMML's jars")
	flag.IntVar(&c.rounds, "rounds", 7, "rounds; the table has their medians")
	flag.DurationVar(&c.slice, "slice", 300*time.Millisecond, "processor time of a measurement")
	flag.DurationVar(&c.warmUp, "warm-up", 2*time.Second, "processor time without progress before the first one, for Java's compilers")
	flag.IntVar(&c.batch, "batch", 256, "records in a batch of ours")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := c.run(ctx, flag.Args())
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench/pmml:", err)
		os.Exit(1)
	}
}

// How JPMML evaluates.
const (
	interpreted = "interpreted"
	transpiled  = "transpiled"
)

// line is one document's figures, in nanoseconds of a record and seconds.
type line struct {
	name                          string
	bytes                         int64
	ours, interpreted, transpiled float64
	load, loadInterpreted         float64
	memoryInterpreted             float64
	loadMemory                    int64
	different                     string // why results are not compared, or ""
}

func (c *config) run(ctx context.Context, documents []string) error {
	records, err := readWines()
	if err != nil {
		return err
	}
	p, err := startPeer(ctx, c.jars)
	if err != nil {
		return err
	}
	defer p.close()
	var lines []line
	for _, d := range documents {
		fmt.Fprintf(os.Stderr, "%s …\n", filepath.Base(d))
		l, err := c.document(p, d, records)
		if err != nil {
			return fmt.Errorf("%s: %w", d, err)
		}
		lines = append(lines, *l)
	}
	printTable(ctx, c, lines)
	return nil
}

// document checks and times one document.
func (c *config) document(p *peer, path string, records *table) (*line, error) {
	l := &line{name: strings.TrimSuffix(filepath.Base(path), ".pmml")}
	o, err := loadOurs(path, records, c.batch)
	if err != nil {
		return nil, err
	}
	l.bytes, l.load, l.loadMemory = o.bytes, o.seconds, o.memory
	if err := p.rows(o.inputs(records)); err != nil {
		return nil, err
	}
	if l.loadInterpreted, l.memoryInterpreted, err = p.load(interpreted, path); err != nil {
		return nil, err
	}
	if err := o.compare(p, interpreted); err != nil {
		return nil, err
	}
	modes := []string{interpreted}
	if _, _, err := p.load(transpiled, path); err != nil {
		l.different = err.Error()
	} else {
		if err := o.compare(p, transpiled); err != nil {
			return nil, err
		}
		modes = append(modes, transpiled)
	}
	for _, m := range modes {
		if err := c.warm(p, m); err != nil {
			return nil, err
		}
	}
	samples := map[string][]float64{}
	for range c.rounds {
		ns, err := o.time(c.slice)
		if err != nil {
			return nil, err
		}
		samples["ours"] = append(samples["ours"], ns)
		for _, m := range modes {
			if ns, err = p.time(m, c.slice); err != nil {
				return nil, err
			}
			samples[m] = append(samples[m], ns)
		}
	}
	l.ours, l.interpreted, l.transpiled = median(samples["ours"]), median(samples[interpreted]), median(samples[transpiled])
	return l, p.drop()
}

// warm runs JPMML until it gets no faster: its compilers work beside it, and
// slowly where the processors are busy.
func (c *config) warm(p *peer, mode string) error {
	const patience, most = 5, 60 // slices without progress, and in all
	best, since := math.Inf(1), 0
	slice := c.warmUp / patience
	for range most {
		ns, err := p.time(mode, slice)
		if err != nil {
			return err
		}
		if since++; ns < 0.97*best {
			best, since = ns, 0
		}
		if since >= patience {
			break
		}
	}
	return nil
}

func median(x []float64) float64 {
	if len(x) == 0 {
		return 0
	}
	slices.Sort(x)
	return x[len(x)/2]
}
