package pmml

import (
	"context"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestFunctions evaluates each line of testdata/functions.txt, which says what
// its form is, and wants every built-in function to be there.
func TestFunctions(t *testing.T) {
	file, err := os.ReadFile("testdata/functions.txt")
	if err != nil {
		t.Fatal(err)
	}
	untested := makeBuiltins()
	for i, line := range strings.Split(string(file), "\n") {
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		application, want, ok := strings.Cut(line, " = ")
		parts := functionTokens.FindAllString(application, -1)
		if !ok || len(parts) < 2 {
			t.Fatalf("line %d: %q", i+1, line)
		}
		delete(untested, parts[0])
		t.Run(application, func(t *testing.T) {
			m, err := Load(context.Background(), strings.NewReader(applicationDocument(parts)), Options{})
			if err != nil {
				t.Fatal(err)
			}
			result, err := m.Evaluate(map[string]any{"x": 0.0})
			got := "NA"
			if err != nil {
				got = "error"
			} else if v, ok := result["r"]; ok {
				got = shown(v)
			}
			if got != want {
				t.Errorf("line %d: got %s (%v), want %s", i+1, got, err, want)
			}
		})
	}
	if len(untested) > 0 {
		t.Errorf("no line for the functions %q", slices.Sorted(maps.Keys(untested)))
	}
}

var (
	functionTokens = regexp.MustCompile(`[A-Za-z]*"[^"]*"|\S+`)
	typedConstant  = regexp.MustCompile(`^([A-Za-z]*)"([^"]*)"$`)
)

func applicationDocument(parts []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, `<Apply function=%q>`, parts[0])
	for _, p := range parts[1:] {
		switch m := typedConstant.FindStringSubmatch(p); {
		case p == "NA":
			b.WriteString(`<Constant missing="true"/>`)
		case m != nil && m[1] == "":
			fmt.Fprintf(&b, `<Constant dataType="string">%s</Constant>`, m[2])
		case m != nil:
			fmt.Fprintf(&b, `<Constant dataType=%q>%s</Constant>`, m[1], m[2])
		case p == "true" || p == "false":
			fmt.Fprintf(&b, `<Constant dataType="boolean">%s</Constant>`, p)
		default:
			fmt.Fprintf(&b, `<Constant>%s</Constant>`, p)
		}
	}
	b.WriteString(`</Apply>`)
	return featureDocument("x:double", `<RegressionModel functionName="regression">{schema x}
<Output><OutputField name="r" feature="transformedValue">`+b.String()+`</OutputField></Output><RegressionTable intercept="0"/></RegressionModel>`)
}

// shown writes a result so that its type is seen.
func shown(v any) string {
	switch v := v.(type) {
	case float64:
		return formatFloat(v, 64)
	case string:
		return strconv.Quote(v)
	}
	return fmt.Sprint(v)
}
