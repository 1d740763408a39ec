package artifact

import (
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/modelstream/modelserver/model"
)

// server starts a server and returns it with its host:port.
func server(t *testing.T, handler http.HandlerFunc) (*httptest.Server, string) {
	t.Helper()
	s := httptest.NewUnstartedServer(handler)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.Start()
	t.Cleanup(s.Close)
	return s, strings.TrimPrefix(s.URL, "http://")
}

func TestWeb(t *testing.T) {
	var last *http.Request
	s, host := server(t, func(w http.ResponseWriter, r *http.Request) {
		last = r
		fmt.Fprintf(w, "%s?%s", r.URL.Path, r.URL.RawQuery)
	})
	r := newResolver(t, Config{Hosts: []string{host}})
	a, err := r.Resolve(ctx, s.URL+"/models/wine%20v1?signature=x#part")
	if err != nil || string(a.Bytes) != "/models/wine v1?signature=x" {
		t.Errorf("%q, %v", a.Bytes, err)
	}
	if encoding := last.Header.Get("Accept-Encoding"); encoding != "" || last.UserAgent() != "modelserver" {
		t.Errorf("the request has the header %v", last.Header)
	}
}

func TestHostsAreAllowedExactly(t *testing.T) {
	for _, test := range []struct {
		rule    string
		allowed []string
		refused []string
	}{
		{
			"models.example.com",
			[]string{"https://models.example.com/", "http://models.example.com/", "https://models.example.com:443/", "http://MODELS.example.COM.:80/"},
			[]string{
				"https://models.example.com:8443/", "http://models.example.com:443/", "https://example.com/", "https://x.models.example.com/",
				"https://models.example.com.evil.org/", "https://evil.org/models.example.com", "https://models.example.com%00.evil.org/",
				"https://models.example.com\\@evil.org/", "https://modelsXexample.com/",
			},
		},
		{"host:8443", []string{"https://host:8443/", "http://host:8443/"}, []string{"https://host/", "https://host:443/"}},
		{"https://host", []string{"https://host/", "https://host:443/"}, []string{"http://host/", "http://host:443/"}},
		{"http://host:80", []string{"http://host/"}, []string{"https://host/", "https://host:80/"}},
		{"10.0.0.5", []string{"http://10.0.0.5/"}, []string{"http://10.0.0.50/", "http://10.0.0.05/", "http://167772165/", "http://0x0a000005/"}},
		{"::1", []string{"http://[::1]/", "http://[0:0:0:0:0:0:0:1]:80/"}, []string{"http://[::2]/", "http://[::1]:81/"}},
		{"[::1]:8080", []string{"http://[::1]:8080/"}, []string{"http://[::1]/"}},
	} {
		r := newResolver(t, Config{Hosts: []string{test.rule}})
		for _, location := range test.allowed {
			p, err := parse(location)
			if err == nil {
				err = r.allowed(p)
			}
			if err != nil {
				t.Errorf("%s allows %s: %v", test.rule, location, err)
			}
		}
		for _, location := range test.refused {
			refused(t, r, location)
		}
	}
}

func TestRedirects(t *testing.T) {
	other, otherHost := server(t, func(w http.ResponseWriter, r *http.Request) {
		if referer := r.Referer(); referer != "" {
			t.Errorf("the other host gets the referer %q", referer)
		}
		fmt.Fprint(w, "a model")
	})
	forbidden, _ := server(t, func(http.ResponseWriter, *http.Request) { t.Error("a host that is not allowed was asked") })
	var location string
	s, host := server(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/to":
			w.Header().Set("Location", location)
			w.WriteHeader(http.StatusFound)
		case "/loop":
			http.Redirect(w, r, "/loop?SECRET", http.StatusFound)
		case "/chain":
			if n := len(r.URL.RawQuery); n < maxRedirects {
				http.Redirect(w, r, "/chain?"+strings.Repeat("x", n+1), http.StatusTemporaryRedirect)
				return
			}
			fmt.Fprint(w, "a model")
		case "/nowhere":
			w.WriteHeader(http.StatusFound)
		}
	})
	r := newResolver(t, Config{Hosts: []string{host, otherHost, "https://" + host}})

	for _, path := range []string{"/to?token=SECRET", "/chain"} {
		location = other.URL + "/model?token=OTHER"
		if a, err := r.Resolve(ctx, s.URL+path); err != nil || string(a.Bytes) != "a model" {
			t.Errorf("%s: %q, %v", path, a.Bytes, err)
		}
	}
	for to, says := range map[string]string{
		forbidden.URL + "/?SECRET":                         "models.locations.hosts",
		"http://169.254.169.254/latest/meta-data":          "models.locations.hosts",
		"file:///etc/passwd":                               "not http or https",
		strings.Replace(other.URL, "//", "//u:SECRET@", 1): "credentials",
	} {
		location = to
		refused(t, r, s.URL+"/to", "redirected", says)
		if _, err := r.Resolve(ctx, s.URL+"/to"); strings.Contains(err.Error(), "SECRET") {
			t.Errorf("the error is %q", err)
		}
	}
	refused(t, r, s.URL+"/loop", "more than 5 times")
	refused(t, r, s.URL+"/nowhere", "the server answers 302 Found")
}

func TestNoRedirectFromHTTPSToHTTP(t *testing.T) {
	plain, plainHost := server(t, func(http.ResponseWriter, *http.Request) { t.Error("asked without TLS") })
	secure := httptest.NewTLSServer(http.RedirectHandler(plain.URL, http.StatusFound))
	defer secure.Close()
	secureHost := strings.TrimPrefix(secure.URL, "https://")
	r := newResolver(t, Config{Hosts: []string{plainHost, secureHost}, TLS: trust(secure)})
	refused(t, r, secure.URL, "from https to http")
}

