// Package pgtest gives tests and benchmarks a real PostgreSQL server to talk to:
// a child process on 127.0.0.1 with a data directory of its own, which starts in
// about a second and can be stopped, killed, frozen and restarted on the same
// data and port.
//
// # Where it comes from
//
// $MODELSERVER_POSTGRES_HOME, the .cache/postgres of the checkout (where `make
// postgres` puts it when the machine has none), Debian's /usr/lib/postgresql, or
// the PATH. Without any, [Run] skips the test and says how to bring it, or fails
// it when MODELSERVER_REQUIRE_POSTGRES is set.
//
// PostgreSQL refuses to run as root. Started by root, it runs as nobody, from a
// copy of the programs if nobody may not read them where they are.
//
// # Ownership
//
// A [Server] is safe for concurrent use, but killing or freezing one concerns
// everybody who uses it: such tests start their own. Tests that share one declare
// a [Shared] in their package, run it from TestMain, and take schemas of their
// own with [Schema]. The child dies with the process that started it (Linux),
// even when that one is killed. Close removes what was written.
//
// # Failures
//
// A server that does not start is an error that ends with the last lines of its
// log; [Run] prints them too when a test failed.
package pgtest
