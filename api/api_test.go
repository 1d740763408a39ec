package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/modelstream/modelserver/api"
	"github.com/modelstream/modelserver/messages"
	"github.com/modelstream/modelserver/record"
)

// fakeModels answers as the actors would.
type fakeModels struct {
	states map[string]*messages.ModelState
	err    error
}

func (f *fakeModels) State(_ context.Context, dataType string) (*messages.ModelState, error) {
	s, ok := f.states[dataType]
	if !ok && f.err == nil {
		return nil, fmt.Errorf("asking: %w", api.ErrUnknownDataType)
	}
	return s, f.err
}

func (f *fakeModels) States(context.Context) (*messages.ModelStates, error) {
	all := &messages.ModelStates{}
	for _, s := range f.states {
		all.Models = append(all.Models, s)
	}
	slices.SortFunc(all.Models, func(a, b *messages.ModelState) int { return strings.Compare(a.DataType, b.DataType) })
	return all, f.err
}

// fakeProgress is of two partitions of wine, and of records without a data type.
type fakeProgress struct{}

func (fakeProgress) Progress(context.Context) ([]*messages.Progress, error) {
	of := func(partition int32, dataType string, newest *messages.Generation, times ...uint64) *messages.Progress {
		var s record.Statistics
		for _, ns := range times {
			s.Add(10, ns)
		}
		s.Errors, s.DeadLetters = 1, 2
		return &messages.Progress{
			Group: "g", DataType: dataType, Newest: newest, Statistics: s.Message(),
			Source: &messages.Source{Topic: "records", Partition: partition, Offset: 100},
		}
	}
	return []*messages.Progress{
		of(0, "", nil), of(0, "wine", &messages.Generation{Offset: 7}, 100, 200), of(1, "wine", nil, 50, 1000),
	}, nil
}

type fakeHealth struct {
	started error
	checks  []api.Check
}

func (f *fakeHealth) Started() error     { return f.started }
func (f *fakeHealth) Ready() []api.Check { return f.checks }

// wine is a data type with a rejected, an earlier and a serving generation.
func wine() *messages.ModelState {
	accepted := func(number uint64, name string, offset int64) *messages.ModelAccepted {
		return &messages.ModelAccepted{
			Number: number, Name: name, Version: "1", DataType: "wine", Type: "pmml", Sha256: strings.Repeat("ab", 32),
			Source:         &messages.Source{Topic: "models", Offset: offset},
			AcceptedTimeMs: 1_700_000_000_000 + int64(number),
		}
	}
	current := &messages.GenerationState{
		Model: accepted(3, "forest", 12), Phase: messages.GenerationState_SERVING,
		ServingSinceMs: 1_700_000_001_500, SizeBytes: 1234, Signature: "alcohol float64 → quality string",
	}
	current.Model.Description = "ten trees"
	current.Model.Options = map[string]string{"k": "v"}
	return &messages.ModelState{
		DataType: "wine", Node: "n1", Current: current,
		Generations: []*messages.GenerationState{
			{Model: accepted(1, "linear", 10), Phase: messages.GenerationState_CLOSED, ServingSinceMs: 1_700_000_000_500},
			{Model: accepted(2, "broken", 11), Phase: messages.GenerationState_REJECTED, Reason: "loading: line 3: no such field"},
			current,
		},
		Statistics: &messages.Statistics{Records: 4, Batches: 2, RecordErrors: 1, BatchErrors: 1, TotalUs: 10, MinUs: 1, MaxUs: 4.5},
	}
}

func handler(m *fakeModels, h *fakeHealth) http.Handler {
	return api.Handler(api.Config{
		RequestTimeout: time.Second, Models: m, Progress: fakeProgress{}, Health: h, Log: slog.New(slog.DiscardHandler),
		Metrics: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "up 1") }),
		Version: api.Version{Version: "1.2.3", Go: "go1", ModelTypes: []string{"pmml"}},
	})
}

func ask(t *testing.T, h http.Handler, method, target string) *http.Response {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, target, nil))
	return w.Result()
}

