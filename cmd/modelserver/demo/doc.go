// Package demo shows the server at work in one process: an embedded broker, a
// node, somebody who publishes wine records and, now and again, another model,
// good ones and broken ones, and a table of what happens.
//
// It owns all that it starts, and has stopped and removed it when [Run] returns.
// The broker is kfake: an imitation for tests and trials, which keeps everything
// in memory.
//
// Models whose type does not work on this machine (TensorFlow's, without its
// library) are left out, and the demo says so. Any other failure ends it with an
// error.
package demo
