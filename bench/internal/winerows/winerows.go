// Package winerows gives the benchmarks the wines of the demo as records. It
// owns nothing and may be used by any goroutine.
package winerows

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io/fs"
	"strconv"

	"google.golang.org/protobuf/proto"

	"github.com/modelstream/modelserver/examples/wine"
	"github.com/modelstream/modelserver/messages"
)

// Payloads returns every wine as an encoded WineRecord of data type "wine".
func Payloads() ([][]byte, error) {
	data, err := fs.ReadFile(wine.Files(), "wine.csv")
	if err != nil {
		return nil, err
	}
	lines, err := csv.NewReader(bytes.NewReader(data)).ReadAll()
	if err != nil {
		return nil, err
	}
	var all [][]byte
	for i, line := range lines[1:] {
		var v [11]float64
		for k := range v {
			if v[k], err = strconv.ParseFloat(line[k], 64); err != nil {
				return nil, fmt.Errorf("wine.csv, row %d: %w", i+2, err)
			}
		}
		payload, err := proto.Marshal(&messages.WineRecord{
			FixedAcidity: v[0], VolatileAcidity: v[1], CitricAcid: v[2], ResidualSugar: v[3], Chlorides: v[4],
			FreeSulfurDioxide: v[5], TotalSulfurDioxide: v[6], Density: v[7], PH: v[8], Sulphates: v[9], Alcohol: v[10],
			DataType: "wine",
		})
		if err != nil {
			return nil, err
		}
		all = append(all, payload)
	}
	return all, nil
}
