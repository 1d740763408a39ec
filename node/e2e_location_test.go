package node_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/modelstream/modelserver/messages"
)

// Models that are published by location are fetched from where the configuration
// allows it, checked against their digest, and survive their source.
func TestModelByLocation(t *testing.T) {
	w := fake(t)
	c := openCellar(t)
	root := t.TempDir()
	forest := c.model("wine-forest")
	path := filepath.Join(root, "forest.pmml")
	if err := os.WriteFile(path, forest.GetData(), 0o600); err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		_, _ = rw.Write(c.model("wine-linear").GetData()) // a client that is gone fails the test itself
	}))
	defer web.Close()
	settings := []string{
		"models.locations.file_roots=" + root,
		"models.locations.hosts=" + strings.TrimPrefix(web.URL, "http://"),
	}
	at := func(name, location string) *messages.ModelDescriptor {
		d := c.model(name)
		d.Content = &messages.ModelDescriptor_Location{Location: location}
		return d
	}
	types := realTypes(t)
	s := w.start(types, settings...)
	w.publish(at("wine-linear", web.URL+"/linear.pmml"))
	s.awaitModel("wine", "wine-linear")
	w.publish(at("wine-forest", "file://"+path))
	if st := s.awaitModel("wine", "wine-forest"); st.Current.SHA256 != forest.GetSha256() {
		t.Errorf("serving %+v", st.Current)
	}

	// The digest holds for locations, too, and other places are refused.
	tampered := at("wine-network", "file://"+path)
	w.publish(tampered)
	w.publish(at("wine-network", "file:///etc/hostname"))
	for i, says := range []string{"digest", "file_roots"} {
		if l := w.letters(2)[i]; !strings.Contains(l.message, says) {
			t.Errorf("rejected with %q, which does not say %q", l.message, says)
		}
	}

	// What was fetched once is in the store: its source may go.
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	s.stop()
	s = w.start(types, settings...)
	if st := s.state("wine"); st.Current == nil || st.Current.Name != "wine-forest" {
		t.Fatalf("after the restart: %+v", st)
	}
}