func trust(s *httptest.Server) *tls.Config {
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	return &tls.Config{RootCAs: pool}
}

func TestCertificateIsVerified(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "a model") }))
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // it complains of the handshake
	s.StartTLS()
	defer s.Close()
	host := strings.TrimPrefix(s.URL, "https://")
	if a, err := newResolver(t, Config{Hosts: []string{host}, TLS: trust(s)}).Resolve(ctx, s.URL); err != nil || string(a.Bytes) != "a model" {
		t.Errorf("%q, %v", a.Bytes, err)
	}
	refused(t, newResolver(t, Config{Hosts: []string{host}}), s.URL, "certificate")
}

func TestStatus(t *testing.T) {
	code := 0
	s, host := server(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) })
	r := newResolver(t, Config{Hosts: []string{host}})
	for _, code = range []int{201, 204, 206, 304, 400, 401, 403, 404, 410, 451, 499} {
		refused(t, r, s.URL, "the server answers "+statusText(code))
	}
	for _, code = range []int{408, 425, 429, 500, 502, 503, 504, 599} {
		transient(t, r, s.URL, "the server answers "+statusText(code))
	}
}

func TestWebSizeIsLimited(t *testing.T) {
	s, host := server(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/just":
			w.Write(make([]byte, 2000))
		case "/promised":
			w.Header().Set("Content-Length", "2001")
			w.Write(make([]byte, 2001))
		case "/endless":
			for r.Context().Err() == nil {
				if _, err := w.Write(make([]byte, 1000)); err != nil {
					return
				}
			}
		case "/cut":
			w.Header().Set("Content-Length", "1000")
			w.Write(make([]byte, 500))
		case "/bomb":
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			z.Write(make([]byte, 1<<20))
			z.Close()
		case "/header":
			w.Header().Set("X-Large", strings.Repeat("x", maxResponseHeader+1000))
		}
	})
	r := newResolver(t, Config{Hosts: []string{host}, MaxBytes: 2000})
	if a, err := r.Resolve(ctx, s.URL+"/just"); err != nil || len(a.Bytes) != 2000 {
		t.Errorf("just enough: %d bytes, %v", len(a.Bytes), err)
	}
	refused(t, r, s.URL+"/promised", "models.locations.max_bytes")
	refused(t, r, s.URL+"/endless", "models.locations.max_bytes")
	refused(t, r, s.URL+"/bomb", "compresses")
	transient(t, r, s.URL+"/cut", "unexpected EOF")
	transient(t, r, s.URL+"/header")
}

func TestTimeIsLimited(t *testing.T) {
	s, host := server(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			fmt.Fprint(w, "the beginning")
			w.(http.Flusher).Flush()
		}
		<-r.Context().Done() // until the client gives up
	})
	r := newResolver(t, Config{Hosts: []string{host}, Timeout: 50 * time.Millisecond})
	for _, path := range []string{"/silent", "/slow"} {
		transient(t, r, s.URL+path, "models.locations.timeout", "50ms")
		if _, err := r.Resolve(ctx, s.URL+path); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: error %v is no DeadlineExceeded", path, err)
		}
	}
}

func TestCallerGivesUp(t *testing.T) {
	asked := make(chan struct{})
	s, host := server(t, func(_ http.ResponseWriter, r *http.Request) { asked <- struct{}{}; <-r.Context().Done() })
	r := newResolver(t, Config{Hosts: []string{host}})
	patience, cancel := context.WithCancel(ctx)
	go func() { <-asked; cancel() }()
	_, err := r.Resolve(patience, s.URL+"/?SECRET")
	var e *model.TransientError
	if !errors.As(err, &e) || !errors.Is(err, context.Canceled) || strings.Contains(err.Error(), "SECRET") {
		t.Errorf("%T %v", err, err)
	}
}

func TestNetworkTroubles(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	closed := listener.Addr().String()
	must(t, listener.Close())
	rude, rudeHost := server(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	r := newResolver(t, Config{Hosts: []string{closed, rudeHost, "https://" + rudeHost, "name.invalid"}})
	for _, location := range []string{
		"http://" + closed + "/?SECRET", rude.URL + "/?SECRET", "https://" + rudeHost + "/?SECRET", "https://name.invalid/?SECRET",
	} {
		transient(t, r, location)
		if _, err := r.Resolve(ctx, location); strings.Contains(err.Error(), "SECRET") {
			t.Errorf("the error is %q", err)
		}
	}
}

func TestNoProxyIsUsed(t *testing.T) {
	if newResolver(t, Config{}).client.Transport.(*http.Transport).Proxy != nil {
		t.Error("the client would ask the environment for a proxy")
	}
}

func TestFetchesAreBounded(t *testing.T) {
	var active, most atomic.Int64
	var arrived sync.WaitGroup
	arrived.Add(maxFetches)
	s, host := server(t, func(w http.ResponseWriter, r *http.Request) {
		n := active.Add(1)
		defer active.Add(-1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		if r.URL.Path == "/first" { // as many as may run at a time wait for each other
			arrived.Done()
			arrived.Wait()
		}
		fmt.Fprint(w, "a model")
	})
	r := newResolver(t, Config{Hosts: []string{host}})
	var wg sync.WaitGroup
	for i := range 5 * maxFetches {
		path := "/later"
		if i < maxFetches {
			path = "/first"
		}
		wg.Go(func() {
			if _, err := r.Resolve(ctx, s.URL+path); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := most.Load(); n != maxFetches {
		t.Errorf("%d fetches ran at a time, want %d", n, maxFetches)
	}
}
