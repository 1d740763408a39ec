package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/modelstream/modelserver/kafka/kafkatest"
)

const dataTopic = "wine-records"

// compare runs the bare loop and the server in turn and prints the medians.
func compare(ctx context.Context, o options) error {
	fmt.Fprintf(os.Stderr, "starting a broker and writing %d wine records …\n", o.records)
	broker, err := kafkatest.Start(ctx, kafkatest.Config{Throughput: true})
	if err != nil {
		return err
	}
	defer broker.Close()
	seeds := broker.Seeds(kafkatest.Plaintext)
	if err := kafkatest.CreateTopic(ctx, seeds, dataTopic, o.partitions, nil); err != nil {
		return err
	}
	if err := fill(ctx, seeds, o); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "throughput-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b := &bench{options: o, broker: broker, seeds: seeds, dir: dir}
	client, err := kgo.NewClient(kgo.SeedBrokers(seeds...))
	if err != nil {
		return err
	}
	defer client.Close()
	b.client = client

	var bare, server []figures
	for round := range o.rounds {
		for _, side := range []struct {
			name string
			run  func(context.Context, string) (figures, error)
			into *[]figures
		}{{"bare loop", b.runBare, &bare}, {"server", b.runServer, &server}} {
			f, err := side.run(ctx, fmt.Sprintf("out-%d-%d", round, len(bare)+len(server)))
			if err != nil {
				return fmt.Errorf("%s: %w", side.name, err)
			}
			fmt.Fprintf(os.Stderr, "round %d  %-9s  %s\n", round+1, side.name, f)
			*side.into = append(*side.into, f)
		}
	}
	report(os.Stdout, o, bare, server)
	return nil
}

// bench is what all runs share.
type bench struct {
	options
	broker *kafkatest.Broker
	seeds  []string
	dir    string
	client *kgo.Client
}

func (b *bench) runBare(ctx context.Context, out string) (figures, error) {
	if err := kafkatest.CreateTopic(ctx, b.seeds, out, b.partitions, nil); err != nil {
		return figures{}, err
	}
	self, err := os.Executable()
	if err != nil {
		return figures{}, err
	}
	cmd := exec.CommandContext(ctx, self, "-bare", "-seeds", b.seeds[0], "-in", dataTopic, "-out", out, "-compression", b.compress)
	return b.measure(ctx, cmd, out)
}

func (b *bench) runServer(ctx context.Context, out string) (figures, error) {
	models := "models-" + out
	for topic, partitions := range map[string]int{out: b.partitions, models: 1, "dead-" + out: 1} {
		if err := kafkatest.CreateTopic(ctx, b.seeds, topic, partitions, nil); err != nil {
			return figures{}, err
		}
	}
	model, err := readModel(b.model)
	if err != nil {
		return figures{}, err
	}
	if err := kafkatest.ProduceRecords(ctx, b.seeds, models, kafkatest.Record{Value: model}); err != nil {
		return figures{}, err
	}
	config := filepath.Join(b.dir, out+".yaml")
	if err := os.WriteFile(config, []byte(fmt.Sprintf(serverConfig, b.seeds[0], dataTopic, models, out, "dead-"+out, out, b.compress, filepath.Join(b.dir, out))), 0o600); err != nil {
		return figures{}, err
	}
	cmd := exec.CommandContext(ctx, b.server, "serve", "--config", config)
	f, err := b.measure(ctx, cmd, out)
	if err != nil {
		return figures{}, err
	}
	return f, b.check(ctx, out)
}

const serverConfig = `
kafka:
  brokers: [%q]
  records: {topics: [{topic: %q, format: wine, data_type: {from: field, name: data_type}}]}
  models: {topic: %q}
  results: {topic: %q}
  dead_letters: {topic: %q}
  group: {id: %q}
  producer: {compression: %q}
persistence: {dir: %q}
http: {listen: ""}
log: {level: warn}
`

// measure runs a client process and watches its result topic grow.
func (b *bench) measure(ctx context.Context, cmd *exec.Cmd, out string) (figures, error) {
	cmd.Stderr = os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 20 * time.Second
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return figures{}, err
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait() // it is asked to stop; what it did is seen in its topic
	}()
	f, err := b.watch(ctx, cmd.Process.Pid, out, start, ended)
	_ = cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-ended:
	case <-time.After(30 * time.Second):
		_ = cmd.Process.Kill()
		<-ended
	}
	f.peakMiB = float64(cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss) / 1024
	return f, err
}

// watch samples the topic's size: figures are taken between a fifth and all of
// the records.
func (b *bench) watch(ctx context.Context, pid int, out string, start time.Time, ended <-chan struct{}) (figures, error) {
	var from sample
	deadline := time.Now().Add(5 * time.Minute)
	for {
		n, err := size(ctx, b.client, out, b.partitions)
		if err != nil {
			return figures{}, err
		}
		now := sample{at: time.Now(), records: n, client: cpu(pid), broker: cpu(b.broker.PID())}
		switch {
		case from.at.IsZero() && n >= int64(b.records/5):
			from = now
		case n >= int64(b.records):
			f := now.since(from)
			f.total = now.at.Sub(start)
			return f, nil
		case time.Now().After(deadline):
			return figures{}, fmt.Errorf("only %d of %d results after 5 minutes", n, b.records)
		}
		select {
		case <-ended:
			return figures{}, errors.New("the process ended early; see what it printed above")
		case <-time.After(10 * time.Millisecond):
		}
	}
}
