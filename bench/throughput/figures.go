package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// sample is a moment of a run.
type sample struct {
	at             time.Time
	records        int64
	client, broker time.Duration // processor time so far
}

// figures are what one run showed.
type figures struct {
	rate           float64 // records a second
	client, broker float64 // processor time, µs a record
	peakMiB        float64 // of the client's process
	total          time.Duration
	ended          []struct{} // processes that ended before they were told to
}

func (s sample) since(from sample) figures {
	n := float64(s.records - from.records)
	return figures{
		rate:   n / s.at.Sub(from.at).Seconds(),
		client: float64((s.client - from.client).Microseconds()) / n,
		broker: float64((s.broker - from.broker).Microseconds()) / n,
	}
}

func (f figures) String() string {
	return fmt.Sprintf("%7.0f k records/s  %.2f µs client  %.2f µs broker  %.0f MiB", f.rate/1e3, f.client, f.broker, f.peakMiB)
}

// median takes the median of each figure by itself.
func median(runs []figures) figures {
	of := func(get func(figures) float64) float64 {
		v := make([]float64, len(runs))
		for i, f := range runs {
			v[i] = get(f)
		}
		slices.Sort(v)
		return v[len(v)/2]
	}
	return figures{
		rate:    of(func(f figures) float64 { return f.rate }),
		client:  of(func(f figures) float64 { return f.client }),
		broker:  of(func(f figures) float64 { return f.broker }),
		peakMiB: of(func(f figures) float64 { return f.peakMiB }),
	}
}

func report(w io.Writer, o options, sides []side) {
	fmt.Fprintf(w, "\n%d wine records a run, %d rounds, %d partitions, %s, a commit each %s; %s, %d processors, %s\n\n",
		o.records, o.rounds, o.partitions, o.compress, o.commit, time.Now().Format(time.DateOnly), runtime.NumCPU(), runtime.Version())
	fmt.Fprintln(w, "| | records/s | of the bare loop | client CPU, µs a record | broker CPU, µs a record | peak MiB | spread of the rate |")
	fmt.Fprintln(w, "|---|---|---|---|---|---|---|")
	bare := median(sides[0].runs)
	for _, s := range sides {
		m := median(s.runs)
		fmt.Fprintf(w, "| %s | %.0f k | %.0f %% | %.2f | %.2f | %.0f | %s |\n",
			s.name, m.rate/1e3, 100*m.rate/bare.rate, m.client, m.broker, m.peakMiB, spread(s.runs))
	}
}

func spread(runs []figures) string {
	lo, hi := runs[0].rate, runs[0].rate
	for _, f := range runs {
		lo, hi = min(lo, f.rate), max(hi, f.rate)
	}
	return fmt.Sprintf("%.0f–%.0f k", lo/1e3, hi/1e3)
}

// size is the number of records in a topic: the sum of its end offsets.
func size(ctx context.Context, client *kgo.Client, topic string, partitions int) (int64, error) {
	req := kmsg.NewPtrListOffsetsRequest()
	req.ReplicaID = -1
	t := kmsg.NewListOffsetsRequestTopic()
	t.Topic = topic
	for p := range partitions {
		rp := kmsg.NewListOffsetsRequestTopicPartition()
		rp.Partition, rp.Timestamp = int32(p), -1
		t.Partitions = append(t.Partitions, rp)
	}
	req.Topics = append(req.Topics, t)
	var sum int64
	for _, shard := range client.RequestSharded(ctx, req) {
		if shard.Err != nil {
			return 0, shard.Err
		}
		for _, rt := range shard.Resp.(*kmsg.ListOffsetsResponse).Topics {
			for _, rp := range rt.Partitions {
				sum += max(rp.Offset, 0)
			}
		}
	}
	return sum, nil
}

// cpu is the processor time that a process has used, from /proc.
func cpu(pid int) time.Duration {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(data), ") ")
	f := strings.Fields(rest)
	if len(f) < 13 {
		return 0
	}
	user, _ := strconv.ParseInt(f[11], 10, 64)
	system, _ := strconv.ParseInt(f[12], 10, 64)
	return time.Duration(user+system) * (time.Second / 100) // USER_HZ
}
