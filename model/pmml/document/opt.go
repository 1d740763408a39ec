package document

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Pos is where an element stands. Structs that embed it can be named in errors.
type Pos struct {
	Element string
	Line    int
}

// Where returns "line 12: <Node>".
func (p Pos) Where() string {
	if p.Element == "" {
		return ""
	}
	return fmt.Sprintf("line %d: <%s>", p.Line, p.Element)
}

// At returns the position of one of the element's attributes.
func (p Pos) At(attribute string) string {
	return fmt.Sprintf("line %d: <%s %s>", p.Line, p.Element, attribute)
}

// Position returns the position itself; it makes every struct with a Pos a
// [Located] one.
func (p Pos) Position() Pos { return p }

// Located is an element that knows its place.
type Located interface{ Position() Pos }

// Skip stands in a struct for an attribute or element that does not concern
// evaluation.
type Skip struct{}

// Refused stands in a struct for an element that is known and cannot be
// supported; the tag says because of what.
type Refused struct{}

// Opt is an attribute whose absence means something of its own.
type Opt[T any] struct {
	V   T
	Set bool
}

// Some returns a set value.
func Some[T any](v T) Opt[T] { return Opt[T]{V: v, Set: true} }

// Or returns the value, or d if there is none.
func (o Opt[T]) Or(d T) T {
	if o.Set {
		return o.V
	}
	return d
}

func (o *Opt[T]) decodeAttr(d *decoder, text []byte) error {
	o.Set = true
	switch v := any(&o.V).(type) {
	case *string:
		*v = d.intern(text)
	case *float64:
		x, err := ParseFloat(string(text))
		*v = x
		return err
	case *int:
		x, err := parseInt(string(text))
		*v = x
		return err
	case *bool:
		x, err := parseBool(string(text))
		*v = x
		return err
	default:
		return fmt.Errorf("attributes of type %T are not known", o.V)
	}
	return nil
}

// attrDecoder is implemented by attribute types of our own.
type attrDecoder interface {
	decodeAttr(d *decoder, text []byte) error
}

// ParseFloat reads a number as XML Schema and the exporters write it: "INF",
// "-INF" and "NaN" included, hexadecimal and underscores not.
func ParseFloat(s string) (float64, error) {
	s = strings.TrimSpace(s)
	for i := range len(s) {
		if c := s[i]; c == 'x' || c == 'X' || c == '_' || c == 'p' || c == 'P' {
			return 0, fmt.Errorf("%q is not a number", short(s))
		}
	}
	x, err := strconv.ParseFloat(s, 64)
	if errors.Is(err, strconv.ErrRange) {
		return x, nil // ±Inf or 0, as Java has it
	}
	if err != nil {
		return 0, fmt.Errorf("%q is not a number", short(s))
	}
	return x, nil
}

func parseInt(s string) (int, error) {
	s = strings.TrimSpace(s)
	if i, err := strconv.ParseInt(s, 10, 64); err == nil {
		return int(i), nil
	}
	// Some exporters write counts as "4.0".
	x, err := ParseFloat(s)
	if err != nil || x != float64(int64(x)) {
		return 0, fmt.Errorf("%q is not an integer", short(s))
	}
	return int(x), nil
}

func parseBool(s string) (bool, error) {
	switch strings.TrimSpace(s) {
	case "true", "1":
		return true, nil
	case "false", "0":
		return false, nil
	}
	return false, fmt.Errorf("%q is neither true nor false", short(s))
}

// Short cuts text for an error message.
func Short(s string) string { return short(s) }

func short(s string) string {
	if len(s) > 60 {
		return s[:57] + "..."
	}
	return s
}
