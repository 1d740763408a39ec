package document

import "bytes"

// ColumnName names a column of an [InlineTable]. Documents write it with the
// prefix that the cells' elements have ("data:input"); it is dropped.
type ColumnName string

var _ attrDecoder = (*ColumnName)(nil)

func (c *ColumnName) decodeAttr(d *decoder, text []byte) error {
	if _, local, ok := bytes.Cut(text, []byte(":")); ok {
		text = local
	}
	*c = ColumnName(d.intern(text))
	return nil
}
