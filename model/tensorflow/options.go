package tensorflow

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/modelstream/modelserver/model"
)

// The names of the options.
const (
	optInputs    = "inputs"
	optOutputs   = "outputs"
	optFeatures  = "features"
	optResult    = "result"
	optLabels    = "labels"
	optTimeout   = "timeout"
	optSignature = "signature"
	optTags      = "tags"
)

// result says how the output is read.
type result string

const (
	resultRaw     result = "raw"
	resultArgmax  result = "argmax"
	resultSoftmax result = "softmax"
)

var sharedOptions = map[string]string{
	optFeatures: "names of the columns of the only input, a matrix [?,n], in their order: the model then has n inputs of " +
		"these names instead of one vector; \"a,b,c\"",
	optResult: "raw: the outputs as they are; argmax: the index of the greatest value as \"class\", and the values as " +
		"\"scores\"; softmax: the same with softmax applied, as \"class\" and \"probabilities\"; by default argmax when the " +
		"only output is a matrix of floats with several columns, raw otherwise",
	optLabels:  "names of the classes in their order, for argmax and softmax: \"class\" is then a string; \"a,b,c\"",
	optTimeout: "how long one run of a graph with loops may take, 10s by default",
}

var frozenOptions = with(sharedOptions, map[string]string{
	optInputs:  "names of the tensors to feed, by default every placeholder that the outputs need; \"x,y:0\"",
	optOutputs: "names of the tensors to fetch, by default the one that nothing else uses; \"dense/Sigmoid\"",
})

var savedOptions = with(sharedOptions, map[string]string{
	optSignature: "the signature to serve, by default serving_default or the only one",
	optTags:      "the tags of the graph to serve, by default \"serve\"",
	optOutputs:   "the outputs of the signature to fetch, by default all",
})

func with(a, b map[string]string) map[string]string {
	m := maps.Clone(a)
	maps.Copy(m, b)
	return m
}

// options are a model's options, parsed.
type options struct {
	inputs, outputs, features, labels, tags []string

	result    result // "" when it is not given
	signature string
	timeout   time.Duration
}

const (
	defaultTimeout = 10 * time.Second
	maxTimeout     = 10 * time.Minute
	maxNames       = 100_000
)

// parseOptions refuses what is not in known.
func parseOptions(given, known map[string]string) (*options, error) {
	o := &options{timeout: defaultTimeout}
	lists := map[string]*[]string{
		optInputs: &o.inputs, optOutputs: &o.outputs, optFeatures: &o.features, optLabels: &o.labels, optTags: &o.tags,
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		value := given[name]
		if _, ok := known[name]; !ok {
			return nil, optionError(name, value, "it is not known; known are "+strings.Join(slices.Sorted(maps.Keys(known)), ", "))
		}
		var problem string
		switch name {
		case optResult:
			o.result = result(value)
			if o.result != resultRaw && o.result != resultArgmax && o.result != resultSoftmax {
				problem = "it must be raw, argmax or softmax"
			}
		case optTimeout:
			d, err := time.ParseDuration(value)
			if o.timeout = d; err != nil || d < time.Millisecond || d > maxTimeout {
				problem = fmt.Sprintf("it must be a duration of 1ms to %s", maxTimeout)
			}
		case optSignature:
			o.signature = value
		default:
			*lists[name], problem = names(value)
		}
		if problem != "" {
			return nil, optionError(name, value, problem)
		}
	}
	if len(o.labels) > 0 && o.result == resultRaw {
		return nil, optionError(optLabels, given[optLabels], "it goes with result argmax or softmax, not with raw")
	}
	return o, nil
}

// names splits "a, b,c" and refuses empty and repeated names.
func names(value string) (list []string, problem string) {
	list = strings.Split(value, ",")
	if len(list) > maxNames {
		return nil, "it has too many names"
	}
	seen := make(map[string]bool, len(list))
	for i, name := range list {
		name = strings.TrimSpace(name)
		if name == "" || seen[name] {
			return nil, fmt.Sprintf("name %d is empty or repeated; give names separated by commas", i+1)
		}
		seen[name] = true
		list[i] = name
	}
	return list, ""
}

func optionError(name, value, problem string) error {
	if len(value) > 100 {
		value = value[:100] + "…"
	}
	return &model.LoadError{Where: fmt.Sprintf("option %s %q", name, value), Reason: problem}
}
