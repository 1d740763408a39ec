// Restore shows how long a server takes to come back from each store: a thousand
// data types, each with a PMML document of 20 KB.
//
//	make bench-restore
//
// It fills a store through the real actors, closes everything, and begins anew,
// without Kafka: opens the store, recovers, scores a batch. Models are either all
// loaded at the start (eager) or each with its first record (on demand). The
// clock starts before the store is opened. The stores that need a server get one
// on this machine, which runs and writes to disk as in production; it was up
// before, and what it has in memory stays there.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/modelstream/modelserver/actors"
)

func main() {
	n := flag.Int("n", 1000, "data types")
	only := flag.String("stores", "", "the kinds of stores, separated by commas; all if empty")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, *n, *only)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "restore:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, n int, only string) error {
	w, err := newWorkload(n)
	if err != nil {
		return err
	}
	fmt.Printf("%d data types, a PMML document of %.1f KB each; %s, %s, %d cores\n\n",
		n, float64(len(w.document))/1000, time.Now().Format(time.DateOnly), runtime.Version(), runtime.NumCPU())
	fmt.Println("| store | filled, s | eager: recovered, s | first score, s | on demand: recovered, s | first score, s |")
	fmt.Println("|---|---|---|---|---|---|")
	for _, k := range kinds() {
		if only != "" && !strings.Contains(","+only+",", ","+k.name+",") {
			continue
		}
		if err := w.measure(ctx, k); err != nil {
			return fmt.Errorf("%s: %w", k.name, err)
		}
	}
	return nil
}

// measure fills a store and restores from it.
func (w *workload) measure(ctx context.Context, k kind) (err error) {
	p, err := k.prepare(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.remove()) }()

	began := time.Now()
	s, err := w.open(ctx, p, actors.Eager)
	if err != nil {
		return err
	}
	err = s.publish(ctx)
	if err := errors.Join(err, s.close()); err != nil {
		return fmt.Errorf("filling it: %w", err)
	}
	filled := time.Since(began)
	eager, err := w.restore(ctx, p, actors.Eager)
	if err != nil {
		return err
	}
	demand, err := w.restore(ctx, p, actors.OnDemand)
	if err != nil {
		return err
	}
	fmt.Printf("| %s | %.1f | %.2f | %.2f | %.2f | %.2f |\n", k.title, filled.Seconds(),
		eager.recovered.Seconds(), eager.scored.Seconds(), demand.recovered.Seconds(), demand.scored.Seconds())
	return nil
}

// times are since before the store was opened.
type times struct{ recovered, scored time.Duration }

// restore begins anew on what a place holds, and checks that it is all.
func (w *workload) restore(ctx context.Context, p *place, activation actors.Activation) (times, error) {
	var t times
	began := time.Now()
	s, err := w.open(ctx, p, activation)
	if err != nil {
		return t, err
	}
	err = s.recover(ctx)
	t.recovered = time.Since(began)
	if err == nil {
		err = s.score(w.dataTypes[len(w.dataTypes)/2])
		t.scored = time.Since(began)
	}
	if err == nil {
		err = s.check(ctx)
	}
	return t, errors.Join(err, s.close())
}
