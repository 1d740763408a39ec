package node

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"strings"
	"sync/atomic"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/modelstream/modelserver/actors"
	"github.com/modelstream/modelserver/api"
	"github.com/modelstream/modelserver/kafka"
	"github.com/modelstream/modelserver/model"
	"github.com/modelstream/modelserver/model/artifact"
	"github.com/modelstream/modelserver/node/config"
	"github.com/modelstream/modelserver/persistence"
	"github.com/modelstream/modelserver/record"
)

// Options are what a node is made of besides its configuration.
type Options struct {
	Types    *model.Registry            // required
	Hosts    map[string]actors.HostFunc // model types with an actor of their own
	Resolver actors.Resolver            // nil: what models.locations allows
	Log      *slog.Logger               // required
	Version  string                     // of the program
	Revision string                     // of its source
}

// Node is one server.
type Node struct {
	cfg     *config.Config
	options Options
	name    string
	log     *slog.Logger

	telemetry *telemetry
	system    *actor.ActorSystem
	ids       storeIDs
	store     persistence.Store
	actors    *actors.Models
	records   *kafka.Records
	models    *kafka.Models
	http      *api.Server // nil without http.listen
	ingestion []*actor.PID

	phase   phase
	ready   chan struct{} // closed when records are read
	halt    func()        // ends what bringUp waits for
	brought chan struct{} // closed when bringUp has returned; nil before Start
	lost    atomic.Bool   // the store could not say what it remembers
	failed  chan error    // has room for the one error that ends Run
}

// New makes a node and everything in it that does not run yet. It opens the
// store, so a node that is not started has to be closed with Stop, too.
func New(cfg *config.Config, o Options) (*Node, error) {
	n := &Node{
		cfg: cfg, options: o, name: cfg.Node.Name, log: o.Log,
		ready: make(chan struct{}), halt: func() {}, failed: make(chan error, 1),
	}
	if n.name == "" {
		host, err := os.Hostname()
		if err != nil {
			return nil, fmt.Errorf("node.name: set it, since this host has no name: %w", err)
		}
		n.name = host
	}
	n.phase.enter("not started")
	if err := n.build(); err != nil {
		n.discard()
		return nil, err
	}
	return n, nil
}

func (n *Node) build() (err error) {
	formats, err := n.cfg.RecordFormats()
	if err != nil {
		return err
	}
	if n.telemetry, err = newTelemetry(); err != nil {
		return err
	}
	n.system = n.telemetry.newSystem(actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger {
		return slog.New(lowered{n.log.Handler()}).With("lib", "protoactor")
	}))
	n.ids = storeIDs{node: n.name, shared: n.cfg.Store.Shared()}
	if n.ids.shared && strings.Contains(n.name, "@") {
		return fmt.Errorf("node.name: %q has an @; set another one, because the store is shared", n.name)
	}
	if n.store, err = n.openStore(context.Background()); err != nil {
		return err
	}
	n.lookForDamage()
	if err := n.buildActors(formats); err != nil {
		return err
	}
	return errors.Join(n.buildIngestion(formats), n.telemetry.observe(n.options.Version, n.IsReady))
}

func (n *Node) buildActors(formats map[string]*record.Format) (err error) {
	results, err := record.ParseResultFormat(n.cfg.Kafka.Results.Format)
	if err != nil {
		return err
	}
	resolver := n.options.Resolver
	if resolver == nil {
		if resolver, err = locations(n.cfg); err != nil {
			return err
		}
	}
	c, m := actors.Config{
		Node: n.name, Types: n.options.Types, Hosts: n.options.Hosts, Store: n.store, Resolver: resolver,
		Fields: map[string]map[string]string{}, Results: results,
		SnapshotEvery: n.cfg.Store.SnapshotEvery, MaxArtifactSize: n.cfg.Kafka.Models.MaxBytes,
		Logger: n.log, Meter: n.telemetry.meter(),
		StoreID: n.ids.of, Fenced: func(_ string, err error) { n.fenced(err) },
	}, n.cfg.Models
	c.MaxDataTypes, c.MaxHeld, c.MaxLoaded, c.Remember, c.IdleAfter = m.MaxDataTypes, m.MaxHeld, m.MaxLoaded, m.Remember, m.IdleAfter
	if m.Activation == config.OnDemandActivation {
		c.Activation = actors.OnDemand
	}
	c.LoadTimeout, c.ScoreTimeout, c.StandbyFor = m.LoadTimeout, m.ScoreTimeout, m.StandbyFor
	for _, f := range formats {
		c.Formats = append(c.Formats, f)
	}
	for name, d := range n.cfg.DataTypes {
		c.Fields[name] = d.Fields
	}
	if n.ids.shared {
		c.DataTypeOf = n.ids.dataType
	}
	n.actors, err = actors.New(n.system, c)
	return err
}

