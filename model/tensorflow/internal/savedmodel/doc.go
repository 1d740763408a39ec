// Package savedmodel reads TensorFlow SavedModels that arrive as an archive: a
// zip, tar or gzipped tar of the directory, with saved_model.pb at its top or
// in one folder.
//
// [Read] takes the few files out of the archive that the library needs, under
// limits and without trusting a name in it; [Model.Vet] chooses a signature and
// has package graphdef rewrite the graph; [Model.Write] writes the rewritten
// SavedModel into a directory for the library to load. All errors about the
// artifact are [*model.LoadError].
package savedmodel
