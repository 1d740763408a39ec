package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/modelstream/modelserver/actors"
	"github.com/modelstream/modelserver/api"
	"github.com/modelstream/modelserver/kafka"
	"github.com/modelstream/modelserver/messages"
	"github.com/modelstream/modelserver/record"
)

// queries is the actors as package api sees them.
type queries struct{ models *actors.Models }

func (q queries) State(ctx context.Context, dataType string) (*messages.ModelState, error) {
	s, err := q.models.State(ctx, dataType)
	return s, translate(err)
}

func (q queries) States(ctx context.Context) (*messages.ModelStates, error) {
	s, err := q.models.States(ctx)
	return s, translate(err)
}

// translate says in the API's words what an actor's answer lacks.
func translate(err error) error {
	switch {
	case errors.Is(err, actors.ErrUnknownDataType):
		return api.ErrUnknownDataType
	case errors.Is(err, actor.ErrTimeout):
		return fmt.Errorf("%w: %w", context.DeadlineExceeded, err)
	}
	return err
}

// boundTopics gives each topic of records its format.
func boundTopics(topics []kafka.TopicConfig, formats map[string]*record.Format) []kafka.Topic {
	bound := make([]kafka.Topic, 0, len(topics))
	for _, t := range topics {
		bound = append(bound, kafka.Topic{Config: t, Format: formats[t.Format]})
	}
	return bound
}

// restarting supervises an ingestion actor: it is started again after each
// failure, with a pause that grows up to a limit, for ever.
type restarting struct {
	log *slog.Logger
}

const (
	firstPause = 200 * time.Millisecond
	mostPause  = 15 * time.Second
	// calm is how long an actor must have lived for its failures to be forgotten.
	calm = time.Minute
)

// HandleFailure implements [actor.SupervisorStrategy].
func (s *restarting) HandleFailure(_ *actor.ActorSystem, supervisor actor.Supervisor, child *actor.PID, rs *actor.RestartStatistics, reason, _ any) {
	if rs.NumberOfFailures(calm) == 0 {
		rs.Reset()
	}
	rs.Fail()
	pause := min(firstPause<<min(rs.FailureCount()-1, 10), mostPause)
	s.log.Error("an ingestion actor failed and is started again", "actor", child.Id, "failures", rs.FailureCount(), "pause", pause, "reason", reason)
	time.AfterFunc(pause, func() { supervisor.RestartChildren(child) })
}
