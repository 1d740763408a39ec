// Swaps shows what a thousand swaps of each model type leave behind: goroutines,
// file descriptors and memory of the process, before and after.
//
//	make bench-swaps
//
// It runs the real actors over the file store, without Kafka: each swap is a
// descriptor that is accepted, stored, loaded, verified, warmed and promoted,
// then a batch that the new generation scores. Two models of each type take
// turns. The first hundred swaps are not counted: they fill pools and caches.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"go.opentelemetry.io/otel/metric/noop"

	"github.com/modelstream/modelserver/actors"
	"github.com/modelstream/modelserver/bench/internal/winerows"
	"github.com/modelstream/modelserver/examples/wine"
	"github.com/modelstream/modelserver/messages"
	"github.com/modelstream/modelserver/model/all"
	"github.com/modelstream/modelserver/persistence/file"
	"github.com/modelstream/modelserver/record"
)

func main() {
	n := flag.Int("n", 1000, "swaps of each model type")
	flag.Parse()
	if err := run(*n); err != nil {
		fmt.Fprintln(os.Stderr, "swaps:", err)
		os.Exit(1)
	}
}

func run(n int) error {
	manifest, err := wine.ReadManifest(wine.Files(), wine.ManifestFile)
	if err != nil {
		return err
	}
	byType := map[string][]wine.Model{}
	for _, m := range manifest.Models {
		if m.Rejected == "" {
			byType[m.Type] = append(byType[m.Type], m)
		}
	}
	fmt.Printf("%d swaps of each model type; %s, %s\n\n", n, time.Now().Format(time.DateOnly), runtime.Version())
	fmt.Println("| model type | ms a swap | goroutines | file descriptors | RSS, MiB | Go heap, MiB |")
	fmt.Println("|---|---|---|---|---|---|")
	for _, kind := range []string{"pmml", "tensorflow", "tensorflow-saved"} {
		if err := swaps(kind, byType[kind], n); err != nil {
			return fmt.Errorf("%s: %w", kind, err)
		}
	}
	return nil
}

// usage is what the process holds.
type usage struct {
	goroutines, descriptors int
	rss, heap               float64 // MiB
}

func measure() usage {
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	u := usage{goroutines: runtime.NumGoroutine(), heap: float64(m.HeapAlloc) / (1 << 20)}
	if fds, err := os.ReadDir("/proc/self/fd"); err == nil {
		u.descriptors = len(fds)
	}
	if data, err := os.ReadFile("/proc/self/statm"); err == nil {
		if f := strings.Fields(string(data)); len(f) > 1 {
			pages, _ := strconv.ParseFloat(f[1], 64)
			u.rss = pages * float64(os.Getpagesize()) / (1 << 20)
		}
	}
	return u
}

func swaps(kind string, models []wine.Model, n int) error {
	s, err := newServer()
	if err != nil {
		return err
	}
	defer s.close()
	artifacts := make([][]byte, len(models))
	for i, m := range models {
		if artifacts[i], err = fs.ReadFile(wine.Files(), m.File); err != nil {
			return err
		}
	}
	var before usage
	var start time.Time
	for i := range n + 100 {
		if i == 100 {
			before, start = measure(), time.Now()
		}
		m := models[i%len(models)]
		artifact, options := vary(m, artifacts[i%len(models)], i)
		d := &messages.ModelDescriptor{
			Name: m.Name, Version: strconv.Itoa(i), DataType: "wine", Type: m.Type, Options: options,
			Content: &messages.ModelDescriptor_Data{Data: artifact},
		}
		if err := s.swap(d, int64(i)); err != nil {
			return fmt.Errorf("swap %d, %s: %w", i, m.Name, err)
		}
	}
	each := time.Since(start).Seconds() * 1e3 / float64(n)
	after := measure()
	fmt.Printf("| %s | %.1f | %d → %d | %d → %d | %.0f → %.0f | %.1f → %.1f |\n", kind, each,
		before.goroutines, after.goroutines, before.descriptors, after.descriptors,
		before.rss, after.rss, before.heap, after.heap)
	return nil
}

// vary makes a model differ from the one before it, so that none is a duplicate:
// by a comment in a document, by the way to read the output of a graph.
func vary(m wine.Model, artifact []byte, i int) ([]byte, map[string]string) {
	if m.Type == "pmml" {
		return append(bytes.Clone(artifact), fmt.Sprintf("<!-- %d -->\n", i)...), m.Options
	}
	options := maps.Clone(m.Options)
	if options == nil {
		options = map[string]string{}
	}
	if i%2 == 1 {
		options["result"] = "raw"
		delete(options, "labels")
	}
	return artifact, options
}

// server is the actors with this program in place of Kafka.
type server struct {
	dir      string
	store    *file.Store
	system   *actor.ActorSystem
	models   *actors.Models
	inbox    *actor.PID
	outcomes chan *messages.ModelOutcome
	scored   chan *record.Scored
	source   *record.Source
	records  []record.Raw
}

func newServer() (*server, error) {
	s := &server{
		outcomes: make(chan *messages.ModelOutcome, 1), scored: make(chan *record.Scored, 1),
		source: &record.Source{Topic: "wine-records", Format: record.Wine()},
	}
	payloads, err := winerows.Payloads()
	if err != nil {
		return nil, err
	}
	for _, p := range payloads[:256] {
		s.records = append(s.records, record.Raw{Payload: p})
	}
	if s.dir, err = os.MkdirTemp("", "swaps-"); err != nil {
		return nil, err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	if s.store, err = file.Open(file.Config{Dir: filepath.Join(s.dir, "store")}); err != nil {
		return nil, err
	}
	types, err := all.Registry(all.Config{})
	if err != nil {
		return nil, err
	}
	s.system = actor.NewActorSystem(actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger { return log }))
	s.models, err = actors.New(s.system, actors.Config{
		Types: types, Store: s.store, Formats: []*record.Format{s.source.Format}, Results: record.ResultProtobuf,
		Meter: noop.NewMeterProvider().Meter(""), Logger: log,
	})
	if err != nil {
		return nil, err
	}
	s.inbox = s.system.Root.Spawn(actor.PropsFromFunc(func(ctx actor.Context) {
		switch m := ctx.Message().(type) {
		case *messages.ModelOutcome:
			s.outcomes <- m
		case *record.Scored:
			s.scored <- m
		}
	}))
	return s, nil
}

func (s *server) swap(d *messages.ModelDescriptor, offset int64) error {
	s.models.Offer(d, &messages.Source{Topic: "models", Offset: offset}, s.inbox)
	if o := <-s.outcomes; o.GetOutcome() != messages.ModelOutcome_PROMOTED {
		return fmt.Errorf("%v: %s", o.GetOutcome(), o.GetReason())
	}
	s.models.Score(&record.Batch{
		DataType: "wine", Source: s.source, Records: s.records, Deadline: time.Now().Add(10 * time.Second),
	}, s.inbox)
	r := <-s.scored
	if r.Err != nil {
		return r.Err
	}
	if len(r.Failures) > 0 {
		return r.Failures[0].Err
	}
	return nil
}

func (s *server) close() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	err := errors.Join(s.models.Stop(ctx), s.store.Close(), os.RemoveAll(s.dir))
	s.system.Shutdown()
	if err != nil {
		fmt.Fprintln(os.Stderr, "swaps: stopping:", err)
	}
}
