// Package demo shows the server at work in one process: an embedded broker, a
// node, somebody who publishes wine records and, now and again, another model,
// good ones and broken ones, and a table of what happens.
//
// It owns all that it starts, and has stopped and removed it when [Run] returns.
// The broker is kfake: an imitation for tests and trials, which keeps everything
// in memory.
//
// A model that the program cannot serve here (TensorFlow's, say, without its
// library) is rejected by the server like any other broken one; the demo says so
// beforehand and goes on with the rest. Any other failure ends the demo with an
// error.
package demo
