package artifact

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/modelstream/modelserver/model"
)

// maxFetches is the number of fetches at a time. Each may take Config.MaxBytes
// of memory.
const maxFetches = 4

// Resolver fetches models by their location.
type Resolver struct {
	config  Config
	rules   rules
	client  *http.Client
	fetches chan struct{} // has an element for each fetch that runs
}

// New returns a resolver, or says which settings are wrong.
func New(config Config) (*Resolver, error) {
	config = config.WithDefaults()
	rules, err := config.parse()
	if err != nil {
		return nil, err
	}
	r := &Resolver{config: config, rules: rules, fetches: make(chan struct{}, maxFetches)}
	r.client = r.newClient()
	return r, nil
}

// Close gives up idle connections.
func (r *Resolver) Close() { r.client.CloseIdleConnections() }

// Resolve fetches the artifact at a location. It fails with a
// [*model.LoadError] or a [*model.TransientError].
func (r *Resolver) Resolve(ctx context.Context, location string) (model.Artifact, error) {
	p, err := parse(location)
	if err != nil {
		return model.Artifact{}, err
	}
	select {
	case r.fetches <- struct{}{}:
		defer func() { <-r.fetches }()
	case <-ctx.Done():
		return model.Artifact{}, p.retry(ctx.Err(), "waiting for other fetches")
	}
	ctx, cancel := context.WithTimeoutCause(ctx, r.config.Timeout,
		fmt.Errorf("it took longer than %s.timeout, %s: %w", r.config.Section, r.config.Timeout, context.DeadlineExceeded))
	defer cancel()

	var content []byte
	switch scheme := p.url.Scheme; {
	case scheme == "file":
		content, err = r.file(ctx, p)
	case scheme == "http", scheme == "https":
		content, err = r.web(ctx, p)
	case r.config.buckets.ValidBucketScheme(scheme):
		content, err = r.bucket(ctx, p)
	default:
		err = p.refuse("the scheme %q is not known here; known are file, http, https, %s", scheme,
			strings.Join(r.config.buckets.BucketSchemes(), ", "))
	}
	if err != nil {
		return model.Artifact{}, err
	}
	return model.NewArtifact(content), nil
}

// key names a setting in errors.
func (r *Resolver) key(name string) string { return r.config.Section + "." + name }

// errTooLarge says that more came than is allowed.
var errTooLarge = errors.New("too large")

// tooLarge explains errTooLarge.
func (r *Resolver) tooLarge(p place) *model.LoadError {
	return p.refuse("it is larger than %d bytes: publish a smaller model, or raise %s", r.config.MaxBytes, r.key("max_bytes"))
}

const (
	// maxHint bounds the memory that is taken at once because a size was promised.
	maxHint = 16 << 20
	// maxChunk bounds what is read between two looks at the context.
	maxChunk = 1 << 20
)

// read reads all of a stream, of which a size may be known (-1: not), and stops
// when the context ends. It fails with errTooLarge when there are more than
// limit bytes.
func read(ctx context.Context, from io.Reader, size, limit int64) ([]byte, error) {
	if size > limit {
		return nil, errTooLarge
	}
	content := make([]byte, 0, min(max(size, 0), maxHint)+1)
	for {
		if err := ctx.Err(); err != nil {
			return nil, context.Cause(ctx)
		}
		if len(content) == cap(content) {
			content = slices.Grow(content, more(int64(len(content)), size, limit))
		}
		n, err := from.Read(content[len(content):min(cap(content), len(content)+maxChunk)])
		content = content[:len(content)+n]
		switch {
		case int64(len(content)) > limit:
			return nil, errTooLarge
		case errors.Is(err, io.EOF):
			return content, nil
		case err != nil:
			return nil, err
		}
	}
}

// more returns by how much a full buffer of n bytes grows: it doubles, but not
// beyond what was promised, or is allowed, and one more to see the end.
func more(n, size, limit int64) int {
	if n <= size {
		return int(min(n+1, size+1-n))
	}
	return int(min(n+512, limit+1-n))
}
