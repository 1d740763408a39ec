// Package server runs real modelserver processes for tests that kill them.
//
// A [Server] is one configuration, written as a YAML file, and the processes
// that run it one after another, in one data directory. It can be started,
// killed, stopped in order, frozen and continued, as an operator or a failing
// machine would do it. It learns the address of the process from its log, since
// every process takes a free port.
//
// All methods may be called by any goroutine. A process dies with the one that
// started it (Linux). What it writes goes to a log file in the server's
// directory; lines that no healthy process writes, such as a panic or a data
// race, are kept apart, see [Server.Complaints]. A process that ends without
// having been told to is a complaint, too.
package server
