package tensorflow

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/modelstream/modelserver/model"
)

func TestParseOptions(t *testing.T) {
	o, err := parseOptions(map[string]string{
		"features": " a, b b ,c", "result": "softmax", "labels": "x,y", "timeout": "1m30s", "outputs": "dense/Sigmoid:0",
	}, frozenOptions)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(o.features, []string{"a", "b b", "c"}) || o.result != resultSoftmax || o.timeout != 90*time.Second ||
		!slices.Equal(o.labels, []string{"x", "y"}) || !slices.Equal(o.outputs, []string{"dense/Sigmoid:0"}) {
		t.Errorf("%+v", o)
	}
	if o, err := parseOptions(nil, savedOptions); err != nil || o.timeout != defaultTimeout || o.result != "" {
		t.Errorf("defaults: %+v, %v", o, err)
	}
}

func TestOptionsThatAreRefused(t *testing.T) {
	for _, test := range []struct {
		name, value string
		known       map[string]string
		contains    string
	}{
		{"feature", "a", frozenOptions, "known are"},
		{"signature", "a", frozenOptions, "not known"},
		{"inputs", "a", savedOptions, "not known"},
		{"features", "", frozenOptions, "name 1 is empty"},
		{"features", "a,,b", frozenOptions, "name 2"},
		{"features", "a,b, a", frozenOptions, "name 3"},
		{"features", strings.Repeat("a,", maxNames+1), frozenOptions, "too many"},
		{"result", "max", savedOptions, "argmax"},
		{"timeout", "3", savedOptions, "duration"},
		{"timeout", "0s", savedOptions, "duration"},
		{"timeout", "1h", savedOptions, "duration"},
	} {
		_, err := parseOptions(map[string]string{test.name: test.value}, test.known)
		var load *model.LoadError
		if !errors.As(err, &load) || !strings.Contains(err.Error(), test.contains) || !strings.Contains(err.Error(), test.name) {
			t.Errorf("%s=%.20q: the error does not say %q: %v", test.name, test.value, test.contains, err)
		}
	}
}
