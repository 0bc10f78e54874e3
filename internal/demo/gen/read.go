package main

import (
	"encoding/csv"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata"

	"github.com/ulikunitz/xz"
)

// row is a line of an invoice.
type row struct {
	invoice, code, description string
	quantity                   int
	at                         time.Time
	pence                      int // price of one
	customer                   string
}

// read unpacks the data set. Its moments are clocks of the shop in Britain,
// although a Z stands behind them.
func read(path string) ([]row, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	unpacked, err := xz.NewReader(f)
	if err != nil {
		return nil, fmt.Errorf("unpack %s: %w", path, err)
	}
	records, err := csv.NewReader(unpacked).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	britain, err := time.LoadLocation("Europe/London")
	if err != nil {
		return nil, err
	}
	rows := make([]row, 0, len(records))
	for i, r := range records[1:] {
		one, err := parse(r, britain)
		if err != nil {
			return nil, fmt.Errorf("%s line %d: %w", path, i+2, err)
		}
		rows = append(rows, one)
	}
	return rows, nil
}

func parse(r []string, zone *time.Location) (row, error) {
	if len(r) != 8 {
		return row{}, fmt.Errorf("%d columns, not 8", len(r))
	}
	quantity, err := strconv.Atoi(r[3])
	if err != nil {
		return row{}, err
	}
	at, err := time.ParseInLocation("2006-01-02T15:04:05Z", r[4], zone)
	if err != nil {
		return row{}, err
	}
	price, err := strconv.ParseFloat(r[5], 64)
	if err != nil {
		return row{}, err
	}
	return row{
		invoice: r[0], code: strings.ToUpper(strings.TrimSpace(r[1])), description: strings.TrimSpace(r[2]),
		quantity: quantity, at: at.UTC(), pence: int(price*100 + 0.5), customer: r[6],
	}, nil
}
