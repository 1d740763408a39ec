package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
)

type options struct {
	server     string
	model      string
	records    int
	rounds     int
	partitions int
	compress   string
	commit     string
	deliveries []string
	processes  []int
	bare       bool
	seeds      string
	in, out    string
}

func main() {
	var o options
	flag.StringVar(&o.server, "server", "bin/modelserver", "the server's binary (make build)")
	flag.StringVar(&o.model, "model", "", "PMML file to serve; empty: the wine forest of examples/wine")
	flag.IntVar(&o.records, "records", 2_000_000, "records of one run")
	flag.IntVar(&o.rounds, "rounds", 3, "runs of each side")
	flag.IntVar(&o.partitions, "partitions", 4, "partitions of each topic")
	flag.StringVar(&o.compress, "compression", "snappy", "of what both sides produce: none, lz4, snappy or zstd")
	flag.StringVar(&o.commit, "commit", "100ms", "how often offsets are committed, by all sides")
	deliveries := flag.String("delivery", "at-least-once,exactly-once", "the server's deliveries to measure")
	processes := flag.String("processes", "1", "numbers of server processes to measure, as in 1,2,3")
	flag.BoolVar(&o.bare, "bare", false, "be the bare loop: copy -in to -out and exit at the end (used by itself)")
	flag.StringVar(&o.seeds, "seeds", "", "with -bare: the broker")
	flag.StringVar(&o.in, "in", "", "with -bare: the topic to read")
	flag.StringVar(&o.out, "out", "", "with -bare: the topic to write")
	flag.Parse()
	o.deliveries = strings.Split(*deliveries, ",")
	for _, p := range strings.Split(*processes, ",") {
		n, err := strconv.Atoi(p)
		if err != nil || n < 1 {
			fmt.Fprintf(os.Stderr, "throughput: -processes %q: numbers, as in 1,2,3\n", *processes)
			os.Exit(2)
		}
		o.processes = append(o.processes, n)
	}

	if err := run(o); err != nil {
		fmt.Fprintln(os.Stderr, "throughput:", err)
		os.Exit(1)
	}
}

func run(o options) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if o.bare {
		return copyTopic(ctx, o)
	}
	return compare(ctx, o)
}
