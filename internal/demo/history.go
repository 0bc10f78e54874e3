package demo

import (
	"compress/gzip"
	"embed"
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"
)

// See data/ATTRIBUTION.md.
//
//go:embed data/orders.csv.gz data/products.csv.gz data/ATTRIBUTION.md
var data embed.FS

// History is what a shop sold and took back, in the order of time.
type History struct {
	Orders  []Order
	Returns []Return
}

// Order is a real order. Lines are those of the highest value; Total and Count
// are of the whole order.
type Order struct {
	ID       string
	Customer string
	At       time.Time
	Total    float64 // GBP
	Count    int     // lines of the whole order
	Lines    []Line
}

// Line is an article of an order.
type Line struct {
	Product  string
	Name     string
	Quantity int
	Price    float64 // GBP, of one
}

// Return takes back an order: all of it, or as much as Total says.
type Return struct {
	Order    string
	Customer string
	At       time.Time
	Total    float64 // GBP
	Whole    bool
}

// Load reads the history that the binary carries.
func Load() (*History, error) {
	names := map[string]string{}
	err := records("data/products.csv.gz", 2, func(r []string) error {
		names[r[0]] = r[1]
		return nil
	})
	if err != nil {
		return nil, err
	}
	h := &History{}
	if err := records("data/orders.csv.gz", 9, func(r []string) error { return h.add(r, names) }); err != nil {
		return nil, err
	}
	slices.SortStableFunc(h.Returns, func(a, b Return) int { return a.At.Compare(b.At) })
	return h, nil
}

// records calls f with each record of a packed CSV file but its header.
func records(path string, columns int, f func([]string) error) error {
	file, err := data.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	unpacked, err := gzip.NewReader(file)
	if err != nil {
		return fmt.Errorf("unpack %s: %w", path, err)
	}
	rd := csv.NewReader(unpacked)
	rd.FieldsPerRecord = columns
	rd.ReuseRecord = true
	for line := 1; ; line++ {
		r, err := rd.Read()
		if err == io.EOF {
			return nil
		}
		if err == nil && line > 1 {
			err = f(r)
		}
		if err != nil {
			return fmt.Errorf("read %s line %d: %w", path, line, err)
		}
	}
}

// add takes in a row: kind, order, at, customer, total, lines, product, quantity,
// price. A further line of an order has only the last three.
func (h *History) add(r []string, names map[string]string) error {
	if r[0] != "" {
		at, err := time.Parse(time.RFC3339, r[2])
		if err != nil {
			return err
		}
		total, err := strconv.ParseFloat(r[4], 64)
		if err != nil {
			return err
		}
		if r[0] != "order" {
			h.Returns = append(h.Returns, Return{Order: r[1], Customer: r[3], At: at, Total: total, Whole: r[0] == "cancel"})
			return nil
		}
		count, err := strconv.Atoi(r[5])
		if err != nil {
			return err
		}
		h.Orders = append(h.Orders, Order{ID: r[1], Customer: r[3], At: at, Total: total, Count: count})
	}
	quantity, err := strconv.Atoi(r[7])
	if err != nil {
		return err
	}
	price, err := strconv.ParseFloat(r[8], 64)
	if err != nil {
		return err
	}
	name, ok := names[r[6]]
	if !ok || len(h.Orders) == 0 {
		return fmt.Errorf("article %s has no name or no order", r[6])
	}
	o := &h.Orders[len(h.Orders)-1]
	o.Lines = append(o.Lines, Line{Product: r[6], Name: name, Quantity: quantity, Price: price})
	return nil
}

// Begin is midnight UTC of the first order's day, and End the one after the last
// fact.
func (h *History) Begin() time.Time { return h.Orders[0].At.Truncate(24 * time.Hour) }

// End is the midnight UTC after the last fact.
func (h *History) End() time.Time {
	last := h.Orders[len(h.Orders)-1].At
	if n := len(h.Returns); n > 0 && h.Returns[n-1].At.After(last) {
		last = h.Returns[n-1].At
	}
	return last.Truncate(24 * time.Hour).Add(24 * time.Hour)
}

// Until is the part of the history before t.
func (h *History) Until(t time.Time) *History {
	cut := &History{}
	for _, o := range h.Orders {
		if o.At.Before(t) {
			cut.Orders = append(cut.Orders, o)
		}
	}
	for _, r := range h.Returns {
		if r.At.Before(t) {
			cut.Returns = append(cut.Returns, r)
		}
	}
	return cut
}
