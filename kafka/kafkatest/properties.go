package kafkatest

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// properties are the entries of a server.properties file.
type properties map[string]string

// properties returns the broker's whole configuration.
func (b *Broker) properties() properties {
	voters := make([]string, len(b.cluster.Nodes))
	for i, n := range b.cluster.Nodes {
		voters[i] = fmt.Sprintf("%d@%s", n.id, n.addr(controller))
	}
	replicas := min(3, len(voters))
	p := properties{
		"process.roles":                    "broker,controller",
		"node.id":                          strconv.Itoa(b.id),
		"controller.quorum.voters":         strings.Join(voters, ","),
		"controller.listener.names":        controller.name(),
		"inter.broker.listener.name":       Plaintext.name(),
		"log.dirs":                         b.dataDir(),
		"num.network.threads":              "2",
		"num.io.threads":                   "4",
		"auto.create.topics.enable":        "false",
		"default.replication.factor":       strconv.Itoa(replicas),
		"min.insync.replicas":              strconv.Itoa((replicas + 1) / 2),
		"group.initial.rebalance.delay.ms": "0",
		"group.min.session.timeout.ms":     "1000",
		// Fewer internal partitions make the first group and the first
		// transaction faster.
		"offsets.topic.num.partitions":                     "4",
		"offsets.topic.replication.factor":                 strconv.Itoa(replicas),
		"transaction.state.log.num.partitions":             "4",
		"transaction.state.log.replication.factor":         strconv.Itoa(replicas),
		"transaction.state.log.min.isr":                    strconv.Itoa((replicas + 1) / 2),
		"share.coordinator.state.topic.num.partitions":     "1",
		"share.coordinator.state.topic.replication.factor": strconv.Itoa(replicas),
		"share.coordinator.state.topic.min.isr":            strconv.Itoa((replicas + 1) / 2),
		// The next transaction of a producer otherwise waits 20 ms for the end
		// of the one before.
		"add.partitions.to.txn.retry.backoff.ms": "1",
		// How soon the controller notices a dead broker, and how long a killed one
		// has to wait before it may register again (9 s by default).
		"broker.session.timeout.ms":    "2000",
		"broker.heartbeat.interval.ms": "250",
		// A test that stops a broker does not want to wait for its peers.
		"controlled.shutdown.retry.backoff.ms": "200",
	}
	b.listenerProperties(p)
	if b.cfg.Secure {
		b.securityProperties(p)
	}
	maps.Copy(p, b.cfg.Overrides)
	return p
}

func (b *Broker) listenerProperties(p properties) {
	var listen, advertise, protocols []string
	for _, l := range b.listeners() {
		entry := l.name() + "://" + b.addr(l)
		listen = append(listen, entry)
		protocols = append(protocols, l.name()+":"+l.protocol())
		if l != controller {
			advertise = append(advertise, entry)
		}
	}
	for i, advertised := range b.cfg.Proxied {
		name := fmt.Sprintf("PROXY%d", i+1)
		listen = append(listen, name+"://"+b.ProxiedAddr(i))
		advertise = append(advertise, name+"://"+advertised(b.id))
		protocols = append(protocols, name+":"+Plaintext.protocol())
	}
	p["listeners"] = strings.Join(listen, ",")
	p["advertised.listeners"] = strings.Join(advertise, ",")
	p["listener.security.protocol.map"] = strings.Join(protocols, ",")
}

func (b *Broker) securityProperties(p properties) {
	for _, l := range []Listener{TLS, SASLTLS} {
		prefix := "listener.name." + strings.ToLower(l.name()) + "."
		p[prefix+"ssl.keystore.type"] = "PEM"
		p[prefix+"ssl.keystore.location"] = b.cluster.certificates.ServerFile()
		p[prefix+"ssl.truststore.type"] = "PEM"
		p[prefix+"ssl.truststore.location"] = b.cluster.certificates.CAFile()
		p[prefix+"ssl.client.auth"] = "requested" // a client may show a certificate, but not a foreign one
	}
	for _, l := range []Listener{SASL, SASLTLS} {
		prefix := "listener.name." + strings.ToLower(l.name()) + "."
		p[prefix+"sasl.enabled.mechanisms"] = "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512"
		p[prefix+"plain.sasl.jaas.config"] = fmt.Sprintf(
			"org.apache.kafka.common.security.plain.PlainLoginModule required user_%s=%q;", User, Password)
		for _, mechanism := range []string{"scram-sha-256", "scram-sha-512"} {
			p[prefix+mechanism+".sasl.jaas.config"] = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
		}
	}
}

// encode writes the file, sorted by key.
func (p properties) encode() []byte {
	var b strings.Builder
	for _, k := range slices.Sorted(maps.Keys(p)) {
		fmt.Fprintf(&b, "%s=%s\n", k, strings.ReplaceAll(p[k], `\`, `\\`))
	}
	return []byte(b.String())
}
