// Package config is the server's configuration: one tree of values, read once
// at start and never changed afterwards.
//
// A value comes from the last of these that sets it: the defaults, a YAML file,
// the environment (MODELSERVER_KAFKA_BROKERS for kafka.brokers), and overrides
// of the command line (--set kafka.brokers=…). A list is replaced as a whole, a
// map is merged key by key.
//
// reference.yaml documents every key with its default. It is what the printed
// configuration takes its comments from, and a test holds it to the code.
//
// # Failures
//
// Load reports everything that is wrong at once. Each error is a [*KeyError]
// that names the key, where it was set (file and line, variable, flag) and how
// to mend it; an unknown key is an error that suggests the closest known one.
// Variables of the environment that look like ours and are none are only
// warned of: container platforms inject such names.
package config
