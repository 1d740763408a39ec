package lint

// The rules of the architecture. To add a package, say here what it may import.

// layer says which packages of this module a package may import. A name stands
// for the folder and all below it; with a "=" before it, for the folder alone.
type layer struct {
	name    string
	imports []string
}

// layers are looked up by the longest name that fits. The arrows run one way:
// cmd → node → {api, kafka, actors, replay} → the leaves.
var layers = []layer{
	// The leaves.
	{"messages", nil},
	{"model", nil},
	{"model/all", []string{"model"}},
	{"model/artifact", []string{"=model"}},
	{"model/goscore", []string{"=model"}},
	{"model/modeltest", []string{"=model"}},
	{"model/onnx", []string{"=model"}},
	{"model/pmml", []string{"=model", "model/pmml"}},
	{"model/tensorflow", []string{"=model", "model/tensorflow"}},
	{"record", []string{"=model", "messages", "record"}},
	{"persistence", []string{"persistence"}},
	{"internal", nil},

	// The middle: none of them knows another; each declares what it calls.
	{"actors", []string{"actors", "=model", "record", "persistence", "messages"}},
	{"kafka", []string{"kafka", "=model", "record", "messages"}},
	{"kafka/changelog", []string{"=kafka", "persistence"}},
	{"kafka/kafkatest", nil},
	{"api", []string{"api", "=model", "record", "messages"}},
	{"replay", []string{"=model", "record", "messages"}},

	// The top: what wires and runs.
	{"node", []string{"node", "api", "kafka", "actors", "replay", "model", "record", "persistence", "messages"}},
	{"cmd", []string{"cmd", "node", "kafka", "replay", "model", "record", "messages", "examples"}},

	// Beside the server.
	{"bench", []string{"bench", "node", "api", "kafka", "actors", "model", "record", "persistence", "messages", "examples"}},
	{"examples", []string{"model", "messages"}},
	{"faults", []string{"faults", "kafka/kafkatest", "=record", "messages"}},
	{"faults/check", []string{"messages"}},
	{"faults/plan", nil},
	{"faults/proxy", nil},
	{"faults/server", nil},
	{"scripts", []string{"kafka/kafkatest", "persistence/postgres/pgtest"}},
}

// testSupport is what the tests of any package may import besides.
var testSupport = []string{
	"kafka/kafkatest", "model", "record", "persistence", "messages", "examples", "internal",
}

// external says which folders may import a foreign package. Tests obey too, but
// for package testing.
var external = []struct {
	path string // and all below it
	only []string
	why  string
}{
	{"github.com/twmb/franz-go", []string{"kafka", "bench", "faults"}, "Kafka's client stays behind package kafka"},
	{"github.com/asynkron/protoactor-go", []string{"actors", "kafka", "node", "bench"}, "actors stay out of the contract, the records and the APIs"},
	{"github.com/jackc/pgx", []string{"persistence/postgres"}, "PostgreSQL's client stays behind its store"},
	{"gocloud.dev", []string{"model/artifact"}, "locations are resolved in one place"},
	{"C", []string{"model"}, "C belongs to a model type"},
	{"github.com/galeone", []string{"model/tensorflow", "model/all"}, "TensorFlow belongs to its model type"},
	{"github.com/asafschers/goscore", []string{"model/goscore"}, "goscore belongs to its model type"},
	{"testing", []string{"model/modeltest", "persistence/persistencetest"}, "outside of tests, only conformance suites import testing"},
}

// badNames say nothing about what is in a package.
var badNames = []string{"base", "common", "helper", "helpers", "misc", "shared", "types", "util", "utils"}

// globals are the package-level variables that change, each with the reason why
// it cannot belong to a value. Keys are "folder.name".
var globals = map[string]string{
	"node.systems":                           "protoactor takes the process's meter provider, and only while an actor system is made",
	"model/tensorflow/internal/libtf.opened": "a process loads a C library once, and cannot unload it",
}
