package artifact

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/blob/fileblob"
	"gocloud.dev/blob/memblob"
)

// opener opens buckets in memory by their host. The URL must be the
// configuration's, with its settings, and without a path.
type opener map[string]map[string]string

func (o opener) OpenBucketURL(ctx context.Context, u *url.URL) (*blob.Bucket, error) {
	objects, ok := o[u.Host]
	if !ok || u.Path != "" || u.RawQuery != "region=here" {
		return nil, fmt.Errorf("asked to open %s", u)
	}
	b := memblob.OpenBucket(nil)
	for key, content := range objects {
		if err := b.WriteAll(ctx, key, []byte(content), nil); err != nil {
			return nil, err
		}
	}
	return b, nil
}

func inMemory(objects map[string]string) *blob.URLMux {
	mux := new(blob.URLMux)
	mux.RegisterBucket("mem", opener{"models": objects})
	return mux
}

func TestBuckets(t *testing.T) {
	objects := map[string]string{
		"wine/v1.pmml": "wine", "wine/v1.pmml.bak": "old", "wine/what? #1 100%": "odd", "winery/v1.pmml": "not below wine", "secret": "SECRET",
	}
	for name, content := range savedModel {
		objects["wine/saved/1/"+name] = content
	}
	objects["wine/saved/1/variables/"] = "" // what some tools make for a directory
	r := newResolver(t, Config{Buckets: []string{"mem://models/wine/?region=here", "mem://gone?region=here"}, MaxBytes: 10_000, buckets: inMemory(objects)})

	for location, content := range map[string]string{
		"mem://models/wine/v1.pmml": "wine", "mem://models/wine/what%3F%20%231%20100%25": "odd",
	} {
		if a, err := r.Resolve(ctx, location); err != nil || string(a.Bytes) != content {
			t.Errorf("%s: %q, %v", location, a.Bytes, err)
		}
	}
	// A directory has the digest that it has on a disk.
	if a, err := r.Resolve(ctx, "mem://models/wine/saved/1/"); err != nil || a.SHA256 != savedModelDigest {
		t.Errorf("the directory: %s, %v", a.SHA256, err)
	}
	refused(t, r, "mem://models/wine/v2.pmml", "no such object")
	refused(t, r, "mem://models/wine/saved/1", "a directory ends with a slash")
	refused(t, r, "mem://models/wine/nothing/", "no files")
	refused(t, r, "mem://models/secret", "models.locations.buckets")
	refused(t, r, "mem://models/winery/v1.pmml", "models.locations.buckets")
	refused(t, r, "mem://models/wine", "models.locations.buckets")
	refused(t, r, "mem://other/wine/v1.pmml", "models.locations.buckets")
	refused(t, r, "mem://gone/wine", "cannot be opened", "models.locations.buckets")
	refused(t, r, "s3://models/wine/v1.pmml", "known are file, http, https, mem")
}

func TestObjectSizeIsLimited(t *testing.T) {
	r := newResolver(t, Config{
		Buckets: []string{"mem://models?region=here"}, MaxBytes: 2000,
		buckets: inMemory(map[string]string{"just": strings.Repeat("x", 2000), "more": strings.Repeat("x", 2001), "two/1": strings.Repeat("x", 900), "two/2": strings.Repeat("x", 900)}),
	})
	if a, err := r.Resolve(ctx, "mem://models/just"); err != nil || len(a.Bytes) != 2000 {
		t.Errorf("just enough: %d bytes, %v", len(a.Bytes), err)
	}
	refused(t, r, "mem://models/more", "models.locations.max_bytes")
	refused(t, r, "mem://models/two/", "models.locations.max_bytes")
}

