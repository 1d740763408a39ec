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

	sides := b.sides()
	for round := range o.rounds {
		for i := range sides {
			side := &sides[i]
			f, err := side.run(ctx, fmt.Sprintf("out-%d-%d", round, i))
			if err != nil {
				return fmt.Errorf("%s: %w", side.name, err)
			}
			fmt.Fprintf(os.Stderr, "round %d  %-44s  %s\n", round+1, side.name, f)
			side.runs = append(side.runs, f)
		}
	}
	report(os.Stdout, o, sides)
	return nil
}

// side is one of those that are compared, with what its runs have shown.
type side struct {
	name string
	run  func(ctx context.Context, out string) (figures, error)
	runs []figures
}

// sides returns what runs in turn: the bare loop, then the server with each
// delivery, in each number of processes.
func (b *bench) sides() []side {
	sides := []side{{name: "bare consume → produce loop", run: b.runBare}}
	for _, n := range b.processes {
		for _, delivery := range b.deliveries {
			name := "modelserver, " + delivery
			if n > 1 {
				name += fmt.Sprintf(", %d processes", n)
			}
			sides = append(sides, side{name: name, run: func(ctx context.Context, out string) (figures, error) {
				return b.runServers(ctx, out, delivery, n)
			}})
		}
	}
	return sides
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
	cmd := exec.CommandContext(ctx, self, "-bare", "-seeds", b.seeds[0], "-in", dataTopic, "-out", out, "-compression", b.compress, "-commit", b.commit)
	return b.measure(ctx, []*exec.Cmd{cmd}, out)
}

func (b *bench) runServers(ctx context.Context, out, delivery string, processes int) (figures, error) {
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
	var cmds []*exec.Cmd
	for i := range processes {
		node := fmt.Sprintf("%s-%d", out, i)
		config := filepath.Join(b.dir, node+".yaml")
		text := fmt.Sprintf(serverConfig, node, b.seeds[0], b.commit, dataTopic, models, out, "dead-"+out, out, b.compress,
			delivery, "progress-"+out, filepath.Join(b.dir, node))
		if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
			return figures{}, err
		}
		cmds = append(cmds, exec.CommandContext(ctx, b.server, "serve", "--config", config))
	}
	f, err := b.measure(ctx, cmds, out)
	if err != nil {
		return figures{}, err
	}
	return f, b.check(ctx, out)
}

const serverConfig = `
node: {name: %q}
kafka:
  brokers: [%q]
  records: {commit_interval: %s, topics: [{topic: %q, format: wine, data_type: {from: field, name: data_type}}]}
  models: {topic: %q}
  results: {topic: %q}
  dead_letters: {topic: %q}
  group: {id: %q}
  producer: {compression: %q}
  delivery: %s
  progress: {topic: %q}
store: {dir: %q}
http: {listen: ""}
log: {level: warn}
`

// measure runs client processes and watches their result topic grow.
func (b *bench) measure(ctx context.Context, cmds []*exec.Cmd, out string) (figures, error) {
	start := time.Now()
	ended := make(chan struct{}, len(cmds))
	for i, cmd := range cmds {
		cmd.Stderr = os.Stderr
		cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
		cmd.WaitDelay = 20 * time.Second
		if err := cmd.Start(); err != nil {
			stop(cmds[:i])
			return figures{}, err
		}
		go func() {
			_ = cmd.Wait() // it is asked to stop; what it did is seen in its topic
			ended <- struct{}{}
		}()
	}
	f, err := b.watch(ctx, cmds, out, start, ended)
	stop(cmds)
	late := time.AfterFunc(30*time.Second, func() {
		for _, cmd := range cmds {
			_ = cmd.Process.Kill()
		}
	})
	defer late.Stop()
	for range len(cmds) - len(f.ended) {
		<-ended
	}
	for _, cmd := range cmds {
		f.peakMiB += float64(cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss) / 1024
	}
	return f, err
}

func stop(cmds []*exec.Cmd) {
	for _, cmd := range cmds {
		_ = cmd.Process.Signal(syscall.SIGTERM)
	}
}

// watch samples the topic's size: figures are taken between a fifth and all of
// the records.
func (b *bench) watch(ctx context.Context, cmds []*exec.Cmd, out string, start time.Time, ended <-chan struct{}) (figures, error) {
	var from sample
	deadline := time.Now().Add(5 * time.Minute)
	for {
		n, err := size(ctx, b.client, out, b.partitions)
		if err != nil {
			return figures{}, err
		}
		now := sample{at: time.Now(), records: n, broker: cpu(b.broker.PID())}
		for _, cmd := range cmds {
			now.client += cpu(cmd.Process.Pid)
		}
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
		case e := <-ended:
			return figures{ended: []struct{}{e}}, errors.New("a process ended early; see what it printed above")
		case <-time.After(10 * time.Millisecond):
		}
	}
}
