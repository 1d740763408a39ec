package document

import "fmt"

// DataType is the value of a dataType attribute, "" where it is absent.
type DataType string

// dataTypes are those of PMML 4.4 and the legacy epochs that exporters use.
var dataTypes = map[DataType]bool{
	"string": true, "integer": true, "float": true, "double": true, "boolean": true,
	"date": true, "time": true, "dateTime": true, "timeSeconds": true,
	"dateDaysSince[0]": true, "dateDaysSince[1960]": true, "dateDaysSince[1970]": true, "dateDaysSince[1980]": true,
	"dateDaysSince[1990]": true, "dateDaysSince[2000]": true, "dateDaysSince[2010]": true, "dateDaysSince[2020]": true,
	"dateTimeSecondsSince[0]": true, "dateTimeSecondsSince[1960]": true, "dateTimeSecondsSince[1970]": true,
	"dateTimeSecondsSince[1980]": true, "dateTimeSecondsSince[1990]": true, "dateTimeSecondsSince[2000]": true,
	"dateTimeSecondsSince[2010]": true, "dateTimeSecondsSince[2020]": true,
}

func (t *DataType) decodeAttr(d *decoder, text []byte) error {
	*t = DataType(d.intern(text))
	if !dataTypes[*t] {
		return fmt.Errorf("data type %q is not supported", short(string(*t)))
	}
	return nil
}
