// Package api is the server's HTTP side: the state of the models, metrics and
// health. It only reads.
//
//	GET /state                 every data type: its model, its statistics, its generations
//	GET /state/{dataType}      one of them
//	GET /models                what serves each data type, in short
//	GET /statistics            exact sums over all servers of the group, by data type and partition
//	GET /statistics/{dataType} one of them
//	GET /metrics               Prometheus
//	GET /livez                 the process answers
//	GET /readyz                records are being scored; names the part that fails
//	GET /startupz              the start is over
//	GET /version               what is running
//
// Dashboards written for the servers of "Serving Machine Learning Models" find
// its paths and shapes: /processors, /stats, /state/instances and
// /state/{store}/value, where a store is a data type.
//
// # Ownership
//
// The package holds no state of models: every answer is asked of the actors,
// through the interface [Models]. [Server] owns its listener and the goroutines
// of its requests.
//
// # Failures
//
// Every answer but that of /metrics is JSON; an error is {"error": "…"} with the
// status that fits. A request that takes longer than its limit ends with 504.
// Sizes, times and connections are limited; see [Config].
package api
