package cli

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/modelstream/modelserver/model"
)

// maxModelFile bounds what is read of a model's file, in bytes.
const maxModelFile = 1 << 30

// readModel reads a model: a file, or the directory of a SavedModel, which
// becomes a zip archive.
func readModel(path string) (model.Artifact, error) {
	info, err := os.Stat(path)
	if err != nil {
		return model.Artifact{}, err
	}
	var content []byte
	if info.IsDir() {
		content, err = zipSavedModel(path)
	} else {
		content, err = readLimited(path)
	}
	if err != nil {
		return model.Artifact{}, err
	}
	sum := sha256.Sum256(content)
	return model.Artifact{Bytes: content, SHA256: hex.EncodeToString(sum[:])}, nil
}

func readLimited(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxModelFile+1))
	switch {
	case err != nil:
		return nil, err
	case len(b) > maxModelFile:
		return nil, fmt.Errorf("%s has more than %d bytes", path, maxModelFile)
	case len(b) == 0:
		return nil, fmt.Errorf("%s is empty", path)
	}
	return b, nil
}

// zipSavedModel packs a directory, the same bytes each time. Nothing outside of
// the directory gets in, whatever links it has.
func zipSavedModel(dir string) ([]byte, error) {
	if _, err := os.Stat(filepath.Join(dir, savedModelFile)); err != nil {
		return nil, fmt.Errorf("%s is a directory without %s: give a model file, or the directory of one version of a SavedModel", dir, savedModelFile)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	err = fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		content, err := root.ReadFile(filepath.FromSlash(name))
		if err != nil {
			return err
		}
		if out.Len()+len(content) > maxModelFile {
			return fmt.Errorf("%s has more than %d bytes", dir, maxModelFile)
		}
		w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate})
		if err != nil {
			return err
		}
		_, err = w.Write(content)
		return err
	})
	if err := errors.Join(err, z.Close()); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

const savedModelFile = "saved_model.pb"

// The model types that content is recognized as.
const (
	typePMML       = "pmml"
	typeTensorFlow = "tensorflow"
	typeSavedModel = "tensorflow-saved"
)

// guessType says which model type content looks like, or why that is not clear.
func guessType(content []byte) (string, error) {
	head := content[:min(len(content), 64<<10)]
	switch {
	case bytes.HasPrefix(head, []byte("PK\x03\x04")):
		return guessZip(content)
	case bytes.HasPrefix(head, []byte("\x1f\x8b")):
		return guessGzip(content)
	case len(head) > 262 && string(head[257:262]) == "ustar":
		return typeSavedModel, nil
	case looksLikeXML(head):
		if bytes.Contains(head, []byte("PMML")) || bytes.Contains(head, []byte("P\x00M\x00M\x00L")) {
			return typePMML, nil
		}
		return "", errors.New("it is XML, but no PMML")
	case looksLikeGraph(content):
		return typeTensorFlow, nil
	case looksLikeSavedModel(content):
		return "", errors.New("it is the " + savedModelFile + " of a SavedModel: give the directory that it is in, or a zip of that")
	case looksLikeONNX(content):
		return "", errors.New("it looks like ONNX, which this program does not read")
	}
	return "", errors.New("it is neither PMML, a TensorFlow graph, nor an archive of a SavedModel")
}

func guessZip(content []byte) (string, error) {
	z, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		return "", fmt.Errorf("it begins like a zip archive, but is none: %w", err)
	}
	for _, f := range z.File {
		if filepath.Base(f.Name) == savedModelFile {
			return typeSavedModel, nil
		}
	}
	return "", fmt.Errorf("it is a zip archive without %s", savedModelFile)
}

func guessGzip(content []byte) (string, error) {
	z, err := gzip.NewReader(bytes.NewReader(content))
	if err != nil {
		return "", fmt.Errorf("it begins like gzip, but is none: %w", err)
	}
	head := make([]byte, 512)
	if _, err := io.ReadFull(z, head); err != nil || string(head[257:262]) != "ustar" {
		return "", errors.New("it is compressed, but holds no tar archive: unpack it first")
	}
	return typeSavedModel, nil
}

// looksLikeXML recognizes the beginnings of XML in UTF-8 and UTF-16.
func looksLikeXML(head []byte) bool {
	text := strings.TrimLeft(strings.TrimPrefix(string(head), "\ufeff"), " \t\r\n")
	return strings.HasPrefix(text, "<") ||
		bytes.HasPrefix(head, []byte("\xff\xfe<\x00")) || bytes.HasPrefix(head, []byte("\xfe\xff\x00<"))
}

// looksLikeGraph recognizes a GraphDef: its first field is a node (1), whose
// first fields are a name (1) and an operation (2).
func looksLikeGraph(content []byte) bool {
	node, _, ok := bytesField(content, 1)
	if !ok {
		return false
	}
	name, rest, ok := bytesField(node, 1)
	if !ok || len(name) == 0 {
		return false
	}
	op, _, ok := bytesField(rest, 2)
	return ok && len(op) > 0 && op[0] >= 'A' && op[0] <= 'Z' || ok && len(op) > 0 && op[0] == '_'
}

// looksLikeSavedModel recognizes a SavedModel message: a schema version (1),
// then a graph with its metadata (2).
func looksLikeSavedModel(content []byte) bool {
	rest, ok := varintField(content, 1)
	if !ok {
		return false
	}
	graph, _, ok := bytesField(rest, 2)
	return ok && len(graph) > 0 && graph[0] == 1<<3|byte(protowire.BytesType)
}

// looksLikeONNX recognizes a ModelProto: an IR version (1), then the name of its
// producer (2).
func looksLikeONNX(content []byte) bool {
	rest, ok := varintField(content, 1)
	if !ok {
		return false
	}
	_, _, ok = bytesField(rest, 2)
	return ok
}

func bytesField(b []byte, want protowire.Number) (value, rest []byte, ok bool) {
	number, kind, n := protowire.ConsumeTag(b)
	if n < 0 || number != want || kind != protowire.BytesType {
		return nil, nil, false
	}
	value, m := protowire.ConsumeBytes(b[n:])
	if m < 0 {
		return nil, nil, false
	}
	return value, b[n+m:], true
}

func varintField(b []byte, want protowire.Number) (rest []byte, ok bool) {
	number, kind, n := protowire.ConsumeTag(b)
	if n < 0 || number != want || kind != protowire.VarintType {
		return nil, false
	}
	_, m := protowire.ConsumeVarint(b[n:])
	if m < 0 {
		return nil, false
	}
	return b[n+m:], true
}
