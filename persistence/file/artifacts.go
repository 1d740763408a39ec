package file

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/modelstream/modelserver/persistence"
)

const artifactsName = "artifacts"

// artifacts is the directory of artifacts. A digest's lock orders those who
// write and remove its file; readers need none, for a file is never changed in
// place.
type artifacts struct {
	dir   string
	locks [256]sync.Mutex // by the digest's first byte
}

// openArtifacts makes the directory, or clears it of what a crash left.
func openArtifacts(dir string) (*artifacts, error) {
	if err := makeDir(dir); err != nil {
		return nil, err
	}
	if err := removeTemporary(dir); err != nil {
		return nil, err
	}
	// A killed predecessor may have made names that are not durable yet.
	return &artifacts{dir: dir}, syncDir(dir)
}

func (a *artifacts) path(digest string) string { return filepath.Join(a.dir, digest) }

// lock locks a digest, which was checked, and returns how to unlock it.
func (a *artifacts) lock(digest string) (unlock func()) {
	first, _ := hex.DecodeString(digest[:2])
	mu := &a.locks[first[0]]
	mu.Lock()
	return mu.Unlock
}

// PutArtifact implements [persistence.Store].
func (s *Store) PutArtifact(ctx context.Context, sha256 string, artifact []byte) error {
	if err := persistence.CheckArtifact(sha256, artifact); err != nil {
		return err
	}
	if err := s.usable(ctx); err != nil {
		return err
	}
	defer s.artifacts.lock(sha256)()
	path := s.artifacts.path(sha256)
	if same, err := hasContent(path, artifact); err == nil && same {
		return os.Chtimes(path, time.Time{}, time.Now()) // when it was put
	}
	return writeFile(path, artifact)
}

// Artifact implements [persistence.Store].
func (s *Store) Artifact(ctx context.Context, sha256 string) ([]byte, error) {
	if err := persistence.CheckDigest(sha256); err != nil {
		return nil, err
	}
	if err := s.usable(ctx); err != nil {
		return nil, err
	}
	artifact, err := readArtifact(s.artifacts.path(sha256))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("artifact %s: %w", sha256, persistence.ErrNotFound)
	case err != nil:
		return nil, err
	}
	if err := persistence.CheckArtifact(sha256, artifact); err != nil {
		return nil, &persistence.DamageError{What: "artifact " + sha256, Err: err}
	}
	return artifact, nil
}

// RetainArtifacts implements [persistence.Store]. keep runs without a lock, so it
// may call the store. What is not named as artifacts are is left alone. A file's
// time says when it was put.
func (s *Store) RetainArtifacts(ctx context.Context, grace time.Duration, keep func(sha256 string) bool) error {
	if err := s.usable(ctx); err != nil {
		return err
	}
	entries, err := os.ReadDir(s.artifacts.dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		digest := e.Name()
		if persistence.CheckDigest(digest) != nil || keep(digest) {
			continue
		}
		if err := s.usable(ctx); err != nil {
			return err
		}
		if err := s.artifacts.remove(digest, grace); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return syncDir(s.artifacts.dir)
}

// remove removes an artifact that was put before the last grace.
func (a *artifacts) remove(digest string, grace time.Duration) error {
	defer a.lock(digest)()
	info, err := os.Lstat(a.path(digest))
	if err != nil || grace > 0 && time.Since(info.ModTime()) < grace {
		return err
	}
	return os.Remove(a.path(digest))
}

// usable says whether the caller still waits and the store is open.
func (s *Store) usable(ctx context.Context) error {
	select {
	case <-s.closing:
		return persistence.ErrClosed
	default:
		return ctx.Err()
	}
}

// hasContent says whether a file has that content.
func hasContent(path string, content []byte) (bool, error) {
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || info.Size() != int64(len(content)) {
		return false, err
	}
	chunk := make([]byte, 64<<10)
	for len(content) > 0 {
		n, err := io.ReadFull(f, chunk[:min(len(chunk), len(content))])
		if err != nil {
			return false, err
		}
		if !bytes.Equal(chunk[:n], content[:n]) {
			return false, nil
		}
		content = content[n:]
	}
	return true, nil
}

// readArtifact reads a file that is not larger than an artifact can be.
func readArtifact(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > persistence.MaxArtifactLength {
		return nil, &persistence.DamageError{What: "artifact " + filepath.Base(path), Err: errForeign}
	}
	artifact := make([]byte, info.Size())
	_, err = io.ReadFull(f, artifact)
	return artifact, err
}
