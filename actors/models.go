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

	pids     sync.Map // data type → *actor.PID
	serving  sync.Map // data type → *messages.ModelAccepted, for the metrics only
	count    atomic.Int64
	stopping atomic.Bool
	damaged  atomic.Bool
	janitor  *janitor
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
	})
	if err != nil {
		return nil, fmt.Errorf("actors: %w", err)
	}
	props := actor.PropsFromProducer(func() actor.Actor {
		return &supervisor{models: m, children: map[string]*child{}}
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
	if pid := m.lookup(b.DataType); pid != nil {
		m.system.Root.RequestWithCustomSender(pid, b, replyTo)
		return
	}
	// Nobody has published a model of this data type. Records alone do not
	// spawn actors, unless they are to wait for one.
	if m.cfg.Hold && m.room() {
		m.system.Root.Send(m.supervisor, &ensure{dataType: b.DataType, message: b, sender: replyTo})
		return
	}
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
	o := &offer{descriptor: d, from: from, replyTo: replyTo}
	if pid := m.lookup(d.GetDataType()); pid != nil {
		m.system.Root.Send(pid, o)
		return
	}
	m.system.Root.Send(m.supervisor, &ensure{dataType: d.GetDataType(), message: o})
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
	case m.lookup(d.GetDataType()) == nil && !m.room():
		return fmt.Sprintf("there are %d data types already, as many as are allowed", m.cfg.MaxDataTypes)
	}
	return ""
}

const maxDataType = 256

// room says that one more data type may come.
func (m *Models) room() bool { return m.count.Load() < int64(m.cfg.MaxDataTypes) }

// Recover spawns a ModelActor for each of these data types (all that the store
// remembers, as a rule) and waits until what served before serves again, or cannot. It reports how many
// there were. Damage says afterwards whether anything could not be read.
func (m *Models) Recover(ctx context.Context, dataTypes []string) (int, error) {
	done := make(chan error, len(dataTypes))
	for _, id := range dataTypes {
		m.system.Root.Send(m.supervisor, &ensure{dataType: id, message: &awaitRecovery{done: done}})
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

// ErrUnknownDataType says that there is no ModelActor for a data type.
var ErrUnknownDataType = errors.New("no model was ever published for this data type")

// State asks a data type's ModelActor for its state.
func (m *Models) State(ctx context.Context, dataType string) (*messages.ModelState, error) {
	pid := m.lookup(dataType)
	if pid == nil {
		return nil, ErrUnknownDataType
	}
	return ask[*messages.ModelState](ctx, m.system, pid, &stateQuery{})
}

// States asks all ModelActors, sorted by data type.
func (m *Models) States(ctx context.Context) (*messages.ModelStates, error) {
	names := m.DataTypes()
	futures := make([]*actor.Future, len(names))
	for i, name := range names {
		if pid := m.lookup(name); pid != nil {
			futures[i] = m.system.Root.RequestFuture(pid, &stateQuery{}, remaining(ctx))
		}
	}
	all := &messages.ModelStates{}
	for i, f := range futures {
		s, err := result[*messages.ModelState](f)
		if err != nil {
			return nil, fmt.Errorf("asking the ModelActor of %q: %w", names[i], err)
		}
		all.Models = append(all.Models, s)
	}
	return all, nil
}

// DataTypes lists the data types that have a ModelActor, sorted.
func (m *Models) DataTypes() []string {
	var names []string
	m.pids.Range(func(k, _ any) bool {
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
	names := m.DataTypes()
	futures := make([]*actor.Future, len(names))
	for i, name := range names {
		futures[i] = m.system.Root.RequestFuture(m.lookup(name), &flush{}, remaining(ctx))
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

func (m *Models) lookup(dataType string) *actor.PID {
	if pid, ok := m.pids.Load(dataType); ok {
		return pid.(*actor.PID)
	}
	return nil
}

// add makes a ModelActor known to the router.
func (m *Models) add(dataType string, pid *actor.PID) {
	if _, known := m.pids.Swap(dataType, pid); !known {
		m.count.Add(1)
	}
}

func (m *Models) reportDamage() { m.damaged.Store(true) }

// remaining is the time left of ctx, or ten seconds where it has no end.
func remaining(ctx context.Context) time.Duration {
	if d, ok := ctx.Deadline(); ok {
		return max(time.Until(d), time.Millisecond)
	}
	return 10 * time.Second
}

func ask[T any](ctx context.Context, system *actor.ActorSystem, pid *actor.PID, message any) (T, error) {
	return result[T](system.Root.RequestFuture(pid, message, remaining(ctx)))
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
