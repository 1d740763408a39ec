// Package artifact turns a descriptor's location into the bytes of the model.
//
// A descriptor is a message on a topic, and whoever may write to the topic
// chooses its location. So everything is refused that the configuration does
// not name:
//
//	file:///models/wine.pmml           below one of Config.FileRoots
//	https://models.example.com/w.pmml  on one of Config.Hosts
//	s3://models/wine/v1.pmml           in one of Config.Buckets
//
// A directory (a SavedModel), or a bucket's prefix that ends with a slash, is
// packed into a tar archive: names sorted, no times, no owners, entries that
// begin with a dot left out. The same files give the same digest everywhere.
//
// # What a location cannot do
//
//   - leave a root: by dots, or by symbolic links anywhere on the way ([os.Root]);
//   - name a device, a pipe or a socket;
//   - reach another host: each redirect is checked as the location was, at most
//     five are followed, and none from https to http. No proxy is used and no
//     variable of the environment is read for http and https;
//   - carry credentials, or settings of a bucket such as another endpoint: those
//     are refused. Buckets take their credentials from the environment, as the
//     provider's own tools do;
//   - fetch more than Config.MaxBytes, or take longer than Config.Timeout.
//
// Allowing a host allows all that its name resolves to, private addresses too:
// models often lie in the internal network. Do not allow a name whose owner you
// do not trust.
//
// # Ownership and failures
//
// A [Resolver] is safe for concurrent use; a few fetches run at a time and the
// others wait, so that memory is bounded. Nothing is kept after a call but idle
// connections. Errors name the location without credentials and query:
//   - [*model.LoadError]: the location is refused, names nothing, or names too
//     much. The error says which setting would have to change.
//   - [*model.TransientError]: the network, or a server, failed. Try again.
package artifact
