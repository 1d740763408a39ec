// Package tensorflow is the model types "tensorflow", a frozen GraphDef, and
// "tensorflow-saved", a SavedModel as zip, tar or tar.gz.
//
// # Building and running
//
// All that needs C is behind the build tag "tensorflow" (make sets it, and the
// two compiler flags that it takes). Without it the types are there and refuse
// every model with a [*model.LoadError] that says so. With it the program
// still does not link TensorFlow: the library is loaded when the first model
// arrives, from [Config].LibraryDir, the folder in MODELSERVER_TENSORFLOW_DIR,
// the user's cache or the system's library path; where it is absent, the model
// is refused and everything else goes on.
//
// # A model
//
// A graph is vetted and rewritten before the library sees it (package
// graphdef). A run scores a whole batch: each input tensor has the rows as its
// first dimension. What comes out may get an argmax or a softmax appended to the
// graph, which is built with tfgo. The signature's output shapes are those of a
// first run at load, so a model that does not run is refused there.
//
// # Concurrency and memory
//
// One session serves all goroutines. The memory of runs is C memory, pooled by
// the evaluator and freed by Close; nothing waits for finalizers. A graph
// without loops runs in the calling thread and cannot be interrupted; one with
// loops runs in threads of its own, and ends with its time limit or context.
//
// # Failures
//
// A row that the graph refuses (an index out of range, say) is found by halving
// the batch and gets a [*model.RecordError]; its neighbours keep their results.
// Anything else that goes wrong in a run is an error of the batch.
//
// What is not contained: a graph that computes a huge tensor out of small ones
// can exhaust the memory, and a defect of an allowed kernel can end the process.
package tensorflow
