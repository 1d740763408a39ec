package changelog

import (
	"context"
	"slices"
	"time"
)

const (
	// abandonedAfter is when an upload that was announced and not finished is
	// given up: longer than any takes.
	abandonedAfter = time.Hour
	// condemnedFor is how long the end of an upload is remembered, to refuse what
	// a server still had in its hands.
	condemnedFor = time.Hour
)

// RetainArtifacts implements [persistence.Store]. The store's clock is the
// broker's: where the topic has message.timestamp.type=LogAppendTime, as it has
// when the store makes it, ages do not depend on the servers' clocks.
//
// It also removes the chunks of uploads that were given up or replaced. Any
// server may call it, several at once.
func (s *Store) RetainArtifacts(ctx context.Context, grace time.Duration, keep func(sha256 string) bool) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	// Everything that anybody has put by now is seen, and the time is known.
	now, err := s.probe(ctx, s.allPartitions()...)
	if err != nil {
		return err
	}
	s.mu.Lock()
	digests := s.view.storedArtifacts()
	s.mu.Unlock()
	for _, digest := range digests {
		if keep(digest) {
			continue
		}
		if err := s.drop(ctx, digest, now-grace.Milliseconds(), grace <= 0); err != nil {
			return err
		}
	}
	return s.cleanArtifacts(ctx, now)
}

// drop condemns an artifact that was not put after a time. The log decides
// whether somebody touched it before.
func (s *Store) drop(ctx context.Context, digest string, before int64, always bool) error {
	leave, err := s.enter(ctx, digest)
	if err != nil {
		return err
	}
	defer leave()
	a, ok := s.lookUp(digest)
	if !ok || !always && a.time > before {
		return nil
	}
	// Uploads that it replaced go first: a late touch must not bring one back.
	for _, u := range append(s.replaced(digest), a.upload) {
		if err := s.condemn(ctx, digest, u); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) condemn(ctx context.Context, digest string, u upload) error {
	_, err := s.write(ctx, &key{kind: condemnKind, upload: u, object: digest}, []byte(s.node))
	return err
}

// replaced returns the uploads whose records are dead and that are not condemned
// yet.
func (s *Store) replaced(digest string) (uploads []upload) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.view.artifacts[digest]
	if o == nil {
		return nil
	}
	r := o.rules.(*artifactRules)
	for _, e := range o.garbage {
		u := e.key.upload
		live := r.current != nil && r.current.key.upload == u || r.announced[u] != nil
		if !live && r.condemned[u] == nil && !slices.Contains(uploads, u) {
			uploads = append(uploads, u)
		}
	}
	return uploads
}

// cleanArtifacts removes what no artifact needs any more: of uploads that were
// given up, were replaced, or are condemned.
func (s *Store) cleanArtifacts(ctx context.Context, now int64) error {
	s.mu.Lock()
	var digests []string
	for digest, o := range s.view.artifacts {
		if r := o.rules.(*artifactRules); len(o.garbage)+len(r.announced)+len(r.condemned) > 0 {
			digests = append(digests, digest)
		}
	}
	s.mu.Unlock()
	slices.Sort(digests)
	for _, digest := range digests {
		if err := s.cleanArtifact(ctx, digest, now); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) cleanArtifact(ctx context.Context, digest string, now int64) error {
	leave, err := s.enter(ctx, digest)
	if err != nil {
		return err
	}
	defer leave()
	for _, u := range append(s.abandoned(digest, now-abandonedAfter.Milliseconds()), s.replaced(digest)...) {
		if err := s.condemn(ctx, digest, u); err != nil {
			return err
		}
	}
	uploads, raws := s.remains(digest, now-condemnedFor.Milliseconds())
	for u, ref := range uploads {
		if err := s.chunks.bury(ctx, u, ref); err != nil {
			return err
		}
	}
	return s.bury(ctx, raws)
}

// abandoned returns the uploads that were announced before a time and never
// finished.
func (s *Store) abandoned(digest string, before int64) (uploads []upload) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.view.artifact(digest); r != nil {
		for u, e := range r.announced {
			if e.time < before {
				uploads = append(uploads, u)
			}
		}
	}
	return uploads
}

// remains returns the uploads whose chunks may still be there and are needed by
// nobody, and the records that may go after them.
func (s *Store) remains(digest string, before int64) (uploads map[upload]*reference, raws []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.view.artifacts[digest]
	if o == nil {
		return nil, nil
	}
	r := o.rules.(*artifactRules)
	uploads = map[upload]*reference{}
	for _, e := range o.removable() {
		u := e.key.upload
		live := r.current != nil && r.current.key.upload == u
		if !live && r.condemned[u] == nil {
			break // replaced a moment ago; the next time
		}
		if ref, ok := decodeReference(e.body); ok && !live && e.key.kind != condemnKind {
			uploads[u] = &ref
		}
		raws = append(raws, e.raw)
	}
	for _, e := range r.spent(o.entries, before) {
		raws = append(raws, e.raw)
	}
	return uploads, raws
}
