package persistencetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/modelstream/modelserver/persistence"
)

var artifactChecks = []check{
	{name: "artifacts are found by their digest", run: artifactsByDigest},
	{name: "an artifact under another digest is refused", run: wrongDigest},
	{name: "what is no digest is refused", run: noDigest},
	{name: "retain drops what is not kept", run: retain},
	{name: "retain spares what was put within the grace", run: graceSpares},
	{name: "retain drops what was put before the grace", run: graceEnds, needs: ageable},
	{name: "artifacts survive a restart", run: artifactsSurvive, needs: durable},
}

var someArtifacts = [][]byte{
	{}, []byte("a model"), []byte("another model"), slices.Repeat([]byte{0}, 100_000), slices.Repeat([]byte("xyz"), 1<<20),
}

// put stores an artifact.
func (p *place) put(artifact []byte) error { return p.PutArtifact(ctx, digestOf(artifact), artifact) }

// artifact checks that an artifact is there.
func (p *place) artifact(wanted []byte) error {
	got, err := p.Artifact(ctx, digestOf(wanted))
	if err != nil || string(got) != string(wanted) {
		return fmt.Errorf("the artifact of %d bytes came back with %d: %w", len(wanted), len(got), err)
	}
	return nil
}

// noArtifact checks that an artifact is not there.
func (p *place) noArtifact(artifact []byte) error {
	if _, err := p.Artifact(ctx, digestOf(artifact)); !errors.Is(err, persistence.ErrNotFound) {
		return fmt.Errorf("an artifact that is not there: error %v, want ErrNotFound", err)
	}
	return nil
}

func artifactsByDigest(p *place) error {
	if err := p.noArtifact([]byte("a model")); err != nil {
		return err
	}
	for _, artifact := range someArtifacts {
		for range 3 { // storing it again is no error
			if err := p.put(artifact); err != nil {
				return fmt.Errorf("put %d bytes: %w", len(artifact), err)
			}
		}
	}
	for _, artifact := range someArtifacts {
		if err := p.artifact(artifact); err != nil {
			return err
		}
	}
	return nil
}

func wrongDigest(p *place) error {
	digest := digestOf([]byte("a model"))
	err := p.PutArtifact(ctx, digest, []byte("another model"))
	if err := wantError[*persistence.DigestError]("another model's bytes", err); err != nil {
		return err
	}
	if err := p.noArtifact([]byte("a model")); err != nil {
		return err
	}
	if err := p.put([]byte("a model")); err != nil {
		return err
	}
	// Also when the digest is there already: the bytes count, not the name.
	err = p.PutArtifact(ctx, digest, []byte("another model"))
	return errors.Join(wantError[*persistence.DigestError]("another model's bytes", err), p.artifact([]byte("a model")))
}

func noDigest(p *place) error {
	digest := digestOf([]byte("a model"))
	for _, wrong := range []string{
		"", "a model", "../" + digest[3:], digest[:63], digest + "0", strings.ToUpper(digest),
		"g" + digest[1:], digest[:63] + "\x00", strings.Repeat("é", 32), strings.Repeat("/", 64),
	} {
		_, err := p.Artifact(ctx, wrong)
		err = errors.Join(
			wantError[*persistence.ArgumentError](fmt.Sprintf("artifact %q", wrong), err),
			wantError[*persistence.ArgumentError](fmt.Sprintf("put artifact %q", wrong), p.PutArtifact(ctx, wrong, []byte("a model"))))
		if err != nil {
			return err
		}
	}
	return nil
}

func retain(p *place) error {
	for _, artifact := range someArtifacts {
		if err := p.put(artifact); err != nil {
			return err
		}
	}
	var asked []string
	kept := digestOf(someArtifacts[1])
	err := p.RetainArtifacts(ctx, 0, func(digest string) bool {
		asked = append(asked, digest)
		return digest == kept
	})
	if err != nil {
		return fmt.Errorf("retain: %w", err)
	}
	slices.Sort(asked)
	if len(slices.Compact(asked)) != len(someArtifacts) {
		return fmt.Errorf("retain asked for %q, want each of the %d once", asked, len(someArtifacts))
	}
	for i, artifact := range someArtifacts {
		if i == 1 {
			err = errors.Join(err, p.artifact(artifact))
		} else {
			err = errors.Join(err, p.noArtifact(artifact))
		}
	}
	// What was dropped can come again.
	return errors.Join(err, p.put(someArtifacts[2]), p.artifact(someArtifacts[2]))
}

func keepNone(string) bool { return false }

func graceSpares(p *place) error {
	if err := p.put([]byte("a model")); err != nil {
		return err
	}
	return errors.Join(p.RetainArtifacts(ctx, time.Hour, keepNone), p.artifact([]byte("a model")))
}

// graceEnds: putting an artifact once more counts, although it is there.
func graceEnds(p *place) error {
	old, again := []byte("a model"), []byte("another model")
	for _, artifact := range [][]byte{old, again} {
		err := errors.Join(p.put(artifact), p.Age(p.Store, digestOf(artifact), 2*time.Hour))
		if err != nil {
			return err
		}
	}
	err := errors.Join(p.put(again), p.RetainArtifacts(ctx, 3*time.Hour, keepNone), p.artifact(old), p.artifact(again))
	if err != nil {
		return fmt.Errorf("a grace of three hours: %w", err)
	}
	return errors.Join(p.RetainArtifacts(ctx, time.Hour, keepNone), p.noArtifact(old), p.artifact(again))
}

func artifactsSurvive(p *place) error {
	for _, artifact := range someArtifacts {
		if err := p.put(artifact); err != nil {
			return err
		}
	}
	dropped := digestOf(someArtifacts[3])
	if err := p.RetainArtifacts(ctx, 0, func(digest string) bool { return digest != dropped }); err != nil {
		return err
	}
	if err := p.reopen(); err != nil {
		return err
	}
	return errors.Join(p.artifact(someArtifacts[0]), p.artifact(someArtifacts[4]), p.noArtifact(someArtifacts[3]))
}
