package kafkatest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// The names of the files.
const (
	caPEM         = "ca.pem"
	serverPEM     = "server.pem" // key and certificate
	clientCertPEM = "client.pem"
	clientKeyPEM  = "client-key.pem"
)

// authority signs the certificates of one cluster.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// Certificates are files of an authority and of a server's and a client's
// certificate that it signed, good for a day and for 127.0.0.1 and localhost.
type Certificates struct{ dir string }

// NewCertificates makes certificates in a directory.
func NewCertificates(dir string) (*Certificates, error) {
	if err := writeCertificates(dir); err != nil {
		return nil, fmt.Errorf("kafkatest: certificates: %w", err)
	}
	return &Certificates{dir: dir}, nil
}

// CAFile is the authority's certificate.
func (c *Certificates) CAFile() string { return filepath.Join(c.dir, caPEM) }

// ServerFile is the server's key and certificate, in one file.
func (c *Certificates) ServerFile() string { return filepath.Join(c.dir, serverPEM) }

// ClientCertFile is the client's certificate, in the name of [User].
func (c *Certificates) ClientCertFile() string { return filepath.Join(c.dir, clientCertPEM) }

// ClientKeyFile is the key that belongs to ClientCertFile.
func (c *Certificates) ClientKeyFile() string { return filepath.Join(c.dir, clientKeyPEM) }

// Client returns a client's configuration that trusts the authority, and shows
// the client's certificate if asked to.
func (c *Certificates) Client(withCertificate bool) (*tls.Config, error) {
	ca, err := os.ReadFile(c.CAFile())
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	cfg := &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	if withCertificate {
		pair, err := tls.LoadX509KeyPair(c.ClientCertFile(), c.ClientKeyFile())
		if err != nil {
			return nil, err
		}
		cfg.Certificates = []tls.Certificate{pair}
	}
	return cfg, nil
}

// Server returns a server's configuration, for kfake.
func (c *Certificates) Server() (*tls.Config, error) {
	pair, err := tls.LoadX509KeyPair(c.ServerFile(), c.ServerFile())
	if err != nil {
		return nil, err
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}, nil
}

func writeCertificates(dir string) error {
	ca, caCert, _, err := issue(nil, &x509.Certificate{
		Subject:               pkix.Name{CommonName: "kafkatest authority"},
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign,
	})
	if err != nil {
		return err
	}
	_, serverCert, serverKey, err := issue(ca, &x509.Certificate{
		Subject:     pkix.Name{CommonName: "broker"},
		DNSNames:    []string{"localhost"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	})
	if err != nil {
		return err
	}
	_, clientCert, clientKey, err := issue(ca, &x509.Certificate{
		Subject:     pkix.Name{CommonName: User},
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	if err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(filepath.Join(dir, caPEM), caCert, 0o600),
		os.WriteFile(filepath.Join(dir, serverPEM), append(serverKey, serverCert...), 0o600),
		os.WriteFile(filepath.Join(dir, clientCertPEM), clientCert, 0o600),
		os.WriteFile(filepath.Join(dir, clientKeyPEM), clientKey, 0o600),
	)
}

// issue completes the template and signs it, with its own key when by is nil.
func issue(by *authority, template *x509.Certificate) (_ *authority, certPEM, keyPEM []byte, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, nil, err
	}
	if template.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120)); err != nil {
		return nil, nil, nil, err
	}
	template.NotBefore = time.Now().Add(-time.Hour)
	template.NotAfter = time.Now().Add(24 * time.Hour)
	if by == nil {
		by = &authority{cert: template, key: key}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, by.cert, key.Public(), by.key)
	if err != nil {
		return nil, nil, nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, nil, nil, err
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, nil, nil, err
	}
	return &authority{cert: cert, key: key},
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}), nil
}
