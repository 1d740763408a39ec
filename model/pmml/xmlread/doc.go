// Package xmlread is a streaming pull reader for XML that strangers send.
//
// It reads elements, attributes and text and nothing else: document type
// declarations are refused, so there are no entities to expand and no external
// ones to fetch; only the five predefined entities and character references
// are known. Every size is limited ([Limits]), memory in use is a small
// multiple of the longest token. Attribute values and text come as views into
// the reader's memory and are valid until the next call of Next.
//
// A Reader belongs to one goroutine. Its errors are [*Error] values with the
// line, or the error of the underlying reader.
package xmlread
