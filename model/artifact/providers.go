package artifact

import (
	"context"
	"net/url"

	"gocloud.dev/blob"
	"gocloud.dev/blob/s3blob"
)

// providers returns the kinds of buckets that this server knows, by the scheme
// of their URLs. Another one (gcsblob, azureblob) is an import and a line here;
// its SDK becomes part of the server.
func providers() *blob.URLMux {
	mux := new(blob.URLMux)
	mux.RegisterBucket(s3blob.Scheme, s3Opener{})
	return mux
}

// s3Opener opens each bucket with an opener of its own: s3blob's writes what it
// reads from a URL into itself.
type s3Opener struct{}

// OpenBucketURL implements [blob.BucketURLOpener]. Unless the URL says otherwise,
// S3's own checksums are not asked for: many servers that speak its protocol
// have none, and the SDK would complain on standard error each time. A
// descriptor's digest says more.
func (s3Opener) OpenBucketURL(ctx context.Context, u *url.URL) (*blob.Bucket, error) {
	const validation = "response_checksum_validation"
	settings := u.Query()
	if !settings.Has(validation) {
		settings.Set(validation, "when_required")
	}
	bucket := *u
	bucket.RawQuery = settings.Encode()
	return new(s3blob.URLOpener).OpenBucketURL(ctx, &bucket)
}
