package actors

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/modelstream/modelserver/messages"
	"github.com/modelstream/modelserver/record"
)

// Models is the door to a node's ModelActors. All methods are safe for
// concurrent use.
type Models struct {
	cfg         Config
	system      *actor.ActorSystem
	supervisor  *actor.PID
	instruments *instruments

	routes   sync.Map     // data type → *route, of all that are known
	serving  sync.Map     // data type → *messages.ModelAccepted, for the metrics only
	count    atomic.Int64 // of routes
	working  atomic.Int64 // ModelActors that are there
	stopping atomic.Bool
	damaged  atomic.Bool
	janitor  *janitor
	siblings siblings
}

// New starts the supervisor. Recover brings back what the store remembers.
func New(system *actor.ActorSystem, cfg Config) (*Models, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	m := &Models{cfg: cfg, system: system}
	var err error
	m.instruments, err = newInstruments(cfg.Meter, func(observe func(*messages.ModelAccepted)) {
		m.serving.Range(func(_, g any) bool {
			observe(g.(*messages.ModelAccepted))
			return true
		})
	}, func() (active, passive int64) {
		active = m.working.Load()
		return active, max(m.count.Load()-active, 0)
	})
	if err != nil {
		return nil, fmt.Errorf("actors: %w", err)
	}
	props := actor.PropsFromProducer(func() actor.Actor {
		return &supervisor{models: m, children: map[string]*child{}, byType: map[string]*child{}}
	}, actor.WithSupervisor(actor.NewOneForOneStrategy(0, 0, stopAlways)))
	if m.supervisor, err = system.Root.SpawnNamed(props, "models"); err != nil {
		return nil, fmt.Errorf("actors: %w", err)
	}
	m.janitor = newJanitor(m)
	return m, nil
}

// Score hands a batch to the ModelActor of its data type. A *record.Scored comes
// back to replyTo, unless an actor dies meanwhile: replyTo keeps a deadline and
// may send the same batch again.
func (m *Models) Score(b *record.Batch, replyTo *actor.PID) {
	if r := m.route(b.DataType); r != nil {
		r.send(m.system, m.supervisor, b, replyTo)
		return
	}
	// Nobody has published a model of this data type: records alone do not spawn
	// actors.
	m.system.Root.Send(replyTo, &record.Scored{Batch: b, Err: record.ErrNoModel})
}

// Offer hands a descriptor to the ModelActor of its data type. One
// *messages.ModelOutcome comes back to replyTo (if any) when it is settled.
func (m *Models) Offer(d *messages.ModelDescriptor, from *messages.Source, replyTo *actor.PID) {
	if reason := m.refuse(d); reason != "" {
		if replyTo != nil {
			m.system.Root.Send(replyTo, &messages.ModelOutcome{
				Source: from, DataType: d.GetDataType(), Outcome: messages.ModelOutcome_REJECTED, Reason: reason,
			})
		}
		return
	}
	m.know(d.GetDataType()).send(m.system, m.supervisor, &offer{descriptor: d, from: from, replyTo: replyTo}, nil)
}

// refuse checks what no ModelActor should have to see.
func (m *Models) refuse(d *messages.ModelDescriptor) string {
	data := d.GetContent()
	inline, isInline := data.(*messages.ModelDescriptor_Data)
	switch {
	case d.GetDataType() == "":
		return "data_type is empty: it says which records the model scores"
	case len(d.GetDataType()) > maxDataType:
		return fmt.Sprintf("data_type is longer than %d bytes", maxDataType)
	case data == nil || (isInline && len(inline.Data) == 0) || (!isInline && d.GetLocation() == ""):
		return "neither data nor location is set: there is no model in it"
	case isInline && len(inline.Data) > m.cfg.MaxArtifactSize:
		return fmt.Sprintf("the model is %d bytes, more than the %d allowed by value; publish it by location", len(inline.Data), m.cfg.MaxArtifactSize)
	case d.GetEffectiveFromMs() < 0:
		return fmt.Sprintf("effective_from_ms is %d: it is a record's timestamp in milliseconds since 1970, or 0", d.GetEffectiveFromMs())
	case m.route(d.GetDataType()) == nil && !m.room():
		return fmt.Sprintf("there are %d data types already, as many as are allowed", m.cfg.MaxDataTypes)
	}
	return ""
}

const maxDataType = 256

// room says that one more data type may come.
func (m *Models) room() bool { return m.count.Load() < int64(m.cfg.MaxDataTypes) }

// Recover brings back what the store remembers of these data types (all that it
// has, as a rule): it waits until what served before serves again, or cannot, and
// reports how many there were. Damaged says afterwards whether anything could not
// be read. Where models are loaded on demand it only reads.
func (m *Models) Recover(ctx context.Context, dataTypes []string) (int, error) {
	if m.cfg.Activation == OnDemand {
		return m.inspect(ctx, dataTypes)
	}
	done := make(chan error, len(dataTypes))
	for _, id := range dataTypes {
		m.know(id).send(m.system, m.supervisor, &awaitRecovery{done: done}, nil)
	}
	for i := range dataTypes {
		select {
		case <-ctx.Done():
			return i, ctx.Err()
		case err := <-done:
			if err != nil {
				return i, err
			}
		}
	}
	return len(dataTypes), nil
}

// Damaged says that stored state was lost or could not be read since the start:
// the models topic should be read from its beginning.
func (m *Models) Damaged() bool { return m.damaged.Load() }

