package pmml

import (
	"regexp"
	"slices"
	"strings"
)

// mutate edits a document as data says, by elements and attributes, so that
// most of what comes out is well-formed and much of it loads.
func mutate(doc string, data []byte) string {
	tokens := xmlTokens.FindAllString(doc, -1)
	values := slices.Clone(strangeValues)
	for _, m := range attributeToken.FindAllStringSubmatch(doc, 500) {
		values = append(values, m[2])
	}
	for len(data) >= 4 && len(tokens) < 5000 {
		op, i, j, k := data[0], int(data[1])<<8|int(data[2]), int(data[3]), int(data[0]>>3)
		data = data[4:]
		i %= len(tokens)
		for tries := 0; tries < len(tokens) && !isStart(tokens[i]); tries++ {
			i = (i + 1) % len(tokens)
		}
		end := elementEnd(tokens, i)
		switch op % 6 {
		case 0: // an attribute goes
			tokens[i] = editAttribute(tokens[i], k, "")
		case 1, 2: // an attribute gets another value
			tokens[i] = editAttribute(tokens[i], k, values[j*7%len(values)])
		case 3: // an element goes
			tokens = slices.Delete(tokens, i, end)
		case 4: // an element comes twice
			tokens = slices.Insert(tokens, end, slices.Clone(tokens[i:end])...)
		case 5: // an element also comes elsewhere
			at := (i + j*len(tokens)/256) % (len(tokens) + 1)
			tokens = slices.Insert(tokens, at, slices.Clone(tokens[i:end])...)
		}
		if len(tokens) == 0 {
			return ""
		}
	}
	return strings.Join(tokens, "")
}

var (
	xmlTokens      = regexp.MustCompile(`<[^>]*>|[^<]+`)
	attributeToken = regexp.MustCompile(`\s([\w-]+)="([^"]*)"`)
	strangeValues  = []string{"", "0", "-1", "1e300", "NaN", "INF", "99999999999", "0.5", "x", "a", "true", "regression", "classification", "string", "integer", "dateTime", "boolean"}
)

func isStart(s string) bool {
	return strings.HasPrefix(s, "<") && !strings.HasPrefix(s, "</") && !strings.HasPrefix(s, "<?") && !strings.HasPrefix(s, "<!")
}

// elementEnd is behind the element that begins at token i.
func elementEnd(tokens []string, i int) int {
	depth := 0
	for at := i; at < len(tokens); at++ {
		switch s := tokens[at]; {
		case isStart(s) && !strings.HasSuffix(s, "/>"):
			depth++
		case strings.HasPrefix(s, "</"):
			depth--
		}
		if depth <= 0 {
			return at + 1
		}
	}
	return len(tokens)
}

// editAttribute sets the k-th attribute of a tag, or removes it for "".
func editAttribute(tag string, k int, value string) string {
	all := attributeToken.FindAllStringSubmatchIndex(tag, -1)
	if len(all) == 0 {
		return tag
	}
	m := all[k%len(all)]
	if value == "" {
		return tag[:m[0]] + tag[m[1]:]
	}
	return tag[:m[4]] + value + tag[m[5]:]
}
