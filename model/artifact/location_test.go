package artifact

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/modelstream/modelserver/model"
)

var ctx = context.Background()

func newResolver(t testing.TB, c Config) *Resolver {
	t.Helper()
	r, err := New(c)
	must(t, err)
	t.Cleanup(r.Close)
	return r
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// refused checks that a location is refused for good, with these words.
func refused(t *testing.T, r *Resolver, location string, words ...string) {
	t.Helper()
	a, err := r.Resolve(ctx, location)
	var e *model.LoadError
	if !errors.As(err, &e) || a.Bytes != nil {
		t.Errorf("%q: error %v (%T), want a LoadError", location, err, err)
		return
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%q: the error %q does not say %q", location, err, word)
		}
	}
}

// transient checks that resolving fails so that it is tried again.
func transient(t *testing.T, r *Resolver, location string, words ...string) {
	t.Helper()
	_, err := r.Resolve(ctx, location)
	var e *model.TransientError
	if !errors.As(err, &e) {
		t.Errorf("%q: error %v (%T), want a TransientError", location, err, err)
		return
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%q: the error %q does not say %q", location, err, word)
		}
	}
}

func TestNothingIsAllowedByDefault(t *testing.T) {
	r := newResolver(t, Config{})
	file := filepath.Join(t.TempDir(), "model")
	must(t, os.WriteFile(file, []byte("a model"), 0o600))
	refused(t, r, "file://"+file, "models.locations.file_roots")
	refused(t, r, "file:///", "models.locations.file_roots")
	refused(t, r, "http://models.example.com/wine", "models.example.com:80", "models.locations.hosts")
	refused(t, r, "https://127.0.0.1/wine", "127.0.0.1:443", "models.locations.hosts")
	refused(t, r, "s3://models/wine", "models.locations.buckets")
}

func TestLocationsThatAreNone(t *testing.T) {
	r := newResolver(t, Config{FileRoots: []string{"/"}, Hosts: []string{"host"}, Buckets: []string{"s3://models"}, Section: "here"})
	for _, test := range []struct{ location, says string }{
		{"", "empty"},
		{"/models/wine.pmml", "write file:///models/wine.pmml"},
		{"models/wine.pmml", "scheme"},
		{"wine", "scheme"},
		{"C:\\models", `"c" is not known`},
		{"ftp://host/wine", `"ftp" is not known here; known are file, http, https, s3`},
		{"gs://models/wine", `"gs" is not known`},
		{"javascript:alert(1)", "not known"},
		{"data:,a", "not known"},
		{"https://", "no host"},
		{"https:///wine", "no host"},
		{"https:wine", "no host"},
		{"https://:443/wine", "no host"},
		{"https://ho st/wine", "no URL"},
		{"https://host:port/wine", "no URL"},
		{"https://[::1/wine", "no URL"},
		{"https://host/wi\nne", "characters"},
		{"https://host/wi%0ane", "characters"},
		{"https://host/\xff", "characters"},
		{"file:///wine%00.pmml", "characters"},
		{"https://user:SECRET@host/wine", "must not have credentials"},
		{"https://SECRET@host/wine", "must not have credentials"},
		{"s3://key:SECRET@models/wine", "must not have credentials"},
		{"https://host/" + strings.Repeat("x", maxLocation), "at most 4096"},
		{"file:wine.pmml", "absolute"},
		{"file://wine.pmml", "write file:///wine.pmml"},
		{"file://host/wine.pmml", "no host"},
		{"file:///wine.pmml?SECRET", "%3F"},
		{"file:///wine.pmml#SECRET", "%23"},
		{"s3:///wine", "here.buckets"},
		{"s3:models/wine", "must not be empty"},
		{"s3://models", "must not be empty"},
		{"s3://models/", "must not be empty"},
		{"s3://models//wine", "empty parts"},
		{"s3://models/wine//", "empty parts"},
		{"s3://models/wine/../other", "dots"},
		{"s3://models/./wine", "dots"},
		{"s3://models/wine?endpoint=http://SECRET", "here.buckets"},
		{"s3://models/wine?", "here.buckets"},
		{"s3://other/wine", "add s3://other there"},
	} {
		refused(t, r, test.location, test.says)
		if _, err := r.Resolve(ctx, test.location); strings.Contains(err.Error(), "SECRET") || len(err.Error()) > 700 {
			t.Errorf("%.100q: the error is %q", test.location, err)
		}
	}
}

