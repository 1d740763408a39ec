// Package cli is the commands of modelserver. Each file holds one command, from
// its flags to its exit code; what they do is done by the packages below.
//
// # Exit codes
//
//	0  it worked
//	1  it failed; the error is on standard error
//	2  the command line or the configuration is wrong
//	130  a second signal broke it off
//
// A command writes what it was asked for to standard output, and everything
// else (logs, progress, errors) to standard error. None calls os.Exit.
package cli
