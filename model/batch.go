package model

// Batch is rows of one data type, columnar: Columns[i] belongs to the i-th
// input (or output) of a [Signature].
type Batch struct {
	Rows    int
	Columns []Column

	// Errors has an entry for each row that could not be decoded or scored, in
	// any order, at most one a row. Such a row's values mean nothing.
	Errors []RowError
}

// RowError is a failure of one row of a batch.
type RowError struct {
	Row int
	Err *RecordError
}

// Reset prepares the batch for rows values of each field and reuses the memory
// it has. Values are not cleared; states are all valid.
func (b *Batch) Reset(fields []Field, rows int) {
	b.Rows = rows
	b.Errors = b.Errors[:0]
	if cap(b.Columns) < len(fields) {
		columns := make([]Column, len(fields))
		copy(columns, b.Columns[:cap(b.Columns)])
		b.Columns = columns
	}
	b.Columns = b.Columns[:len(fields)]
	for i := range fields {
		b.Columns[i].Reset(&fields[i], rows)
	}
}

// Fail records that a row cannot be scored. The first error of a row is kept.
func (b *Batch) Fail(row int, err *RecordError) {
	for i := range b.Errors {
		if b.Errors[i].Row == row {
			return
		}
	}
	b.Errors = append(b.Errors, RowError{Row: row, Err: err})
}

// Err returns the error of a row, or nil.
func (b *Batch) Err(row int) *RecordError {
	for i := range b.Errors {
		if b.Errors[i].Row == row {
			return b.Errors[i].Err
		}
	}
	return nil
}
