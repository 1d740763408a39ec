// Package goscore is the model type "goscore": PMML forests scored by
// github.com/asafschers/goscore. It is the example of a foreign engine behind
// the contract of package model; the type "pmml" reads far more, faster.
//
// The engine reads one dialect rightly, the random forests that Rattle writes,
// and most other documents wrongly, without an error: it takes a node's score
// for the attribute at the second place, passes over compound predicates,
// missing-value strategies and every multipleModelMethod. So a document is
// checked first (document.go), and what is not exactly of that dialect is
// refused with a [*model.LoadError]:
//
//   - a MiningModel of TreeModels, classification by majorityVote, every segment
//     with the predicate True;
//   - each node has an id as its first attribute, each leaf its score as the
//     second, and scores are numbers in their shortest form;
//   - each split has two children that exclude each other and leave nothing out:
//     lessOrEqual and greaterThan, or greaterOrEqual and lessThan, of one value;
//     or two sets of categories that make up all categories of the field.
//
// A row with a missing value, a NaN or a category that the document does not
// have gets a [*model.RecordError]: the engine would stop in the middle of a
// tree and return what it finds there. A panic of the engine is an error of
// its row. Evaluators are immutable and safe for concurrent use.
package goscore
