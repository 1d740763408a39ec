package artifact

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"gocloud.dev/blob"
)

// Config says what locations may refer to. The zero value refuses everything.
type Config struct {
	// FileRoots are directories, as absolute paths, that file: locations must lie
	// below. A symbolic link below a root must be relative and stay below it.
	FileRoots []string
	// Hosts are the hosts of http: and https: locations and of what these
	// redirect to: "host" for the scheme's own port, or "host:port". With a scheme
	// before it ("https://host"), the host is allowed for that scheme alone.
	Hosts []string
	// Buckets are URLs of buckets, "s3://models", or of what is below a path in
	// one, "s3://models/wine". A query has the provider's settings: region,
	// endpoint and others (https://gocloud.dev/howto/blob). A location has none.
	Buckets []string

	// MaxBytes is the largest artifact. Default 1 GiB.
	MaxBytes int64
	// Timeout is the longest fetch. Default 1 min.
	Timeout time.Duration
	// TLS configures https. Default: the system's certificate authorities.
	TLS *tls.Config

	// Section is what the server's configuration calls these settings, for
	// errors. Default "models.locations".
	Section string

	// buckets opens buckets' URLs. Tests set it; default: see providers.go.
	buckets *blob.URLMux
}

const (
	defaultMaxBytes = 1 << 30
	defaultTimeout  = time.Minute
	defaultSection  = "models.locations"
)

// WithDefaults returns the configuration with defaults where nothing is set.
func (c Config) WithDefaults() Config {
	if c.MaxBytes == 0 {
		c.MaxBytes = defaultMaxBytes
	}
	if c.Timeout == 0 {
		c.Timeout = defaultTimeout
	}
	if c.Section == "" {
		c.Section = defaultSection
	}
	if c.buckets == nil {
		c.buckets = providers()
	}
	return c
}

// rules are the lists of a configuration, parsed.
type rules struct {
	roots   []string // clean
	hosts   []hostRule
	buckets []bucketRule
}

// hostRule allows a host.
type hostRule struct {
	scheme string // "" for http and https
	host   string // lower case, without a dot at its end
	port   string // "" for the scheme's own
}

// bucketRule allows a bucket, or what is below a path of it.
type bucketRule struct {
	open   *url.URL // how to open the bucket: without the path
	prefix string   // "" or "wine/"
}

// parse checks the configuration. Its errors name each setting that is wrong.
func (c *Config) parse() (rules, error) {
	var r rules
	var errs []error
	wrong := func(key string, i int, value, rule string) {
		errs = append(errs, fmt.Errorf("%s.%s[%d]: %q %s", c.Section, key, i, value, rule))
	}
	if c.MaxBytes < 0 {
		errs = append(errs, fmt.Errorf("%s.max_bytes must be positive", c.Section))
	}
	if c.Timeout < 0 {
		errs = append(errs, fmt.Errorf("%s.timeout must be positive", c.Section))
	}
	for i, root := range c.FileRoots {
		if !filepath.IsAbs(root) {
			wrong("file_roots", i, root, "must be an absolute path")
			continue
		}
		r.roots = append(r.roots, filepath.Clean(root))
	}
	for i, host := range c.Hosts {
		rule, ok := parseHost(host)
		if !ok {
			wrong("hosts", i, host, "must be a host or host:port, with http:// or https:// before it to allow only that")
			continue
		}
		r.hosts = append(r.hosts, rule)
	}
	for i, bucket := range c.Buckets {
		rule, problem := c.parseBucket(bucket)
		if problem != "" {
			wrong("buckets", i, redact(bucket), problem)
			continue
		}
		r.buckets = append(r.buckets, rule)
	}
	return r, errors.Join(errs...)
}

func parseHost(text string) (hostRule, bool) {
	scheme, rest, found := strings.Cut(text, "://")
	if !found {
		scheme, rest = "", text
	} else if scheme != "http" && scheme != "https" {
		return hostRule{}, false
	}
	if strings.Count(rest, ":") > 1 && !strings.HasPrefix(rest, "[") {
		rest = "[" + rest + "]" // an IPv6 address
	}
	u, err := url.Parse("//" + rest)
	if err != nil || u.Hostname() == "" || u.User != nil || u.Host != rest || strings.Contains(rest, "*") {
		return hostRule{}, false
	}
	return hostRule{scheme: scheme, host: canonicalHost(u.Hostname()), port: u.Port()}, true
}

func canonicalHost(host string) string {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if ip := net.ParseIP(host); ip != nil {
		return ip.String()
	}
	return host
}

func (c *Config) parseBucket(text string) (rule bucketRule, problem string) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Opaque != "":
		return rule, "must be a bucket's URL, such as s3://models?region=eu-central-1"
	case !c.buckets.ValidBucketScheme(u.Scheme):
		return rule, "has a scheme that this server does not know; it knows " + strings.Join(c.buckets.BucketSchemes(), ", ")
	case u.User != nil:
		return rule, "must not have credentials: they come from the environment, as for the provider's own tools"
	case u.Query().Has("prefix") || u.Query().Has("key"):
		return rule, "must have a prefix as its path, not as a setting"
	case u.Fragment != "":
		return rule, "must not have a fragment"
	}
	prefix := strings.Trim(u.Path, "/")
	if prefix != "" {
		if !cleanKey(prefix) {
			return rule, "must not have empty parts or dots for parts in its path"
		}
		prefix += "/"
	}
	bucket := *u
	bucket.Path, bucket.RawPath = "", ""
	return bucketRule{open: &bucket, prefix: prefix}, ""
}
