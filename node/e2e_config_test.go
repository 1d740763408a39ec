package node_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/modelstream/modelserver/kafka/kafkatest"
)

// Records are JSON, say in a header what they are, and name and nest their
// fields in their own way: all of that is configuration.
func TestJSONRecords(t *testing.T) {
	w := fake(t)
	s := w.start((&adder{}).registry(t),
		fmt.Sprintf("kafka.records.topics=[{topic: %s, format: json, data_type: {from: header, name: kind}}]", w.records),
		`data_types={wine: {fields: {fixed acidity: measures.fa}}}`)
	at := w.publish(addModel("adder", "1000000"))
	s.awaitModel("wine", "adder")
	var rs []kafkatest.Record
	for i := range 20 {
		rs = append(rs, kafkatest.Record{
			Partition: int32(i % w.partitions), Value: fmt.Appendf(nil, `{"measures": {"fa": %d}, "more": [1, {}]}`, i),
			Headers: []kafkatest.Header{{Key: "kind", Value: []byte("wine")}},
		})
	}
	kafkatest.Produce(t, w.seeds, w.records, rs...)
	checkSums(t, w.scored(20)[at], 0, 20, 1_000_000)
}

// A server that reaches its brokers by TLS with a password from a file.
func TestSecureBroker(t *testing.T) {
	if testing.Short() {
		t.Skip("a real broker takes too long for -short")
	}
	b := kafkatest.Run(t, kafkatest.Config{Secure: true})
	w := newWorld(t, b.Seeds(kafkatest.Plaintext), 4)
	password := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(password, []byte(kafkatest.Password+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := w.start((&adder{}).registry(t),
		"kafka.brokers="+strings.Join(b.Seeds(kafkatest.SASLTLS), ","),
		"kafka.tls.enabled=true", "kafka.tls.ca="+b.Cluster().Certificates().CAFile(),
		"kafka.sasl.mechanism=SCRAM-SHA-512", "kafka.sasl.username="+kafkatest.User, "kafka.sasl.password_file="+password)
	at := w.publish(addModel("adder", "1000000"))
	s.awaitModel("wine", "adder")
	w.wines(0, 100)
	checkSums(t, w.scored(100)[at], 0, 100, 1_000_000)
}