// golden compares an answer, formatted, with a file of testdata.
func golden(t *testing.T, name string, r *http.Response) {
	t.Helper()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if err := json.Unmarshal(body, &v); err != nil {
		t.Fatalf("not JSON: %s", body)
	}
	got, _ := json.MarshalIndent(v, "", "  ")
	path := filepath.Join("testdata", name+".json")
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(path, append(got, '\n'), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.TrimSpace(string(want)), string(got)); diff != "" {
		t.Errorf("(-want +got; UPDATE_GOLDEN=1 writes it anew):\n%s", diff)
	}
}

func TestAnswers(t *testing.T) {
	one := &fakeModels{states: map[string]*messages.ModelState{"wine": wine()}}
	none := &fakeModels{}
	empty := &fakeModels{states: map[string]*messages.ModelState{"beer": {DataType: "beer", Node: "n1", HeldBatches: 7}, "wine": wine()}}
	well := &fakeHealth{checks: []api.Check{{Part: "kafka records"}, {Part: "kafka models"}}}
	ill := &fakeHealth{
		started: errors.New("models are being read: 3 of 10"),
		checks:  []api.Check{{Part: "kafka records", Err: errors.New("no broker has answered yet")}, {Part: "kafka models"}},
	}
	for _, c := range []struct {
		name   string
		models *fakeModels
		health *fakeHealth
		path   string
		status int
	}{
		{"state", one, well, "/state", 200},
		{"state-none", none, well, "/state", 200},
		{"state-wine", one, well, "/state/wine", 200},
		{"state-unknown", one, well, "/state/beer", 404},
		{"state-without-a-model", empty, well, "/state/beer", 200},
		{"models", empty, well, "/models", 200},
		{"models-none", none, well, "/models", 200},
		{"statistics", one, well, "/statistics", 200},
		{"statistics-wine", one, well, "/statistics/wine", 200},
		{"statistics-unknown", one, well, "/statistics/beer", 404},
		{"version", one, well, "/version", 200},
		{"index", one, well, "/", 200},
		{"livez", one, ill, "/livez", 200},
		{"readyz", one, well, "/readyz", 200},
		{"readyz-ill", one, ill, "/readyz", 503},
		{"startupz", one, well, "/startupz", 200},
		{"startupz-ill", one, ill, "/startupz", 503},
		{"book-processors", empty, well, "/processors", 200},
		{"book-stats", one, well, "/stats", 200},
		{"book-stats-of", empty, well, "/stats?dataType=wine", 200},
		{"book-stats-ambiguous", empty, well, "/stats", 400},
		{"book-stats-none", none, well, "/stats", 404},
		{"book-instances", empty, well, "http://node:8080/state/instances", 200},
		{"book-value", one, well, "/state/wine/value", 200},
		{"book-value-unknown", one, well, "/state/beer/value", 404},
		{"no-such-path", one, well, "/stat", 404},
		{"below-a-path", one, well, "/state/wine/more", 404},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := ask(t, handler(c.models, c.health), http.MethodGet, c.path)
			if r.StatusCode != c.status {
				t.Errorf("status %d, want %d", r.StatusCode, c.status)
			}
			if got := r.Header.Get("Content-Type"); got != "application/json" {
				t.Errorf("Content-Type %q", got)
			}
			golden(t, c.name, r)
		})
	}
}

func TestMetricsAreServedAsTheyAre(t *testing.T) {
	r := ask(t, handler(&fakeModels{}, &fakeHealth{}), http.MethodGet, "/metrics")
	if body, _ := io.ReadAll(r.Body); string(body) != "up 1\n" {
		t.Errorf("got %q", body)
	}
}

func TestOtherMethodsAreRefused(t *testing.T) {
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodPatch} {
		for _, path := range []string{"/state", "/state/wine", "/metrics", "/readyz"} {
			r := ask(t, handler(&fakeModels{}, &fakeHealth{}), method, path)
			var body struct{ Error string }
			if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
				t.Fatalf("%s %s: %v", method, path, err)
			}
			if r.StatusCode != 405 || r.Header.Get("Allow") != "GET, HEAD" || body.Error == "" {
				t.Errorf("%s %s: %d, Allow %q, %q", method, path, r.StatusCode, r.Header.Get("Allow"), body.Error)
			}
		}
	}
}