// TestFileBucket is one more provider, which lists in pages of its own.
func TestFileBucket(t *testing.T) {
	dir := t.TempDir()
	files(t, dir, savedModel)
	mux := new(blob.URLMux)
	mux.RegisterBucket("dir", bucketFunc(func(context.Context, *url.URL) (*blob.Bucket, error) { return fileblob.OpenBucket(dir, nil) }))
	r := newResolver(t, Config{Buckets: []string{"dir://models"}, buckets: mux})
	if a, err := r.Resolve(ctx, "dir://models/saved_model.pb"); err != nil || string(a.Bytes) != "graph" {
		t.Errorf("%q, %v", a.Bytes, err)
	}
	a, err := r.Resolve(ctx, "dir://models/variables/")
	must(t, err)
	if got := unpack(t, a.Bytes); len(got) != 2 || got["variables.index"] != "index" {
		t.Errorf("the archive has %v", got)
	}
}

type bucketFunc func(context.Context, *url.URL) (*blob.Bucket, error)

func (f bucketFunc) OpenBucketURL(ctx context.Context, u *url.URL) (*blob.Bucket, error) {
	return f(ctx, u)
}

// s3 answers the two requests of S3's protocol that fetching needs.
type s3 struct {
	objects map[string]string
	fail    int // the status of every answer, if not 0
}

func (s *s3) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	fault := func(status int, code string) {
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(status)
		fmt.Fprintf(w, "<Error><Code>%s</Code><Message>it is so</Message></Error>", code)
	}
	key := strings.TrimPrefix(r.URL.Path, "/models/")
	content, found := s.objects[key]
	switch {
	case s.fail == http.StatusForbidden:
		fault(s.fail, "AccessDenied")
	case s.fail != 0:
		fault(s.fail, "SlowDown")
	case r.URL.Query().Get("list-type") == "2":
		s.list(w, r.URL.Query().Get("prefix"))
	case !found:
		fault(http.StatusNotFound, "NoSuchKey")
	default:
		http.ServeContent(w, r, "", time.Unix(1, 0), strings.NewReader(content))
	}
}

func (s *s3) list(w http.ResponseWriter, prefix string) {
	type object struct {
		Key          string
		Size         int
		LastModified string
		ETag         string
	}
	var result struct {
		XMLName  xml.Name `xml:"ListBucketResult"`
		Contents []object
	}
	for key, content := range s.objects {
		if strings.HasPrefix(key, prefix) {
			result.Contents = append(result.Contents, object{key, len(content), "2026-01-01T00:00:00.000Z", `"00"`})
		}
	}
	slices.SortFunc(result.Contents, func(a, b object) int { return strings.Compare(a.Key, b.Key) })
	w.Header().Set("Content-Type", "application/xml")
	_ = xml.NewEncoder(w).Encode(result)
}

func TestS3(t *testing.T) {
	// Nothing of the machine that runs the test may reach the provider.
	t.Setenv("AWS_CONFIG_FILE", "/nowhere")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	fake := &s3{objects: map[string]string{"wine/v1.pmml": "wine"}}
	for name, content := range savedModel {
		fake.objects["wine/saved/1/"+name] = content
	}
	s := httptest.NewServer(fake)
	defer s.Close()
	settings := url.Values{"endpoint": {s.URL}, "region": {"here"}, "use_path_style": {"true"}, "anonymous": {"true"}}
	r := newResolver(t, Config{Buckets: []string{"s3://models/wine?" + settings.Encode(), "s3://broken?unknown=setting"}})

	if a, err := r.Resolve(ctx, "s3://models/wine/v1.pmml"); err != nil || string(a.Bytes) != "wine" {
		t.Errorf("%q, %v", a.Bytes, err)
	}
	if a, err := r.Resolve(ctx, "s3://models/wine/saved/1/"); err != nil || a.SHA256 != savedModelDigest {
		t.Errorf("the directory: %s, %v", a.SHA256, err)
	}
	refused(t, r, "s3://models/wine/v2.pmml", "no such object")
	refused(t, r, "s3://broken/wine", "cannot be opened")
	fake.fail = http.StatusForbidden
	refused(t, r, "s3://models/wine/v1.pmml", "credentials do not allow")
	fake.fail = http.StatusServiceUnavailable
	transient(t, r, "s3://models/wine/v1.pmml", "fetching failed", "503")

	over, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := r.Resolve(over, "s3://models/wine/v1.pmml"); !errors.Is(err, context.Canceled) {
		t.Errorf("given up: %v", err)
	}
}
