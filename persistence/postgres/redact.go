package postgres

import (
	"net/url"
	"regexp"
	"strings"
)

// hidden stands for a password.
const hidden = "xxxxx"

// secretWord finds what may hold a secret in a string of keywords and values.
var secretWord = regexp.MustCompile(`(?i)((?:ssl)?password|oauth_client_secret)(\s*=\s*)('(?:[^'\\]|\\.)*'?|(?:[^\s\\]|\\.)+)`)

// Redact returns a connection string without its passwords, for logs and printed
// configurations.
func Redact(connection string) string {
	text, _ := redact(connection)
	return text
}

// redact also says whether the string can be read: where a URL cannot, nobody
// knows which part of it is the password.
func redact(connection string) (text string, readable bool) {
	if !isURL(connection) {
		return secretWord.ReplaceAllString(connection, "${1}${2}"+hidden), true
	}
	u, err := url.Parse(connection)
	if err != nil || strings.ContainsAny(u.Fragment+u.Path, "@#") {
		// A "#", "/" or "?" in a password ends the host too early.
		return "(a URL that cannot be read)", false
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil || strings.Contains(u.RawQuery, "@") {
		return "(a URL that cannot be read)", false
	}
	changed := false
	for key, values := range query {
		if secretWord.MatchString(key + "=x") {
			for i := range values {
				values[i], changed = hidden, true
			}
		}
	}
	if changed {
		u.RawQuery = query.Encode()
	}
	return u.Redacted(), true
}

// secrets lists the passwords in a readable connection string, as they are
// written and as they are meant.
func secrets(connection string) (all []string) {
	add := func(s string) {
		if s = strings.Trim(s, "'"); s != "" && s != hidden {
			all = append(all, s)
		}
	}
	for _, m := range secretWord.FindAllStringSubmatch(connection, -1) {
		add(m[3])
	}
	if u, err := url.Parse(connection); err == nil && isURL(connection) {
		password, _ := u.User.Password()
		add(password)
		_, written, _ := strings.Cut(u.User.String(), ":")
		add(written)
		for key, values := range u.Query() {
			if secretWord.MatchString(key + "=x") {
				for _, v := range values {
					add(v)
				}
			}
		}
	}
	return all
}

func isURL(connection string) bool {
	return strings.HasPrefix(connection, "postgres://") || strings.HasPrefix(connection, "postgresql://")
}
