// Package plan says which faults happen when. A [Plan] is a list of [Fault],
// made from a seed ([Generate]), read from text ([Parse]), printed as the same
// text, or cut down to the faults that matter ([Shrink]). It does nothing by
// itself: who runs it decides what "server 2" is.
//
// The text has a line for each fault, and comments after "#":
//
//	12.3s kill server 1 for 2.5s        SIGKILL; started again after 2.5 s
//	15s   stop server 3 for 0s          SIGTERM; started again once it has ended
//	20s   freeze server 2 for 8s        SIGSTOP, SIGCONT
//	31s   kill broker 1 for 1s          likewise: kill, stop, freeze
//	40s   start server 4                one that did not run from the beginning
//	45s   cut server 1 answers silent for 2s
//	50s   lose-commit server 2 for 300ms
//
// A cut concerns a server's connections to the brokers: its requests, the
// brokers' answers, or both; they are reset (and refused until the cut is over)
// or pass no more bytes (silent), which neither side notices by itself. After
// lose-commit the next commit of a transaction is done by the broker, its answer
// is lost with the connection, and new ones are refused for a while: the server
// cannot know whether it has committed.
package plan
