// Package node is the composition root: it makes a server of its parts, starts
// them in order, says how they are, and stops them in order.
//
// # Start
//
// Telemetry comes first, because protoactor takes the global meter provider
// when its actor system is made. Then the store, the actors and the HTTP server;
// from here on probes are answered. The rest happens in the background, each
// step once the one before it is over:
//
//  1. the ModelActors of the stored data types recover: what served before the
//     stop serves again;
//  2. the models topic is read from its saved position (from its beginning when
//     anything stored was lost) up to where it ended;
//  3. records are read.
//
// So no record meets a server that is about to have a model for it.
//
// # Stop
//
// Readiness goes first, then record ingestion drains (stops polling, finishes,
// commits), model ingestion saves its position, the ModelActors write last
// snapshots, and the store closes. The caller's context bounds all of it; what
// is left undone is an error, and is done again after the next start.
//
// # Ownership
//
// A [Node] shares nothing with other nodes of its process but protoactor's use
// of the global meter provider, so a test may run several.
//
// # Failures
//
// [New] and [Node.Start] fail on what cannot get better by itself: the
// configuration, a store that another process holds, an address that is taken.
// Kafka being away is none of these: the node waits, and readiness says so. An
// ingestion actor that fails is started again after a pause.
package node
