// Throughput measures the main job end to end, beside the ceiling: how many
// wine records a second the server scores between two topics of a real broker,
// and how many the bare loop of the same Kafka client copies between them.
//
//	go run ./bench/throughput -server bin/modelserver
//
// It starts a broker, fills a topic, then runs the two in turn, A B A B, each in
// a process of its own with a consumer group and a result topic of its own. Both
// are measured alike, from outside: the rate at which the result topic grows
// between a fifth and all of the records, and the processor time that the
// client's process and the broker's take meanwhile. The server's results are
// counted and one in a thousand is compared with the model's own answer before
// a figure counts. Medians are printed as Markdown.
package main
