package artifact

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/modelstream/modelserver/model"
)

const (
	maxRedirects      = 5
	dialTimeout       = 10 * time.Second
	idleTimeout       = 30 * time.Second
	maxResponseHeader = 64 << 10
)

// newClient returns a client that reads nothing of the environment and asks for
// the bytes as they are: a compressed answer could become any size.
func (r *Resolver) newClient() *http.Client {
	dialer := &net.Dialer{Timeout: dialTimeout}
	return &http.Client{
		CheckRedirect: r.redirect,
		Transport: &http.Transport{
			Proxy:                  nil,
			DialContext:            dialer.DialContext,
			TLSClientConfig:        r.config.TLS.Clone(),
			TLSHandshakeTimeout:    dialTimeout,
			ForceAttemptHTTP2:      true,
			DisableCompression:     true,
			MaxResponseHeaderBytes: maxResponseHeader,
			MaxIdleConns:           maxFetches,
			IdleConnTimeout:        idleTimeout,
		},
	}
}

// web fetches over http or https.
func (r *Resolver) web(ctx context.Context, p place) ([]byte, error) {
	if err := r.allowed(p); err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url.String(), nil)
	if err != nil {
		return nil, p.refuse("the location is no URL")
	}
	req.Header.Set("User-Agent", "modelserver")
	resp, err := r.client.Do(req)
	if err != nil {
		return nil, webError(ctx, p, err)
	}
	defer resp.Body.Close()
	if err := r.status(p, resp); err != nil {
		return nil, err
	}
	content, err := read(ctx, resp.Body, resp.ContentLength, r.config.MaxBytes)
	switch {
	case errors.Is(err, errTooLarge):
		return nil, r.tooLarge(p)
	case err != nil:
		return nil, webError(ctx, p, err)
	}
	return content, nil
}

// allowed says whether the URL's host is in the list.
func (r *Resolver) allowed(p place) error {
	u := p.url
	host, port := canonicalHost(u.Hostname()), u.Port()
	if host == "" {
		return p.refuse("the location has no host")
	}
	if port == "" {
		port = defaultPort(u.Scheme)
	}
	for _, rule := range r.rules.hosts {
		rulePort := rule.port
		if rulePort == "" {
			rulePort = defaultPort(u.Scheme)
		}
		if rule.host == host && rulePort == port && (rule.scheme == "" || rule.scheme == u.Scheme) {
			return nil
		}
	}
	return p.refuse("%s is not allowed for %s: add it to %s if you trust it", net.JoinHostPort(host, port), u.Scheme, r.key("hosts"))
}

func defaultPort(scheme string) string {
	if scheme == "http" {
		return "80"
	}
	return "443"
}

// redirect checks a redirect as the location was.
func (r *Resolver) redirect(req *http.Request, via []*http.Request) error {
	req.Header.Del("Referer") // it would have the query of the location
	from, to := place{text: redact(via[0].URL.String())}, place{url: req.URL, text: redact(req.URL.String())}
	switch {
	case len(via) > maxRedirects:
		return from.refuse("it is redirected more than %d times", maxRedirects)
	case req.URL.Scheme != "http" && req.URL.Scheme != "https":
		return from.refuse("it is redirected to %s, which is not http or https", to.text)
	case via[len(via)-1].URL.Scheme == "https" && req.URL.Scheme == "http":
		return from.refuse("it is redirected from https to http, to %s", to.text)
	case req.URL.User != nil:
		return from.refuse("it is redirected to a URL with credentials, %s", to.text)
	}
	if err := r.allowed(to); err != nil {
		return from.refuseFor(err, "it is redirected")
	}
	return nil
}

// status reads an answer's first line: what will not change by trying again, and
// what may.
func (r *Resolver) status(p place, resp *http.Response) error {
	switch code := resp.StatusCode; {
	case code == http.StatusOK:
	case code >= 500, code == http.StatusTooManyRequests, code == http.StatusRequestTimeout, code == http.StatusTooEarly:
		return p.retry(nil, "the server answers %s", statusText(code))
	default:
		return p.refuse("the server answers %s", statusText(code))
	}
	if encoding := resp.Header.Get("Content-Encoding"); encoding != "" && encoding != "identity" {
		return p.refuse("the server compresses the answer (%.20q), which was not asked for", encoding)
	}
	return nil
}

// statusText is ours: the server's may be anything.
func statusText(code int) string {
	return strings.TrimSpace(fmt.Sprintf("%d %s", code, http.StatusText(code)))
}

// webError sorts what the client says. Its own errors have the whole URL, so
// they are taken apart.
func webError(ctx context.Context, p place, err error) error {
	var whole *url.Error
	if errors.As(err, &whole) {
		err = whole.Err
	}
	var refused *model.LoadError
	if errors.As(err, &refused) {
		return refused
	}
	if ctx.Err() != nil {
		return p.retry(context.Cause(ctx), "fetching was given up")
	}
	if errors.As(err, new(*tls.CertificateVerificationError)) {
		return p.refuseFor(err, "the server's certificate is not valid")
	}
	return p.retry(err, "fetching failed")
}
