package savedmodel

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"path"
	"regexp"
	"strings"

	"github.com/modelstream/modelserver/model"
)

// Limits bound what an archive may hold.
type Limits struct {
	Entries int   // files and folders, also those that are passed over
	Bytes   int64 // unpacked, of the files that are kept, and read in all
}

// DefaultLimits are far above every model that we know of.
func DefaultLimits() Limits { return Limits{Entries: 10_000, Bytes: 2 << 30} }

const (
	graphFile = "saved_model.pb"
	indexFile = "variables/variables.index"
)

var dataFile = regexp.MustCompile(`^variables/variables\.data-\d{5}-of-\d{5}$`)

// wanted says whether the library needs a file.
func wanted(name string) bool {
	return name == graphFile || name == indexFile || dataFile.MatchString(name)
}

// notSupported are files without which the model would be another one.
var notSupported = map[string]string{
	"saved_model.pbtxt": "a SavedModel in text form is not supported: save it as saved_model.pb",
}

// files are the wanted files of an archive by their path in the SavedModel.
type files map[string][]byte

// readArchive takes the wanted files out of an archive.
func readArchive(archive []byte, limits Limits) (files, error) {
	r := &reader{limits: limits, left: limits.Bytes, found: make(map[string]files)}
	var err error
	switch {
	case bytes.HasPrefix(archive, []byte("PK\x03\x04")):
		err = r.zip(archive)
	case bytes.HasPrefix(archive, []byte("\x1f\x8b")):
		err = r.gzip(archive)
	case len(archive) > 262 && string(archive[257:262]) == "ustar":
		err = r.tar(bytes.NewReader(archive))
	default:
		return nil, &model.LoadError{Reason: "the artifact is no archive: a SavedModel comes as zip, tar or tar.gz of its directory"}
	}
	if err != nil {
		return nil, err
	}
	return r.one()
}

// reader collects files by the folder that they are in.
type reader struct {
	limits  Limits
	left    int64 // bytes that may still be unpacked
	entries int
	found   map[string]files
}

func (r *reader) zip(archive []byte) error {
	z, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		return broken("zip", err)
	}
	for _, f := range z.File {
		if !f.Mode().IsRegular() {
			if err := r.count(); err != nil {
				return err
			}
			continue
		}
		open := func() (io.ReadCloser, error) { return f.Open() }
		if err := r.file(f.Name, open); err != nil {
			return err
		}
	}
	return nil
}

func (r *reader) gzip(archive []byte) error {
	z, err := gzip.NewReader(bytes.NewReader(archive))
	if err != nil {
		return broken("gzip", err)
	}
	// What is passed over is unpacked too, so the whole stream is limited.
	limited := &io.LimitedReader{R: z, N: 2*r.limits.Bytes + 1}
	err = r.tar(limited)
	if err == nil {
		_, err = io.Copy(io.Discard, limited) // up to the checksum
	}
	if limited.N == 0 {
		return r.tooLarge()
	}
	var load *model.LoadError
	if err != nil && !errors.As(err, &load) {
		return broken("gzip", err)
	}
	return err
}

func (r *reader) tar(stream io.Reader) error {
	t := tar.NewReader(stream)
	for {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return broken("tar", err)
		}
		if h.Typeflag != tar.TypeReg {
			if err := r.count(); err != nil {
				return err
			}
			continue // folders; links and devices are never followed or made
		}
		open := func() (io.ReadCloser, error) { return io.NopCloser(t), nil }
		if err := r.file(h.Name, open); err != nil {
			return err
		}
	}
}

func (r *reader) count() error {
	if r.entries++; r.entries > r.limits.Entries {
		return &model.LoadError{Reason: fmt.Sprintf("the archive has more than %d entries", r.limits.Entries)}
	}
	return nil
}

// file keeps a regular file if it is wanted.
func (r *reader) file(name string, open func() (io.ReadCloser, error)) error {
	if err := r.count(); err != nil {
		return err
	}
	folder, rest, ok := split(name)
	if !ok {
		return &model.LoadError{Where: fmt.Sprintf("file %q", name), Reason: "the name is not a plain path inside the archive"}
	}
	if reason, bad := notSupported[rest]; bad {
		return &model.LoadError{Where: fmt.Sprintf("file %q", name), Reason: reason}
	}
	if !wanted(rest) {
		return nil
	}
	if r.found[folder] == nil {
		r.found[folder] = make(files)
	}
	if _, twice := r.found[folder][rest]; twice {
		return &model.LoadError{Where: fmt.Sprintf("file %q", name), Reason: "it is in the archive twice"}
	}
	stream, err := open()
	if err != nil {
		return broken(name, err)
	}
	defer stream.Close()
	content, err := io.ReadAll(io.LimitReader(stream, r.left+1))
	if err != nil {
		return broken(name, err)
	}
	if r.left -= int64(len(content)); r.left < 0 {
		return r.tooLarge()
	}
	r.found[folder][rest] = content
	return nil
}

// split cuts a name into the folder that the SavedModel is in, "" or "a/b", and
// the path in it. It refuses names that could lead out.
func split(name string) (folder, rest string, ok bool) {
	name = strings.TrimPrefix(name, "./")
	if name == "" || strings.ContainsAny(name, "\\\x00:") || strings.HasPrefix(name, "/") || path.Clean(name) != name ||
		name == ".." || strings.HasPrefix(name, "../") {
		return "", "", false
	}
	folder, file := path.Split(name)
	folder = strings.TrimSuffix(folder, "/")
	if last := path.Base(folder); last == "variables" {
		folder = strings.TrimSuffix(strings.TrimSuffix(folder, "variables"), "/")
		file = "variables/" + file
	}
	return folder, file, true
}

// one returns the files of the only SavedModel.
func (r *reader) one() (files, error) {
	var only files
	for _, f := range r.found {
		if f[graphFile] == nil {
			continue
		}
		if only != nil {
			return nil, &model.LoadError{Reason: "the archive holds several SavedModels: send one version alone"}
		}
		only = f
	}
	if only == nil {
		return nil, &model.LoadError{Reason: "the archive holds no saved_model.pb"}
	}
	return only, nil
}

func (r *reader) tooLarge() error {
	return &model.LoadError{Reason: fmt.Sprintf("the archive unpacks to more than %d bytes", r.limits.Bytes)}
}

func broken(what string, err error) error {
	return &model.LoadError{Reason: "the archive cannot be read", Where: what, Err: err}
}
