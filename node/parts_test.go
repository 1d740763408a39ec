package node

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/modelstream/modelserver/actors"
	"github.com/modelstream/modelserver/api"
	"github.com/modelstream/modelserver/node/config"
)

func TestNewLogger(t *testing.T) {
	var out bytes.Buffer
	log, err := NewLogger(config.Log{Level: "warn", Format: "json"}, &out)
	if err != nil {
		t.Fatal(err)
	}
	log.Info("not this")
	log.Warn("this", "key", "value")
	var line struct{ Msg, Key string }
	if err := json.Unmarshal(out.Bytes(), &line); err != nil || line.Msg != "this" || line.Key != "value" {
		t.Errorf("%v: %s", err, &out)
	}
	if _, err := NewLogger(config.Log{Level: "loud"}, &out); err == nil {
		t.Error("an unknown level is accepted")
	}
}

// Information of a library is for debugging; its warnings stay what they are.
func TestLowered(t *testing.T) {
	for _, c := range []struct {
		level slog.Level
		want  string
	}{{slog.LevelInfo, "WARN"}, {slog.LevelDebug, "DEBUG INFO WARN"}} {
		var out bytes.Buffer
		log := slog.New(lowered{slog.NewTextHandler(&out, &slog.HandlerOptions{Level: c.level})}).With("lib", "x").WithGroup("g")
		log.Debug("DEBUG")
		log.Info("INFO")
		log.Warn("WARN")
		var said []string
		for line := range strings.Lines(out.String()) {
			_, msg, _ := strings.Cut(line, "msg=")
			msg, _, _ = strings.Cut(msg, " ")
			said = append(said, msg)
			if !strings.Contains(line, "lib=x") {
				t.Errorf("no attribute: %s", line)
			}
		}
		if got := strings.Join(said, " "); got != c.want {
			t.Errorf("at %v: %q, want %q", c.level, got, c.want)
		}
	}
}

func TestTranslate(t *testing.T) {
	for _, c := range []struct{ from, is error }{
		{actors.ErrUnknownDataType, api.ErrUnknownDataType},
		{actor.ErrTimeout, context.DeadlineExceeded},
		{errors.ErrUnsupported, errors.ErrUnsupported},
		{nil, nil},
	} {
		if got := translate(c.from); !errors.Is(got, c.is) {
			t.Errorf("translate(%v) = %v", c.from, got)
		}
	}
}

// An actor that fails is started again, more often than protoactor's own
// strategies would.
func TestRestarting(t *testing.T) {
	system := actor.NewActorSystem(actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger { return slog.New(slog.DiscardHandler) }))
	defer system.Shutdown()
	started := make(chan struct{}, 100)
	props := actor.PropsFromFunc(func(ctx actor.Context) {
		switch ctx.Message().(type) {
		case *actor.Started:
			started <- struct{}{}
		case string:
			panic("as told")
		}
	}, actor.WithGuardian(&restarting{slog.New(slog.DiscardHandler)}))
	pid := system.Root.Spawn(props)
	for i := range 4 {
		select {
		case <-started:
		case <-time.After(30 * time.Second):
			t.Fatalf("it was not started the %dth time", i+1)
		}
		system.Root.Send(pid, "fail")
	}
}

func TestPhase(t *testing.T) {
	var p phase
	p.enter("recovering")
	if doing, started := p.now(); doing != "recovering" || started {
		t.Error(doing, started)
	}
	p.enter("")
	p.enter("stopping")
	if doing, started := p.now(); doing != "stopping" || !started {
		t.Error("a node that stops has been started:", doing, started)
	}
}
