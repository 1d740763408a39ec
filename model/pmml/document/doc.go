// Package document is PMML as Go types: one struct for each element, made by
// [Decode] from a stream.
//
// The structs are the schema. A field's tag names the attribute (lower-case
// first letter, or "x-…") or the child element (upper-case first letter) that
// it holds, says whether it is required, which values it may have and what its
// absence means. Whatever a struct does not name is refused with element,
// attribute and line, so no markup is ignored unless a [Skip] field says that
// it does not concern evaluation. Vendors' Extension elements are skipped.
//
// Documents of PMML 3.0 to 4.4 are read into the 4.4 form: what older versions
// spell differently has an alias in the tag or a method that converts it.
//
// Nothing here knows how to evaluate. A document belongs to whoever decoded it
// and is not changed after that.
package document
