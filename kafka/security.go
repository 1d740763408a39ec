package kafka

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

// TLS is how connections to brokers are encrypted.
type TLS struct {
	Enabled bool `koanf:"enabled"`
	// CA is a PEM file of the authorities that are trusted; empty: the system's.
	CA string `koanf:"ca"`
	// Cert and Key are PEM files of the certificate that this client shows.
	Cert string `koanf:"cert"`
	Key  string `koanf:"key"`
	// ServerName is the name that a broker's certificate must have; empty: the
	// broker's host name.
	ServerName string `koanf:"server_name"`
}

// SASL is how this client authenticates itself.
type SASL struct {
	// Mechanism is PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512; empty: none.
	Mechanism string `koanf:"mechanism"`
	Username  string `koanf:"username"`
	// Password is the password, or PasswordFile a file that holds it (one
	// trailing line break is not part of it).
	Password     string `koanf:"password"`
	PasswordFile string `koanf:"password_file"`
}

func (t *TLS) validate(v *validation) {
	v.check((t.Cert == "") == (t.Key == ""), "tls.cert", "set tls.cert and tls.key both or neither")
	v.check(t.Enabled || *t == (TLS{}), "tls.enabled", "must be true when tls is configured")
}

func (s *SASL) validate(v *validation) {
	if s.Mechanism == "" {
		v.check(*s == (SASL{}), "sasl.mechanism", "must be set when sasl is configured")
		return
	}
	v.oneOf(s.Mechanism, "sasl.mechanism", "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
	v.check(s.Username != "", "sasl.username", "must be set")
	v.check((s.Password == "") != (s.PasswordFile == ""), "sasl.password",
		"set one of sasl.password and sasl.password_file")
}

// options returns the client options of the transport; files are read now.
func (c *Config) securityOptions() ([]kgo.Opt, error) {
	var opts []kgo.Opt
	if c.TLS.Enabled {
		conf, err := c.TLS.config()
		if err != nil {
			return nil, fmt.Errorf("kafka.tls: %w", err)
		}
		opts = append(opts, kgo.DialTLSConfig(conf))
	}
	if c.SASL.Mechanism != "" {
		mechanism, err := c.SASL.mechanism()
		if err != nil {
			return nil, fmt.Errorf("kafka.sasl: %w", err)
		}
		opts = append(opts, kgo.SASL(mechanism))
	}
	return opts, nil
}

func (t *TLS) config() (*tls.Config, error) {
	conf := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.ServerName}
	if t.CA != "" {
		pem, err := os.ReadFile(t.CA)
		if err != nil {
			return nil, err
		}
		conf.RootCAs = x509.NewCertPool()
		if !conf.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s holds no PEM certificate", t.CA)
		}
	}
	if t.Cert != "" {
		cert, err := tls.LoadX509KeyPair(t.Cert, t.Key)
		if err != nil {
			return nil, err
		}
		conf.Certificates = []tls.Certificate{cert}
	}
	return conf, nil
}

func (s *SASL) mechanism() (sasl.Mechanism, error) {
	password := s.Password
	if s.PasswordFile != "" {
		b, err := os.ReadFile(s.PasswordFile)
		if err != nil {
			return nil, err
		}
		b = bytes.TrimSuffix(bytes.TrimSuffix(b, []byte("\n")), []byte("\r"))
		password = string(b)
	}
	switch s.Mechanism {
	case "PLAIN":
		return plain.Auth{User: s.Username, Pass: password}.AsMechanism(), nil
	case "SCRAM-SHA-256":
		return scram.Auth{User: s.Username, Pass: password}.AsSha256Mechanism(), nil
	case "SCRAM-SHA-512":
		return scram.Auth{User: s.Username, Pass: password}.AsSha512Mechanism(), nil
	}
	return nil, fmt.Errorf("mechanism %q is not known", s.Mechanism)
}
