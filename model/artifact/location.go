package artifact

import (
	"fmt"
	"net/url"
	"strings"
	"unicode"

	"github.com/modelstream/modelserver/model"
)

// maxLocation is the greatest length of a location in bytes.
const maxLocation = 4096

// place is a location that is being resolved.
type place struct {
	url  *url.URL
	text string // for errors: without credentials and query
}

// parse reads a location, without asking whether it is allowed.
func parse(location string) (place, error) {
	p := place{text: redact(location)}
	switch {
	case location == "":
		return p, &model.LoadError{Reason: "the location is empty"}
	case len(location) > maxLocation:
		return p, p.refuse("the location has %d bytes, and at most %d are allowed", len(location), maxLocation)
	case strings.ContainsFunc(location, func(r rune) bool { return unicode.IsControl(r) || r == unicode.ReplacementChar }):
		return p, p.refuse("the location has characters that are not allowed in one")
	case strings.HasPrefix(location, "/"):
		return p, p.refuse("a location begins with a scheme: write file://%s", p.text)
	}
	u, err := url.Parse(location)
	switch {
	case err != nil:
		return p, p.refuse("the location is no URL") // the error would have all of it
	case u.Scheme == "":
		return p, p.refuse("a location begins with a scheme: file:, https: or that of a bucket")
	case u.User != nil:
		return p, p.refuse("a location must not have credentials: they would be read by whoever reads the topic; use a signed URL, or a bucket")
	case strings.ContainsFunc(u.Path, unicode.IsControl):
		return p, p.refuse("the location has characters that are not allowed in one")
	}
	p.url = u
	return p, nil
}

// refuse makes a LoadError about the place.
func (p place) refuse(format string, args ...any) *model.LoadError {
	return &model.LoadError{Where: p.text, Reason: fmt.Sprintf(format, args...)}
}

// refuseFor makes a LoadError with a cause.
func (p place) refuseFor(err error, format string, args ...any) *model.LoadError {
	return &model.LoadError{Where: p.text, Reason: fmt.Sprintf(format, args...), Err: err}
}

// retry makes a TransientError about the place.
func (p place) retry(err error, format string, args ...any) *model.TransientError {
	return &model.TransientError{Reason: p.text + ": " + fmt.Sprintf(format, args...), Err: err}
}

// maxShown is how much of a location errors show.
const maxShown = 300

// redact returns what may be shown of a location: without credentials, query
// and fragment, which are where secrets are. It also works on what is no URL,
// and rather takes too much away.
func redact(location string) string {
	shown, suffix := location, ""
	if u, err := url.Parse(location); err != nil || u.User != nil {
		if scheme, rest, found := strings.Cut(shown, "//"); found {
			if at := strings.LastIndex(rest, "@"); at >= 0 {
				shown = scheme + "//…" + rest[at:]
			}
		}
	}
	if cut := strings.IndexAny(shown, "?#"); cut >= 0 {
		shown, suffix = shown[:cut], "?…"
	}
	if len(shown) > maxShown {
		shown, suffix = strings.ToValidUTF8(shown[:maxShown], ""), "…"
	}
	quoted := fmt.Sprintf("%q", shown)
	return quoted[1:len(quoted)-1] + suffix
}
