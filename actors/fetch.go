package actors

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/modelstream/modelserver/model"
	"github.com/modelstream/modelserver/persistence"
)

// lostError says that an artifact that once was in the store is not there any
// more and cannot be had from elsewhere.
type lostError struct{ err error }

func (e *lostError) Error() string { return e.err.Error() }
func (e *lostError) Unwrap() error { return e.err }

// artifact returns the model's bytes: those that came with the descriptor,
// those of the store, or those of the location, checked against the digest.
func (h *host) artifact(ctx context.Context) (model.Artifact, error) {
	want := strings.ToLower(h.spec.Spec.Artifact.SHA256)
	if b := h.spec.Spec.Artifact.Bytes; b != nil {
		a := model.NewArtifact(b)
		return a, a.Check(want)
	}
	var stored error
	if want != "" {
		read := func() (model.Artifact, error) { return fromStore(ctx, h.spec.Store, want) }
		a, err := read()
		if err != nil && h.spec.Location == "" {
			a, err = again(ctx, read)
		}
		if err == nil {
			return a, nil
		}
		stored = err
	}
	if h.spec.Location == "" {
		if stored == nil {
			stored = persistence.ErrNotFound
		}
		if errors.As(stored, new(*model.TransientError)) {
			return model.Artifact{}, stored
		}
		return model.Artifact{}, &lostError{&model.LoadError{
			Reason: "the artifact is not in the store any more; publish the model again", Where: "artifact " + want, Err: stored,
		}}
	}
	if h.spec.Resolver == nil {
		return model.Artifact{}, &model.LoadError{Reason: "models by location are not allowed by the configuration"}
	}
	a, err := again(ctx, func() (model.Artifact, error) { return h.spec.Resolver.Resolve(ctx, h.spec.Location) })
	if err != nil {
		return model.Artifact{}, err
	}
	return a, a.Check(want)
}

// fromStore reads an artifact. That it is not there, or damaged, is final; that
// the store does not answer is not.
func fromStore(ctx context.Context, store persistence.Store, sha256 string) (model.Artifact, error) {
	b, err := store.Artifact(ctx, sha256)
	switch {
	case err == nil:
		return model.Artifact{Bytes: b, SHA256: sha256}, nil
	case errors.Is(err, persistence.ErrNotFound), errors.As(err, new(*persistence.DamageError)):
		return model.Artifact{}, err
	}
	return model.Artifact{}, &model.TransientError{Reason: "the store cannot be read", Err: err}
}

// again fetches and tries again, with growing delays, as long as the failures are
// transient and the time for loading lasts.
func again(ctx context.Context, fetch func() (model.Artifact, error)) (model.Artifact, error) {
	for delay := 100 * time.Millisecond; ; delay = min(2*delay, 5*time.Second) {
		a, err := fetch()
		var transient *model.TransientError
		if err == nil || !errors.As(err, &transient) {
			return a, err
		}
		select {
		case <-ctx.Done():
			return a, fmt.Errorf("given up: %w", err)
		case <-time.After(delay):
		}
	}
}
