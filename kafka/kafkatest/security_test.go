package kafkatest_test

import (
	"crypto/tls"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"github.com/modelstream/modelserver/kafka/kafkatest"
)

func TestSecureListeners(t *testing.T) {
	b := kafkatest.Run(t, kafkatest.Config{Secure: true})
	trusting, err := b.Cluster().Certificates().Client(false)
	if err != nil {
		t.Fatal(err)
	}
	withCertificate, err := b.Cluster().Certificates().Client(true)
	if err != nil {
		t.Fatal(err)
	}
	foreign := foreignCertificate(t)
	foreign.RootCAs = trusting.RootCAs

	byPlain := func(password string) sasl.Mechanism {
		return plain.Auth{User: kafkatest.User, Pass: password}.AsMechanism()
	}
	scramAuth := scram.Auth{User: kafkatest.User, Pass: kafkatest.Password}
	wrongScram := scram.Auth{User: kafkatest.User, Pass: "wrong"}

	for _, tt := range []struct {
		name     string
		listener kafkatest.Listener
		tls      *tls.Config
		sasl     sasl.Mechanism
		refused  bool
	}{
		{name: "TLS", listener: kafkatest.TLS, tls: trusting},
		{name: "TLS, client certificate", listener: kafkatest.TLS, tls: withCertificate},
		{name: "TLS, foreign client certificate", listener: kafkatest.TLS, tls: foreign, refused: true},
		{name: "TLS, authority not known", listener: kafkatest.TLS, tls: &tls.Config{MinVersion: tls.VersionTLS12}, refused: true},
		{name: "PLAIN", listener: kafkatest.SASL, sasl: byPlain(kafkatest.Password)},
		{name: "PLAIN, wrong password", listener: kafkatest.SASL, sasl: byPlain("wrong"), refused: true},
		{name: "no SASL", listener: kafkatest.SASL, refused: true},
		{name: "SCRAM-SHA-256", listener: kafkatest.SASL, sasl: scramAuth.AsSha256Mechanism()},
		{name: "SCRAM-SHA-512", listener: kafkatest.SASL, sasl: scramAuth.AsSha512Mechanism()},
		{name: "SCRAM-SHA-512, wrong password", listener: kafkatest.SASL, sasl: wrongScram.AsSha512Mechanism(), refused: true},
		{name: "TLS and SCRAM-SHA-256", listener: kafkatest.SASLTLS, tls: trusting, sasl: scramAuth.AsSha256Mechanism()},
		{name: "TLS and PLAIN", listener: kafkatest.SASLTLS, tls: trusting, sasl: byPlain(kafkatest.Password)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			opts := []kgo.Opt{kgo.RequestRetries(0), kgo.RetryTimeout(2 * time.Second)}
			if tt.tls != nil {
				opts = append(opts, kgo.DialTLSConfig(tt.tls))
			}
			if tt.sasl != nil {
				opts = append(opts, kgo.SASL(tt.sasl))
			}
			err := client(t, b.Seeds(tt.listener), opts...).Ping(timeout(t))
			if refused := err != nil; refused != tt.refused {
				t.Errorf("refused: %v, want %v (error: %v)", refused, tt.refused, err)
			}
		})
	}
}

// foreignCertificate returns a client certificate of another authority.
func foreignCertificate(t *testing.T) *tls.Config {
	t.Helper()
	other, err := kafkatest.NewCertificates(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := other.Client(true)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}