// locations makes what fetches models by location, as far as the configuration
// allows it.
func locations(cfg *config.Config) (*artifact.Resolver, error) {
	l := cfg.Models.Locations
	r, err := artifact.New(artifact.Config{
		FileRoots: l.FileRoots, Hosts: l.Hosts, Buckets: l.Buckets, MaxBytes: int64(l.MaxBytes), Timeout: l.Timeout,
	})
	if err != nil {
		return nil, config.Errors(err)
	}
	return r, nil
}

func (n *Node) buildIngestion(formats map[string]*record.Format) (err error) {
	k := named(n.cfg, n.name)
	n.models, err = kafka.NewModels(kafka.ModelsOptions{
		Config: k, Models: n.actors, Log: n.log, Meter: n.telemetry.meter(),
		Positions: &positions{store: n.store, id: n.ids.of(positionsName), topic: k.Models.Topic, damaged: n.damaged, fenced: n.fenced, log: n.log},
	})
	if err != nil {
		return err
	}
	n.records, err = kafka.NewRecords(kafka.RecordsOptions{
		Config: k, Topics: boundTopics(k.Records.Topics, formats), Scorer: n.actors, Frontier: n.models.Frontier(),
		Log: n.log, Meter: n.telemetry.meter(),
	})
	return err
}

// named returns the Kafka configuration of a node of that name: what tells it
// from the group's other members.
func named(cfg *config.Config, node string) *kafka.Config {
	k := cfg.Kafka
	k.Group.InstanceID = cmp.Or(k.Group.InstanceID, cfg.Node.Name)
	k.Transactions.ID = cmp.Or(k.Transactions.ID, k.Group.ID+"-"+node)
	return &k
}

// damageReporter is a store that notices damage when it is opened, and goes on
// reporting it until somebody has made good for it.
type damageReporter interface {
	Damage() []persistence.DamageError
	AcknowledgeDamage(ctx context.Context) error
}

func (n *Node) lookForDamage() {
	r, ok := n.store.(damageReporter)
	if !ok {
		return
	}
	for _, d := range r.Damage() {
		n.lost.Store(true)
		n.log.Error("the store is damaged; what is missing is read from the models topic", "err", &d)
	}
}

// acknowledgeDamage is called once the models topic was read.
func (n *Node) acknowledgeDamage(ctx context.Context) {
	r, ok := n.store.(damageReporter)
	if !ok || !n.lost.Load() {
		return
	}
	if err := r.AcknowledgeDamage(ctx); err != nil {
		n.log.Warn("the store's damage could not be marked as made good; the models topic is read again at the next start", "err", err)
	}
}

// damaged says that something stored was lost that the models topic still has.
func (n *Node) damaged() bool { return n.lost.Load() || n.actors.Damaged() }

// fenced ends the server: another one writes what it has stored. It goes through
// the usual stop, since what it scores is right all the same.
func (n *Node) fenced(err error) {
	select {
	case n.failed <- fmt.Errorf("another server has taken over the state of node %q: does it have the same node.name? %w", n.name, err):
	default: // it ends already
	}
}

// discard releases what a failed build has opened.
func (n *Node) discard() {
	if n.system != nil {
		n.system.Shutdown()
	}
	if n.store != nil {
		_ = n.store.Close() // the failure of the build is what matters
	}
}

// Addr is the address of the HTTP server, or "" when there is none.
func (n *Node) Addr() string {
	if n.http == nil {
		return ""
	}
	return n.http.Addr()
}

// Models is the door to the node's ModelActors.
func (n *Node) Models() *actors.Models { return n.actors }

// Records is the handle of record ingestion.
func (n *Node) Records() *kafka.Records { return n.records }

// Name is what the node calls itself.
func (n *Node) Name() string { return n.name }

// ReadyForRecords is closed once records are being read.
func (n *Node) ReadyForRecords() <-chan struct{} { return n.ready }

func (n *Node) version() api.Version {
	return api.Version{
		Version: n.options.Version, Revision: n.options.Revision,
		Go: runtime.Version(), ModelTypes: n.options.Types.Names(),
	}
}
