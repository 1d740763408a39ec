package file

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/modelstream/modelserver/persistence"
)

const (
	damageName = "DAMAGE"
	// maxDamageLength and maxNotes bound the file, should a failing disk damage
	// something at every start. The oldest notes are dropped.
	maxDamageLength = 64 << 10
	maxNotes        = 100
)

// damageLog is the file DAMAGE: a line for each loss that concerns the whole
// store, until somebody has dealt with it. Lines are "<time> <what>: <why>".
type damageLog struct {
	path  string
	mu    sync.Mutex
	lines []string
}

// readDamageLog reads the file, which need not be there.
func readDamageLog(dir string) (*damageLog, error) {
	l := &damageLog{path: filepath.Join(dir, damageName)}
	f, err := os.Open(l.path)
	if errors.Is(err, fs.ErrNotExist) {
		return l, nil
	} else if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxDamageLength))
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimRight(line, "\n"); line != "" {
			l.lines = append(l.lines, line)
		}
	}
	return l, err
}

// add notes a damage, durably, before anything is done about it: a crash in
// between reports it twice, and never not at all.
func (l *damageLog) add(d *persistence.DamageError) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	line := fmt.Sprintf("%s %s: %v", time.Now().UTC().Format(time.RFC3339), d.What, d.Err)
	line = strings.ReplaceAll(line, "\n", " ")
	lines := append(slices.Clone(l.lines), line)
	lines = lines[max(0, len(lines)-maxNotes):]
	if err := writeFile(l.path, []byte(strings.Join(lines, "\n")+"\n")); err != nil {
		return err
	}
	l.lines = lines
	return nil
}

// Damage returns what concerns the whole store: databases that had to be moved
// aside, transactions that were lost. It names the times and files. While it is
// not empty, what the store knows may be old or nothing: read the models topic
// from its beginning, and then call [Store.AcknowledgeDamage]. It survives
// restarts until then. Damage of one id is in its Recovery.
func (s *Store) Damage() []persistence.DamageError {
	l := s.damage
	l.mu.Lock()
	defer l.mu.Unlock()
	damage := make([]persistence.DamageError, len(l.lines))
	for i, line := range l.lines {
		damage[i] = persistence.DamageError{What: "the store in " + s.config.Dir, Err: errors.New(line)}
	}
	return damage
}

// AcknowledgeDamage forgets what Damage returns: everything is restored.
func (s *Store) AcknowledgeDamage(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	l := s.damage
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.lines) == 0 {
		return nil
	}
	if err := os.Remove(l.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	l.lines = nil
	return syncDir(filepath.Dir(l.path))
}
