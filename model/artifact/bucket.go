package artifact

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"

	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"
)

// bucket reads an object, or packs the objects below a prefix, of an allowed
// bucket.
func (r *Resolver) bucket(ctx context.Context, p place) ([]byte, error) {
	rule, key, err := r.bucketRule(p)
	if err != nil {
		return nil, err
	}
	b, err := r.config.buckets.OpenBucketURL(ctx, rule.open)
	if err != nil {
		return nil, p.refuseFor(err, "the bucket cannot be opened: see %s", r.key("buckets"))
	}
	defer b.Close()
	var content []byte
	if strings.HasSuffix(key, "/") {
		content, err = pack(ctx, &bucketTree{bucket: b}, key, r.config.MaxBytes)
	} else {
		content, err = readObject(ctx, b, key, r.config.MaxBytes)
	}
	if err != nil {
		return nil, r.bucketError(ctx, p, err)
	}
	return content, nil
}

// bucketRule finds the rule that allows a location, and the object's key.
func (r *Resolver) bucketRule(p place) (bucketRule, string, error) {
	u := p.url
	if u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		return bucketRule{}, "", p.refuse("a location in a bucket has no settings: they belong into %s", r.key("buckets"))
	}
	key := strings.TrimPrefix(u.Path, "/")
	if !cleanKey(strings.TrimSuffix(key, "/")) {
		return bucketRule{}, "", p.refuse("an object's key must not be empty, nor have empty parts or dots for parts")
	}
	for _, rule := range r.rules.buckets {
		if rule.open.Scheme == u.Scheme && rule.open.Host == u.Host && strings.HasPrefix(key, rule.prefix) {
			return rule, key, nil
		}
	}
	return bucketRule{}, "", p.refuse("it lies in none of the buckets of %s: add %s://%s there if you trust it", r.key("buckets"), u.Scheme, u.Host)
}

// cleanKey says whether a key has no parts that some server on the way could
// take for another directory.
func cleanKey(key string) bool {
	return !slices.ContainsFunc(strings.Split(key, "/"), func(part string) bool {
		return part == "" || part == "." || part == ".."
	})
}

func readObject(ctx context.Context, b *blob.Bucket, key string, limit int64) ([]byte, error) {
	object, err := b.NewReader(ctx, key, nil)
	if err != nil {
		return nil, err
	}
	defer object.Close()
	return read(ctx, object, object.Size(), limit)
}

// bucketError sorts what the provider says.
func (r *Resolver) bucketError(ctx context.Context, p place, err error) error {
	var tree *treeError
	switch {
	case errors.Is(err, errTooLarge):
		return r.tooLarge(p)
	case errors.As(err, &tree):
		return p.refuse("%s", tree.reason)
	case ctx.Err() != nil:
		return p.retry(context.Cause(ctx), "fetching was given up")
	}
	switch gcerrors.Code(err) {
	case gcerrors.NotFound:
		return p.refuse("there is no such object; a directory ends with a slash")
	case gcerrors.PermissionDenied:
		return p.refuse("the server's credentials do not allow to read it")
	case gcerrors.InvalidArgument, gcerrors.Unimplemented, gcerrors.FailedPrecondition:
		return p.refuseFor(err, "the bucket refuses the request")
	}
	return p.retry(err, "fetching failed")
}

// bucketTree is the objects below a prefix.
type bucketTree struct{ bucket *blob.Bucket }

// list implements [tree].
func (t *bucketTree) list(ctx context.Context, prefix string) ([]string, error) {
	var names []string
	objects := t.bucket.List(&blob.ListOptions{Prefix: prefix})
	for seen := 0; ; seen++ {
		object, err := objects.Next(ctx)
		switch {
		case errors.Is(err, io.EOF):
			return names, nil
		case err != nil:
			return nil, err
		case seen == maxTreeFiles:
			return nil, errTooMany
		}
		name := strings.TrimPrefix(object.Key, prefix)
		parts := strings.Split(name, "/")
		switch {
		case strings.HasSuffix(name, "/"), name == "": // stands for a directory
		case slices.ContainsFunc(parts, hidden):
		case len(parts) > maxTreeDepth:
			return nil, &treeError{"its directories are nested too deep"}
		default:
			names = append(names, name)
		}
	}
}

// read implements [tree].
func (t *bucketTree) read(ctx context.Context, prefix, name string, limit int64) ([]byte, error) {
	return readObject(ctx, t.bucket, prefix+name, limit)
}
