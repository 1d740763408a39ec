package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"golang.org/x/net/netutil"

	"github.com/modelstream/modelserver/messages"
)

// Models is what the API asks of the actors.
type Models interface {
	// State asks the ModelActor of a data type. It returns
	// [ErrUnknownDataType] when there is none, and an error that wraps
	// context.DeadlineExceeded when it does not answer before ctx ends.
	State(ctx context.Context, dataType string) (*messages.ModelState, error)
	// States asks all of them; they come sorted by data type.
	States(ctx context.Context) (*messages.ModelStates, error)
}

// ErrUnknownDataType says that no model was ever published for a data type.
var ErrUnknownDataType = errors.New("no model was ever published for this data type")

// Health is what the probes ask. It answers at once.
type Health interface {
	// Started returns why the start is not over, or nil.
	Started() error
	// Ready returns the parts that must work for records to be scored.
	Ready() []Check
}

// Check is the condition of one part of the server.
type Check struct {
	Part string // "kafka records"
	Err  error  // nil: it works
}

// Version is what is running.
type Version struct {
	Version    string   `json:"version"`
	Revision   string   `json:"revision,omitempty"` // of the source
	Go         string   `json:"go"`
	ModelTypes []string `json:"modelTypes"`
}

// Config is what a [Server] is made of.
type Config struct {
	Listen         string        // host:port
	RequestTimeout time.Duration // the most that one request may take
	MaxConnections int

	Models   Models
	Progress Progress
	Health   Health
	Metrics  http.Handler
	Version  Version
	Log      *slog.Logger
}

// The limits of a connection, beside those of [Config].
const (
	headerTimeout  = 5 * time.Second
	idleTimeout    = 2 * time.Minute
	maxHeaderBytes = 32 << 10
)

// Server serves the API until it is stopped.
type Server struct {
	http     http.Server
	listener net.Listener
	done     chan error
}

// Start listens and serves in the background.
func Start(c Config) (*Server, error) {
	l, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return nil, fmt.Errorf("http.listen: %w", err)
	}
	s := &Server{
		listener: l,
		done:     make(chan error, 1),
		http: http.Server{
			Handler:           Handler(c),
			ReadHeaderTimeout: headerTimeout,
			ReadTimeout:       headerTimeout + c.RequestTimeout,
			WriteTimeout:      headerTimeout + 2*c.RequestTimeout,
			IdleTimeout:       idleTimeout,
			MaxHeaderBytes:    maxHeaderBytes,
			ErrorLog:          slog.NewLogLogger(c.Log.Handler(), slog.LevelDebug),
		},
	}
	go func() { s.done <- s.http.Serve(netutil.LimitListener(l, c.MaxConnections)) }()
	return s, nil
}

// Addr is the address that the server listens on.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// Stop lets requests finish until ctx ends, then breaks them off.
func (s *Server) Stop(ctx context.Context) error {
	err := s.http.Shutdown(ctx)
	if err != nil {
		err = errors.Join(fmt.Errorf("stopping the HTTP server: %w", err), s.http.Close())
	}
	if served := <-s.done; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}

// Handler returns the API's routes.
func Handler(c Config) http.Handler {
	h := &handler{Config: c}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /state", h.states)
	mux.HandleFunc("GET /state/{dataType}", h.state)
	mux.HandleFunc("GET /models", h.models)
	mux.HandleFunc("GET /statistics", h.statistics)
	mux.HandleFunc("GET /statistics/{dataType}", h.statistics)
	mux.HandleFunc("GET /version", h.version)
	mux.HandleFunc("GET /livez", h.live)
	mux.HandleFunc("GET /readyz", h.ready)
	mux.HandleFunc("GET /startupz", h.startup)
	mux.Handle("GET /metrics", c.Metrics)
	mux.HandleFunc("GET /processors", h.processors)
	mux.HandleFunc("GET /stats", h.stats)
	mux.HandleFunc("GET /state/instances", h.instances)
	mux.HandleFunc("GET /state/{dataType}/value", h.value)
	mux.HandleFunc("GET /{$}", h.index)
	return h.limit(mux)
}

type handler struct{ Config }

// limit bounds a request's time and body, and makes the mux's own errors JSON.
func (h *handler) limit(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), h.RequestTimeout)
		defer cancel()
		r = r.WithContext(ctx)
		r.Body = http.MaxBytesReader(w, r.Body, 0) // nothing here reads one
		if refuse, pattern := mux.Handler(r); pattern == "" {
			p := probe{header: http.Header{}}
			refuse.ServeHTTP(&p, r)
			h.refused(w, r, &p)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// probe learns what the mux answers where no route fits.
type probe struct {
	header http.Header
	status int
}

func (p *probe) Header() http.Header         { return p.header }
func (p *probe) Write(b []byte) (int, error) { return len(b), nil }
func (p *probe) WriteHeader(status int)      { p.status = status }

func (h *handler) refused(w http.ResponseWriter, r *http.Request, p *probe) {
	if p.status == http.StatusMethodNotAllowed {
		w.Header().Set("Allow", p.header.Get("Allow"))
		fail(w, p.status, fmt.Sprintf("%s is not possible here; use %s", r.Method, p.header.Get("Allow")))
		return
	}
	fail(w, http.StatusNotFound, "there is nothing at this path; GET / lists what there is")
}
