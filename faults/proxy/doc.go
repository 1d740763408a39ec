// Package proxy stands between one server and the brokers and does to their
// connections what networks do: it ends them, lets bytes of one side or both
// disappear from sight, and loses the answer to a commit that was done.
//
// A [Link] listens once for each broker; the brokers have to advertise these
// addresses to the server, or it would go around them (see
// kafkatest.Config.Proxied). It knows of Kafka's protocol what it takes to tell
// one request from another: frames of a size, API key, version and correlation
// id. Everything else passes as it is.
//
// All methods may be called by any goroutine. Two goroutines serve each
// connection; they wait for each other at a gate that cuts open and close. A
// broker that does not accept is a connection that ends at once, which is what
// the server would see without a proxy.
package proxy
