package artifact

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// file reads a file, or packs a directory, below one of the roots.
func (r *Resolver) file(ctx context.Context, p place) ([]byte, error) {
	u := p.url
	switch {
	case u.Host != "" && u.Host != "localhost":
		return nil, p.refuse("a file has no host: write file:///%s%s if that is its path", u.Host, u.Path)
	case u.Opaque != "" || !strings.HasPrefix(u.Path, "/"):
		return nil, p.refuse("a file's path must be absolute: file:///models/wine.pmml")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return nil, p.refuse("a file has no query and no fragment: write %%3F for ? and %%23 for #")
	}
	name := filepath.Clean(filepath.FromSlash(u.Path))
	for _, dir := range r.rules.roots {
		if rel, ok := below(dir, name); ok {
			return r.fileIn(ctx, p, dir, rel)
		}
	}
	return nil, p.refuse("it lies below none of the directories of %s: add its directory there, or move the file", r.key("file_roots"))
}

// below returns a name relative to a directory that it lies in, by the names or
// by where the directory's name leads.
func below(dir, name string) (rel string, ok bool) {
	candidates := []string{dir}
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		candidates = append(candidates, real)
	}
	for _, d := range candidates {
		if rel, err := filepath.Rel(d, name); err == nil && filepath.IsLocal(rel) {
			return rel, true
		}
	}
	return "", false
}

// fileIn reads below a root. All access goes through the root, so that no
// symbolic link leads out of it, whenever it is made.
func (r *Resolver) fileIn(ctx context.Context, p place, dir, rel string) ([]byte, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, p.retry(err, "the directory of %s cannot be opened", r.key("file_roots"))
	}
	defer root.Close()
	info, err := root.Stat(rel)
	if err != nil {
		return nil, p.fileError(err)
	}
	var content []byte
	switch {
	case info.Mode().IsRegular():
		content, err = readFile(ctx, root, rel, r.config.MaxBytes)
	case info.IsDir():
		content, err = pack(ctx, &fileTree{root: root}, rel, r.config.MaxBytes)
	default:
		return nil, p.refuse("it is neither a file nor a directory")
	}
	switch {
	case errors.Is(err, errTooLarge):
		return nil, r.tooLarge(p)
	case err != nil:
		return nil, p.fileError(err)
	}
	return content, nil
}

// readFile reads a regular file. What was one may have become a pipe in the
// meantime, which would block, so it is opened without waiting and looked at
// again.
func readFile(ctx context.Context, root *os.Root, name string, limit int64) ([]byte, error) {
	f, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errIrregular
	}
	return read(ctx, f, info.Size(), limit)
}

var errIrregular = errors.New("it is not a regular file")

// fileError sorts what the file system says: what will not change by itself, and
// the rest.
func (p place) fileError(err error) error {
	var tree *treeError
	switch {
	case errors.As(err, &tree):
		return p.refuse("%s", tree.reason)
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return p.refuse("there is no such file")
	case errors.Is(err, fs.ErrPermission):
		return p.refuse("the server's user may not read it")
	case errors.Is(err, errIrregular):
		return p.refuse("it is neither a file nor a directory")
	case errors.Is(err, syscall.ENAMETOOLONG), errors.Is(err, syscall.ELOOP):
		return p.refuseFor(err, "it cannot be opened")
	case strings.Contains(err.Error(), "escapes from parent"): // os.Root has no value for it
		return p.refuse("a symbolic link leads out of the directory that it lies in, or is absolute")
	}
	return p.retry(err, "reading failed")
}

// fileTree is the files below a directory.
type fileTree struct{ root *os.Root }

// list implements [tree].
func (t *fileTree) list(ctx context.Context, dir string) ([]string, error) {
	var names []string
	err := t.walk(ctx, dir, "", 0, &names)
	return names, err
}

// walk adds the files of a directory, whose name below the tree's is prefix.
func (t *fileTree) walk(ctx context.Context, dir, prefix string, depth int, names *[]string) error {
	if depth > maxTreeDepth {
		return &treeError{"its directories are nested too deep"}
	}
	entries, err := readDir(t.root, dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		name := path.Join(prefix, e.Name())
		if hidden(e.Name()) {
			continue
		}
		if len(*names) == maxTreeFiles {
			return errTooMany
		}
		info, err := t.root.Stat(filepath.Join(dir, e.Name())) // follows links
		switch {
		case err != nil:
			return err
		case info.Mode().IsRegular():
			*names = append(*names, name)
		case info.IsDir() && e.Type()&fs.ModeSymlink == 0:
			if err := t.walk(ctx, filepath.Join(dir, e.Name()), name, depth+1, names); err != nil {
				return err
			}
		default:
			return &treeError{reason: name + " in it is neither a file nor a directory"}
		}
	}
	return nil
}

// readDir returns a directory's entries by name; too many of them are an error.
func readDir(root *os.Root, dir string) ([]fs.DirEntry, error) {
	d, err := root.Open(dir)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	entries, err := d.ReadDir(maxTreeFiles + 1)
	if err != nil && !errors.Is(err, io.EOF) { // which says that the directory is empty
		return nil, err
	}
	if len(entries) > maxTreeFiles {
		return nil, errTooMany
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return entries, nil
}

// read implements [tree].
func (t *fileTree) read(ctx context.Context, dir, name string, limit int64) ([]byte, error) {
	return readFile(ctx, t.root, filepath.Join(dir, filepath.FromSlash(name)), limit)
}
