package kafkatest

import (
	"fmt"
	"time"
)

// Config says what broker to start. The zero value is one that starts fast.
type Config struct {
	// Overrides are added to server.properties and win over what is there.
	Overrides map[string]string
	// Features are feature levels to format the storage with, such as
	// "transaction.version": "1". They cost another 0.7 s at the first start.
	Features map[string]string
	// Secure adds the listeners TLS, SASL and SASLTLS to the plain one. They
	// know one user, [User] with [Password], by PLAIN and both SCRAMs.
	Secure bool
	// Proxied adds plain listeners, each of which sends clients to another
	// address than its own: that of a proxy, for the node's id. So a client that
	// begins at the proxy stays behind it. The proxy's own end is
	// [Broker.ProxiedAddr].
	Proxied []func(node int) string
	// Throughput runs the JVM as in production (all compilers, G1, 1 GiB)
	// instead of as fast starting as possible.
	Throughput bool
	// Dir takes the data, logs and keys. The default is a temporary directory
	// that Close removes.
	Dir string
	// StartTimeout limits each start; the default is a minute.
	StartTimeout time.Duration
	// Home is where the jars are; the default is $MODELSERVER_KAFKA_HOME, or
	// .cache/kafka of the checkout around the working directory.
	Home string
}

func (c Config) withDefaults() (Config, error) {
	if c.StartTimeout == 0 {
		c.StartTimeout = time.Minute
	}
	if c.StartTimeout < 0 {
		return c, fmt.Errorf("kafkatest: StartTimeout %v is negative", c.StartTimeout)
	}
	home, err := findHome(c.Home)
	c.Home = home
	return c, err
}

// Listener is a way to connect to a broker.
type Listener int

// The listeners. All but Plaintext need [Config].Secure.
const (
	Plaintext Listener = iota
	TLS
	SASL
	SASLTLS
	controller
)

// name is what server.properties calls the listener.
func (l Listener) name() string {
	return [...]string{"PLAIN", "TLS", "SASL", "SASLTLS", "CONTROLLER"}[l]
}

// protocol is Kafka's security protocol of the listener.
func (l Listener) protocol() string {
	return [...]string{"PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL", "PLAINTEXT"}[l]
}

// The one user that SASL listeners know.
const (
	User     = "alice"
	Password = "alice-secret"
)
