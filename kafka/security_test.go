package kafka

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/modelstream/modelserver/kafka/kafkatest"
)

// secured is a fake cluster that wants TLS and a password.
func secured(t *testing.T) (*Config, *kafkatest.Certificates) {
	t.Helper()
	t.Parallel()
	certs, err := kafkatest.NewCertificates(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	server, err := certs.Server()
	if err != nil {
		t.Fatal(err)
	}
	ca, err := os.ReadFile(certs.CAFile())
	if err != nil {
		t.Fatal(err)
	}
	server.ClientAuth, server.ClientCAs = tls.RequireAndVerifyClientCert, x509.NewCertPool()
	server.ClientCAs.AppendCertsFromPEM(ca)
	cluster := kafkatest.Fake(t, kfake.TLS(server), kfake.EnableSASL(), kfake.SeedTopics(1, "models"),
		kfake.Superuser("PLAIN", "plain", "p1"),
		kfake.Superuser("SCRAM-SHA-256", "scram", "p2"),
		kfake.Superuser("SCRAM-SHA-512", "scram5", "p3"))
	c := DefaultConfig()
	c.Brokers = cluster.ListenAddrs()
	c.TLS = TLS{Enabled: true, CA: certs.CAFile(), Cert: certs.ClientCertFile(), Key: certs.ClientKeyFile(), ServerName: "localhost"}
	return &c, certs
}

func TestTLSAndSASL(t *testing.T) {
	for _, sasl := range []SASL{
		{Mechanism: "PLAIN", Username: "plain", Password: "p1"},
		{Mechanism: "SCRAM-SHA-256", Username: "scram", Password: "p2"},
		{Mechanism: "SCRAM-SHA-512", Username: "scram5", Password: "p3"},
	} {
		for _, inFile := range []bool{false, true} {
			name := sasl.Mechanism
			if inFile {
				name += "/password file"
			}
			t.Run(name, func(t *testing.T) {
				c, _ := secured(t)
				c.SASL = sasl
				if inFile {
					c.SASL.Password, c.SASL.PasswordFile = "", filepath.Join(t.TempDir(), "password")
					if err := os.WriteFile(c.SASL.PasswordFile, []byte(sasl.Password+"\n"), 0o600); err != nil {
						t.Fatal(err)
					}
				}
				if err := c.Validate(); err != nil {
					t.Fatal(err)
				}
				p, err := NewPublisher(c, testLog(t))
				if err != nil {
					t.Fatal(err)
				}
				defer p.Close()
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
				defer cancel()
				if _, err := p.PublishModel(ctx, descriptorOf("wine", "m")); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// TestAWrongConnectionIsReported by health, while the client tries on.
func TestAWrongConnectionIsReported(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Config)
		want   string
	}{
		"authority":   {func(c *Config) { c.TLS.CA = "" }, "certificate signed by unknown authority"},
		"server name": {func(c *Config) { c.TLS.ServerName = "elsewhere" }, "not elsewhere"},
		"no TLS":      {func(c *Config) { c.TLS = TLS{} }, "connection: no broker has answered yet: broker 127.0.0.1:"},
	} {
		t.Run(name, func(t *testing.T) {
			config, _ := secured(t)
			config.SASL = SASL{Mechanism: "PLAIN", Username: "plain", Password: "p1"}
			c.change(config)
			w := &world{t: t, config: *config, meter: noMeter()}
			m := w.startModels()
			eventually(t, "health says "+c.want, func() bool {
				err := m.Health()
				return err != nil && strings.Contains(err.Error(), c.want)
			})
		})
	}
}

func TestSecurityFilesThatCannotBeRead(t *testing.T) {
	none := filepath.Join(t.TempDir(), "none")
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		change func(*Config)
		want   string
	}{
		{func(c *Config) { c.TLS = TLS{Enabled: true, CA: none} }, "kafka.tls: open " + none},
		{func(c *Config) { c.TLS = TLS{Enabled: true, CA: empty} }, "kafka.tls: " + empty + " holds no PEM certificate"},
		{func(c *Config) { c.TLS = TLS{Enabled: true, Cert: none, Key: none} }, "kafka.tls: open " + none},
		{func(c *Config) { c.SASL = SASL{Mechanism: "PLAIN", Username: "u", PasswordFile: none} }, "kafka.sasl: open " + none},
	} {
		config := DefaultConfig()
		c.change(&config)
		if _, err := NewPublisher(&config, testLog(t)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v does not say %q", err, c.want)
		}
	}
}
