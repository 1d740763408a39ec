package node

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/modelstream/modelserver/api"
)

// progressEvery is the time between two log lines about a step of the start that
// takes long.
const progressEvery = 10 * time.Second

// Start listens for HTTP and begins to bring the node up. It returns while that
// goes on; see [Node.ReadyForRecords].
func (n *Node) Start() error {
	if n.cfg.HTTP.Listen != "" {
		s, err := api.Start(api.Config{
			Listen: n.cfg.HTTP.Listen, RequestTimeout: n.cfg.HTTP.RequestTimeout, MaxConnections: n.cfg.HTTP.MaxConnections,
			Models: queries{n.actors}, Progress: n.records, Health: n, Metrics: n.telemetry.handler(), Version: n.version(), Log: n.log,
		})
		if err != nil {
			return err
		}
		n.http = s
		n.log.Info("serving HTTP", "address", s.Addr())
	}
	ctx, cancel := context.WithCancel(context.Background())
	n.halt, n.brought = cancel, make(chan struct{})
	go func() {
		defer close(n.brought)
		if err := n.bringUp(ctx); err != nil && ctx.Err() == nil {
			n.phase.enter("start failed: " + err.Error())
			n.log.Error("the node cannot start scoring", "err", err)
		}
	}()
	return nil
}

// bringUp recovers the models, reads the models topic up to its end, then starts
// on the records.
func (n *Node) bringUp(ctx context.Context) error {
	began := time.Now()
	if err := n.restoreStore(ctx); err != nil {
		return err
	}
	n.phase.enter("recovering the stored models")
	recovered := n.recover(ctx)

	n.phase.enter("reading the models topic")
	if err := n.spawn(n.models.Props(), "ingest/models"); err != nil {
		return err
	}
	if err := n.awaitModels(ctx); err != nil {
		return err
	}
	n.acknowledgeDamage(ctx)
	if err := n.spawn(n.records.Props(), "ingest/records"); err != nil {
		return err
	}
	n.phase.enter("")
	close(n.ready)
	n.log.Info("reading records", "node", n.name, "data_types_recovered", recovered,
		"data_types", len(n.actors.DataTypes()), "took", time.Since(began).Round(time.Millisecond))
	return nil
}

// recover brings back what the store remembers. What it cannot read is read from
// the models topic again.
func (n *Node) recover(ctx context.Context) int {
	names, err := n.ids.dataTypes(ctx, n.store)
	if err != nil {
		n.log.Error("the store cannot list its data types; what it remembers is read from the models topic", "err", err)
		n.lost.Store(true)
	}
	recovered, err := n.actors.Recover(ctx, names)
	if err != nil && ctx.Err() == nil {
		n.log.Error("not all data types could be recovered", "err", err)
	}
	return recovered
}

// awaitModels waits until the models topic is read up to where it ended.
func (n *Node) awaitModels(ctx context.Context) error {
	tick := time.NewTicker(progressEvery)
	defer tick.Stop()
	for {
		select {
		case <-n.models.CaughtUp():
			return nil
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
			n.log.Info("still reading the models topic; records are read afterwards", "topic", n.cfg.Kafka.Models.Topic, "in_the_way", n.models.Health())
		}
	}
}

func (n *Node) spawn(props *actor.Props, name string) error {
	pid, err := n.system.Root.SpawnNamed(props.Configure(actor.WithGuardian(&restarting{n.log})), name)
	if err != nil {
		return fmt.Errorf("spawning %s: %w", name, err)
	}
	n.ingestion = append(n.ingestion, pid)
	return nil
}

// Run starts the node, serves until ctx ends or something fatal happens, and
// stops it within the drain timeout.
func (n *Node) Run(ctx context.Context) error {
	if err := n.Start(); err != nil {
		n.discard()
		return err
	}
	var fatal error
	select {
	case <-ctx.Done():
	case fatal = <-n.failed:
		n.log.Error("the server cannot go on", "err", fatal)
	}
	n.log.Info("stopping: finishing what is under way", "at_most", n.cfg.Node.DrainTimeout)
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), n.cfg.Node.DrainTimeout)
	defer cancel()
	err := errors.Join(fatal, n.Stop(stop))
	if err == nil {
		n.log.Info("stopped")
	}
	return err
}

// Stop drains the node: readiness goes, polling ends, what is in flight is
// finished and committed, last snapshots are written. What could not be done
// before ctx ended is in the error.
func (n *Node) Stop(ctx context.Context) error {
	n.phase.enter("stopping")
	n.halt()
	if n.brought != nil {
		<-n.brought
	}
	var errs []error
	add := func(what string, err error) {
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", what, err))
		}
	}
	add("draining records", n.records.Drain(ctx))
	add("closing the models topic", n.models.Close(ctx))
	for _, pid := range n.ingestion {
		n.stopActor(ctx, pid)
	}
	add("stopping the models", n.actors.Stop(ctx))
	add("closing the store", n.store.Close())
	if n.http != nil {
		add("stopping HTTP", n.http.Stop(ctx))
	}
	add("closing the metrics", n.telemetry.provider.Shutdown(ctx))
	n.system.Shutdown()
	return errors.Join(errs...)
}

func (n *Node) stopActor(ctx context.Context, pid *actor.PID) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = n.system.Root.StopFuture(pid).Wait() // it gives up by itself
	}()
	select {
	case <-done:
	case <-ctx.Done():
	}
}
