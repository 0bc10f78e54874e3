// Command gen makes the demo's data out of the UCI data set Online Retail. It is
// run by hand, and what it writes is committed:
//
//	go run ./internal/demo/gen online-retail.csv.xz internal/demo/data
package main

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: gen online-retail.csv.xz DIR")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func run(source, dir string) error {
	rows, err := read(source)
	if err != nil {
		return err
	}
	b := sort(rows)
	if err := write(filepath.Join(dir, "products.csv.gz"), b.productRows()); err != nil {
		return err
	}
	if err := write(filepath.Join(dir, "orders.csv.gz"), b.orderRows()); err != nil {
		return err
	}
	fmt.Printf("%d rows: %d orders of %d customers, %d takings back; left out: %v\n",
		len(rows), len(b.orders), len(b.customers()), len(b.backs), b.dropped)
	return nil
}

// write packs records without a time stamp, so that the same input gives the
// same bytes.
func write(path string, records [][]string) error {
	var buf bytes.Buffer
	zw, err := gzip.NewWriterLevel(&buf, gzip.BestCompression)
	if err != nil {
		return fmt.Errorf("pack %s: %w", path, err)
	}
	w := csv.NewWriter(zw)
	if err := w.WriteAll(records); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := zw.Close(); err != nil {
		return fmt.Errorf("pack %s: %w", path, err)
	}
	if err := os.WriteFile(path, buf.Bytes(), 0o644); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}