// inspect makes data types known that have no ModelActor until the first record
// comes, and looks whether what is stored of them can be read.
func (m *Models) inspect(ctx context.Context, dataTypes []string) (int, error) {
	work := make(chan string)
	var readers sync.WaitGroup
	for range min(len(dataTypes), 8) {
		readers.Go(func() {
			for dataType := range work {
				r := m.stored(ctx, dataType)
				if r.err != nil || len(r.damaged) > 0 {
					m.cfg.Logger.Error("what is stored of a data type cannot be read, or not all of it; the models topic is read from its beginning",
						"data_type", dataType, "err", r.err, "damaged", len(r.damaged))
					m.reportDamage()
				}
			}
		})
	}
	defer readers.Wait()
	defer close(work)
	for i, dataType := range dataTypes {
		m.know(dataType)
		select {
		case work <- dataType:
		case <-ctx.Done():
			return i, ctx.Err()
		}
	}
	return len(dataTypes), nil
}

// ErrUnknownDataType says that no model was ever published for a data type.
var ErrUnknownDataType = errors.New("no model was ever published for this data type")

// State returns a data type's state, from its ModelActor or, where it is passive,
// from the store.
func (m *Models) State(ctx context.Context, dataType string) (*messages.ModelState, error) {
	r := m.route(dataType)
	if r == nil {
		return nil, ErrUnknownDataType
	}
	return m.await(ctx, r, m.query(ctx, r))
}

// States returns all states, sorted by data type.
func (m *Models) States(ctx context.Context) (*messages.ModelStates, error) {
	names := m.DataTypes()
	futures := make([]*actor.Future, len(names))
	for i, name := range names {
		futures[i] = m.query(ctx, m.route(name))
	}
	all := &messages.ModelStates{}
	for i, f := range futures {
		s, err := m.await(ctx, m.route(names[i]), f)
		if err != nil {
			return nil, err
		}
		all.Models = append(all.Models, s)
	}
	return all, nil
}

// query asks a ModelActor for its state, or returns nil when there is none.
func (m *Models) query(ctx context.Context, r *route) *actor.Future {
	if r.active() == nil && r.inHand.Load() == 0 {
		return nil
	}
	future := actor.NewFuture(m.system, remaining(ctx))
	r.send(m.system, m.supervisor, &stateQuery{}, future.PID())
	return future
}

func (m *Models) await(ctx context.Context, r *route, f *actor.Future) (*messages.ModelState, error) {
	if f == nil {
		return m.passiveState(ctx, r.dataType)
	}
	s, err := result[*messages.ModelState](f)
	if err != nil {
		return nil, fmt.Errorf("asking the ModelActor of %q: %w", r.dataType, err)
	}
	return s, nil
}

// DataTypes lists the data types that are known, with or without a ModelActor,
// sorted.
func (m *Models) DataTypes() []string {
	var names []string
	m.routes.Range(func(k, _ any) bool {
		names = append(names, k.(string))
		return true
	})
	slices.Sort(names)
	return names
}

// Stop writes last snapshots and stops all actors. Batches that are still in
// flight are not answered: stop the ingestion first.
func (m *Models) Stop(ctx context.Context) error {
	m.stopping.Store(true)
	m.janitor.stop()
	var names []string
	var futures []*actor.Future
	for _, name := range m.DataTypes() {
		if pid := m.route(name).active(); pid != nil { // who left has left nothing to write
			names = append(names, name)
			futures = append(futures, m.system.Root.RequestFuture(pid, &flush{}, remaining(ctx)))
		}
	}
	var errs []error
	for i, f := range futures {
		if r, err := result[*flushed](f); err != nil {
			errs = append(errs, fmt.Errorf("last snapshot of %q: %w", names[i], err))
		} else if r.err != nil {
			errs = append(errs, fmt.Errorf("last snapshot of %q: %w", names[i], r.err))
		}
	}
	stopped := m.system.Root.StopFuture(m.supervisor)
	done := make(chan error, 1)
	go func() { done <- stopped.Wait() }()
	select {
	case err := <-done:
		errs = append(errs, err)
	case <-ctx.Done():
		errs = append(errs, fmt.Errorf("stopping the actors: %w", ctx.Err()))
	}
	return errors.Join(errs...)
}

// route returns the way to a data type's ModelActor, or nil when nothing is known
// of the data type.
func (m *Models) route(dataType string) *route {
	if r, ok := m.routes.Load(dataType); ok {
		return r.(*route)
	}
	return nil
}

// know makes a data type known.
func (m *Models) know(dataType string) *route {
	r, known := m.routes.LoadOrStore(dataType, &route{dataType: dataType})
	if !known {
		m.count.Add(1)
	}
	return r.(*route)
}

func (m *Models) reportDamage() { m.damaged.Store(true) }

// remaining is the time left of ctx, or ten seconds where it has no end.
func remaining(ctx context.Context) time.Duration {
	if d, ok := ctx.Deadline(); ok {
		return max(time.Until(d), time.Millisecond)
	}
	return 10 * time.Second
}

func result[T any](f *actor.Future) (T, error) {
	var none T
	r, err := f.Result()
	if err != nil {
		return none, err
	}
	t, ok := r.(T)
	if !ok {
		return none, fmt.Errorf("unexpected answer %T", r)
	}
	return t, nil
}