// A data type may have any name.
func TestDataTypesAreEscaped(t *testing.T) {
	for _, name := range []string{"red wine", "a/b", "100%", "größe", "..", ".", "a+b", "?x=1", "#", "instances/", "a//b", `"`} {
		models := &fakeModels{states: map[string]*messages.ModelState{name: {DataType: name}}}
		escaped := url.PathEscape(name)
		if strings.Trim(name, ".") == "" { // a path of dots means another thing
			escaped = strings.Repeat("%2E", len(name))
		}
		for _, path := range []string{"/state/" + escaped, "/stats?dataType=" + url.QueryEscape(name)} {
			r := ask(t, handler(models, &fakeHealth{}), http.MethodGet, path)
			if r.StatusCode != 200 {
				t.Errorf("%q at %s: status %d", name, path, r.StatusCode)
			}
		}
	}
}

func TestActorsThatDoNotAnswer(t *testing.T) {
	for _, c := range []struct {
		err    error
		status int
		says   string
	}{
		{fmt.Errorf("asking: %w", context.DeadlineExceeded), 504, "did not answer within 1s"},
		{errors.New("the actor died"), 503, "the actor died"},
	} {
		for _, path := range []string{"/state", "/state/wine", "/models", "/processors", "/stats", "/state/instances", "/state/wine/value"} {
			r := ask(t, handler(&fakeModels{err: c.err}, &fakeHealth{}), http.MethodGet, path)
			body, _ := io.ReadAll(r.Body)
			if r.StatusCode != c.status || !strings.Contains(string(body), c.says) {
				t.Errorf("%s: %d %s, want %d %q", path, r.StatusCode, body, c.status, c.says)
			}
		}
	}
}

func start(t *testing.T, change func(*api.Config)) *api.Server {
	t.Helper()
	c := api.Config{
		Listen: "127.0.0.1:0", RequestTimeout: 5 * time.Second, MaxConnections: 2,
		Models: &fakeModels{}, Health: &fakeHealth{}, Metrics: http.NotFoundHandler(), Log: slog.New(slog.DiscardHandler),
	}
	if change != nil {
		change(&c)
	}
	s, err := api.Start(c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestServeAndStop(t *testing.T) {
	s := start(t, nil)
	r, err := http.Get("http://" + s.Addr() + "/livez")
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	if err := s.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := net.Dial("tcp", s.Addr()); err == nil {
		t.Error("it still listens")
	}
}

func TestStopBreaksOffWhatDoesNotEnd(t *testing.T) {
	entered := make(chan struct{})
	s := start(t, func(c *api.Config) {
		c.Metrics = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			close(entered)
			<-r.Context().Done()
		})
		c.RequestTimeout = time.Minute
	})
	asked := make(chan error, 1)
	go func() {
		r, err := http.Get("http://" + s.Addr() + "/metrics")
		if err == nil {
			r.Body.Close()
		}
		asked <- err
	}()
	<-entered
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Stop(ctx); err == nil {
		t.Error("no error though a request was broken off")
	}
	if err := <-asked; err == nil {
		t.Error("the request got an answer")
	}
}

func TestAnAddressThatIsTaken(t *testing.T) {
	s := start(t, nil)
	defer s.Stop(t.Context())
	_, err := api.Start(api.Config{Listen: s.Addr(), Log: slog.New(slog.DiscardHandler)})
	if err == nil || !strings.HasPrefix(err.Error(), "http.listen: ") {
		t.Errorf("got %v", err)
	}
}

// Headers beyond the limit are refused before any handler sees them.
func TestLargeHeadersAreRefused(t *testing.T) {
	s := start(t, nil)
	defer s.Stop(t.Context())
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.Addr()+"/livez", nil)
	req.Header.Set("X", strings.Repeat("x", 64<<10))
	r, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	if r.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("status %d", r.StatusCode)
	}
}
