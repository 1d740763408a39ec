package artifact

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// The bounds of a tree that is packed.
const (
	maxTreeFiles = 2000
	maxTreeDepth = 16
)

// tree is files below a directory or a prefix.
type tree interface {
	// list returns the names of all files below dir, relative to it, with
	// slashes, without hidden ones. It may fail with a *treeError.
	list(ctx context.Context, dir string) ([]string, error)
	// read returns a file; errTooLarge if it has more than limit bytes.
	read(ctx context.Context, dir, name string, limit int64) ([]byte, error)
}

// treeError says why a directory cannot be packed.
type treeError struct{ reason string }

func (e *treeError) Error() string { return e.reason }

var errTooMany = &treeError{reason: fmt.Sprintf("it has too many files for a model: more than %d", maxTreeFiles)}

// hidden says whether a part of a name is left out of an archive: what begins
// with a dot is made by editors and file systems, and by Kubernetes for the
// links of a mounted volume.
func hidden(part string) bool { return strings.HasPrefix(part, ".") }

// pack makes a tar archive of a tree, of at most limit bytes. The archive
// depends on the names and the contents alone.
func pack(ctx context.Context, t tree, dir string, limit int64) ([]byte, error) {
	names, err := t.list(ctx, dir)
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return nil, &treeError{reason: "the directory has no files"}
	}
	slices.Sort(names)
	archive := limitedBuffer{limit: limit}
	w := tar.NewWriter(&archive)
	for _, name := range names {
		if !utf8.ValidString(name) {
			return nil, &treeError{reason: "a file's name in it is not UTF-8"}
		}
		content, err := t.read(ctx, dir, name, limit-int64(archive.Len()))
		if err != nil {
			return nil, err
		}
		header := tar.Header{
			Typeflag: tar.TypeReg, Name: name, Size: int64(len(content)), Mode: 0o644,
			ModTime: time.Unix(0, 0), Format: tar.FormatPAX,
		}
		if err := w.WriteHeader(&header); err != nil {
			return nil, err
		}
		if _, err := w.Write(content); err != nil {
			return nil, err
		}
	}
	return archive.Bytes(), w.Close()
}

// limitedBuffer is a buffer that fails with errTooLarge.
type limitedBuffer struct {
	bytes.Buffer
	limit int64
}

func (b *limitedBuffer) Write(p []byte) (int, error) {
	if int64(b.Len())+int64(len(p)) > b.limit {
		return 0, errTooLarge
	}
	return b.Buffer.Write(p)
}