func TestRedact(t *testing.T) {
	for location, shown := range map[string]string{
		"https://host/wine.pmml":                    "https://host/wine.pmml",
		"https://host/models@v1/wine":               "https://host/models@v1/wine",
		"https://host/wine?token=SECRET":            "https://host/wine?…",
		"https://host/wine#SECRET":                  "https://host/wine?…",
		"https://user:SECRET@host/wine?token=S":     "https://…@host/wine?…",
		"https://user:SEC/RET@host/wine":            "https://…@host/wine",
		"https://user:SEC?RET@host/wine":            "https://…@host/wine",
		"https://user:SEC%ZZRET@host/wine":          "https://…@host/wine",
		"s3://key:SECRET@models/wine":               "s3://…@models/wine",
		"https://host/\x1b[31m":                     `https://host/\x1b[31m`,
		"https://host/" + strings.Repeat("ä", 1000): "https://host/" + strings.Repeat("ä", 143) + "…",
	} {
		if got := redact(location); got != shown {
			t.Errorf("%q is shown as %q, want %q", location, got, shown)
		}
	}
}

func TestConfigIsChecked(t *testing.T) {
	for name, test := range map[string]struct {
		config Config
		says   []string
	}{
		"a relative root":         {Config{FileRoots: []string{"/a", "models"}}, []string{`models.locations.file_roots[1]: "models"`, "absolute"}},
		"an empty root":           {Config{FileRoots: []string{""}}, []string{"absolute"}},
		"a URL for a host":        {Config{Hosts: []string{"https://host/path"}}, []string{"hosts[0]", "host:port"}},
		"a pattern":               {Config{Hosts: []string{"*.example.com"}}, []string{"hosts[0]"}},
		"an empty host":           {Config{Hosts: []string{""}}, []string{"hosts[0]"}},
		"another scheme":          {Config{Hosts: []string{"ftp://host"}}, []string{"hosts[0]"}},
		"a host with credentials": {Config{Hosts: []string{"user@host"}}, []string{"hosts[0]"}},
		"a bad port":              {Config{Hosts: []string{"host:http"}}, []string{"hosts[0]"}},
		"a bucket's name":         {Config{Buckets: []string{"models"}}, []string{"buckets[0]", "s3://models?region="}},
		"an unknown provider":     {Config{Buckets: []string{"gs://models"}}, []string{"it knows s3"}},
		"credentials":             {Config{Buckets: []string{"s3://key:SECRET@models"}}, []string{"environment"}},
		"a prefix as setting":     {Config{Buckets: []string{"s3://models?prefix=wine"}}, []string{"path"}},
		"dots in a prefix":        {Config{Buckets: []string{"s3://models/../wine"}}, []string{"dots"}},
		"a negative size":         {Config{MaxBytes: -1}, []string{"models.locations.max_bytes"}},
		"a negative time":         {Config{Timeout: -1, Section: "here"}, []string{"here.timeout"}},
		"two faults":              {Config{MaxBytes: -1, Hosts: []string{"a", "b/c"}}, []string{"max_bytes", "hosts[1]"}},
	} {
		_, err := New(test.config)
		if err == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		for _, part := range test.says {
			if !strings.Contains(err.Error(), part) || strings.Contains(err.Error(), "SECRET") {
				t.Errorf("%s: the error is %q, and should say %q", name, err, part)
			}
		}
	}
}

// FuzzLocation: whatever a location is, it is refused where nothing is allowed,
// and its secrets stay out of the error.
func FuzzLocation(f *testing.F) {
	for _, seed := range []string{
		"", "file:///models/wine", "https://user:secret@host:1/path?secret#secret", "s3://bucket/key?x", "//host", "a:b:c",
		"https://[::1]:80/", "HTTPS://HOST", "file:////etc/passwd", "file:///%2e%2e/", "https://host\\@other/", "https:%2f%2fhost",
	} {
		f.Add(seed)
	}
	r := newResolver(f, Config{})
	f.Fuzz(func(t *testing.T, location string) {
		_, err := r.Resolve(ctx, location)
		var e *model.LoadError
		if !errors.As(err, &e) {
			t.Fatalf("error %v (%T), want a LoadError", err, err)
		}
		if len(e.Where) > maxShown*4+10 || strings.ContainsAny(e.Where, "\n\r\x1b\x00") {
			t.Errorf("the error shows %q", e.Where)
		}
		u, parseErr := url.Parse(location)
		if parseErr != nil {
			return
		}
		for _, secret := range []string{u.RawQuery, u.Fragment, u.User.String()} {
			before := location[:strings.IndexAny(location+"?", "?#")]
			outside := fmt.Sprintf("%q", u.Scheme+u.Host+u.Path+u.Opaque+before[strings.LastIndex(before, "@")+1:])
			if len(secret) > 3 && !strings.Contains(outside, secret) && strings.Contains(e.Where, secret) {
				t.Errorf("the error shows %q of %q: %q", secret, location, e.Where)
			}
		}
	})
}
