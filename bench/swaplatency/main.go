// Swaplatency shows what a swap costs the records that come meanwhile: the
// server scores wine records that arrive at a steady rate while a new model is
// published every few seconds, and the time from a record's creation to the
// append of its result is compared around the swaps and between them.
//
//	make bench-swap-latency
//
// The result topic takes the broker's append time, so the server is not asked
// how long it took. The generation in each result, in the order of each result
// partition, tells whether an old model ever scored after a new one.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"
	"time"

	"github.com/modelstream/modelserver/kafka/kafkatest"
)

type options struct {
	server     string
	rate       int
	seconds    int
	every      time.Duration
	partitions int
}

func main() {
	var o options
	flag.StringVar(&o.server, "server", "bin/modelserver", "the server's binary (make build)")
	flag.IntVar(&o.rate, "rate", 100_000, "records a second")
	flag.IntVar(&o.seconds, "seconds", 40, "how long")
	flag.DurationVar(&o.every, "every", 4*time.Second, "time between two models")
	flag.IntVar(&o.partitions, "partitions", 4, "partitions of the topics")
	flag.Parse()
	if err := run(o); err != nil {
		fmt.Fprintln(os.Stderr, "swaplatency:", err)
		os.Exit(1)
	}
}

const (
	recordsTopic = "wine-records"
	modelsTopic  = "models"
	resultsTopic = "wine-results"
	deadTopic    = "dead-letters"
)

const serverConfig = `
kafka:
  brokers: [%q]
  records: {topics: [{topic: wine-records, format: wine, data_type: {from: field, name: data_type}}]}
  models: {topic: models}
  results: {topic: wine-results}
  dead_letters: {topic: dead-letters}
  group: {id: swap-latency}
store: {dir: %q}
http: {listen: ""}
log: {level: warn}
`

func run(o options) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	fmt.Fprintln(os.Stderr, "starting a broker and the server …")
	broker, err := kafkatest.Start(ctx, kafkatest.Config{Throughput: true})
	if err != nil {
		return err
	}
	defer broker.Close()
	seeds := broker.Seeds(kafkatest.Plaintext)
	for topic, n := range map[string]int{recordsTopic: o.partitions, modelsTopic: 1, deadTopic: 1} {
		if err := kafkatest.CreateTopic(ctx, seeds, topic, n, nil); err != nil {
			return err
		}
	}
	if err := kafkatest.CreateTopic(ctx, seeds, resultsTopic, o.partitions, map[string]string{"message.timestamp.type": "LogAppendTime"}); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "swaplatency-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	config := filepath.Join(dir, "server.yaml")
	if err := os.WriteFile(config, fmt.Appendf(nil, serverConfig, seeds[0], filepath.Join(dir, "state")), 0o600); err != nil {
		return err
	}
	server := exec.CommandContext(ctx, o.server, "serve", "--config", config)
	server.Stderr = os.Stderr
	if err := server.Start(); err != nil {
		return err
	}
	defer func() {
		_ = server.Process.Signal(syscall.SIGTERM)
		_ = server.Wait()
	}()
	l, err := newLoad(ctx, o, seeds)
	if err != nil {
		return err
	}
	defer l.close()
	fmt.Fprintf(os.Stderr, "%d records a second for %d s, a new model every %v …\n", o.rate, o.seconds, o.every)
	sent, err := l.run(ctx)
	if err != nil {
		return err
	}
	r := newReading(o.partitions)
	if err := kafkatest.FollowRecords(ctx, seeds, resultsTopic, func(k kafkatest.Record) bool { return r.add(k) < sent }); err != nil {
		return err
	}
	return r.report(o, sent)
}

// report prints the percentiles around the swaps and between them.
func (r *reading) report(o options, sent int) error {
	if r.err != nil {
		return r.err
	}
	around, between := r.split()
	if len(around) == 0 || len(between) == 0 {
		return fmt.Errorf("no swap was seen among %d results", sent)
	}
	fmt.Printf("\n%d results at %d records/s, %d swaps; %s, %d processors, %s\n\n", sent, o.rate, len(r.swaps),
		time.Now().Format(time.DateOnly), runtime.NumCPU(), runtime.Version())
	fmt.Println("| created → result appended, ms | p50 | p99 | p99.9 | results |")
	fmt.Println("|---|---|---|---|---|")
	for _, row := range []struct {
		name string
		ms   []int32
	}{{"between swaps", between}, {"within 500 ms of a swap", around}} {
		slices.Sort(row.ms)
		fmt.Printf("| %s | %d | %d | %d | %d |\n", row.name, at(row.ms, .5), at(row.ms, .99), at(row.ms, .999), len(row.ms))
	}
	fmt.Printf("\np99 around a swap is %.2f times that between swaps. Results of an older generation after a newer one: %d.\n",
		float64(at(around, .99))/float64(max(at(between, .99), 1)), r.regressions)
	return nil
}

func at(sorted []int32, q float64) int32 {
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}
