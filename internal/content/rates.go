package content

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"io/fs"
	"slices"
	"time"

	"go.yaml.in/yaml/v4"

	"tidings/internal/campaign"
)

// rates reads the name of the file of rates, and the file.
func (w *workspaceSource) rates(n *yaml.Node) {
	file, ok := w.word(n, "rates")
	if !ok {
		return
	}
	if !w.top.has("currency") && !w.top.odd {
		w.errorf(n, "add currency: EUR", "rates convert into the workspace's currency, which has none")
		return
	}
	if !fs.ValidPath(file) {
		w.errorf(n, "write the path of a file in the workspace, as in rates.csv", "rates: %q lies outside of the workspace", shortened(file))
		return
	}
	text, err := fs.ReadFile(w.files, file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		w.errorf(n, "write one with the header date,currency,rate", "rates: there is no file %s", file)
		return
	case err != nil:
		w.errorf(n, "name a file that can be read", "rates: read file: %s", err)
		return
	}
	r := ratesFile{ps: w.ps, file: file, currency: w.workspace.Currency, rates: w.workspace.Rates, lines: map[string]int{}}
	r.read(text)
}

// ratesFile is a file of rates being read.
type ratesFile struct {
	ps       *problems
	file     string
	currency string // the workspace's; "" where it could not be read
	rates    campaign.Rates
	lines    map[string]int // on which a currency and a day stand
	faults   int
}

// maxFaults bounds what is said of a file that has the same fault on each line.
const maxFaults = 50

func (r *ratesFile) errorf(at place, hint, format string, args ...any) {
	if r.faults++; r.faults <= maxFaults {
		r.ps.errorf(r.file, at, hint, format, args...)
	}
}

func (r *ratesFile) read(text []byte) {
	if at, what := unreadable(string(text)); what != "" {
		r.errorf(at, "save the file as UTF-8 text", "%s", what)
		return
	}
	in := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(text, []byte("\uFEFF"))))
	in.FieldsPerRecord = -1
	in.ReuseRecord = true
	header := true
	for {
		record, err := in.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			at := place{1, 1}
			var bad *csv.ParseError
			if errors.As(err, &bad) {
				at, err = place{bad.Line, max(bad.Column, 1)}, bad.Err
			}
			r.errorf(at, "write 2026-01-01,USD,0.91", "the line is not CSV: %s", err)
			return
		}
		at := func(i int) place { line, column := in.FieldPos(i); return place{line, column} }
		if header {
			header = false
			if !slices.Equal(record, []string{"date", "currency", "rate"}) {
				r.errorf(at(0), "begin the file with the line date,currency,rate", "the file has another header than date,currency,rate")
				return
			}
			continue
		}
		r.line(record, at)
	}
	if header {
		r.errorf(place{1, 1}, "begin the file with the line date,currency,rate", "the file is empty")
	}
	for currency := range r.rates {
		slices.SortFunc(r.rates[currency], func(a, b campaign.Rate) int { return a.From.Compare(b.From) })
	}
}

func (r *ratesFile) line(record []string, at func(int) place) {
	if len(record) != 3 {
		r.errorf(at(0), "write 2026-01-01,USD,0.91", "the line has %d fields, not three", len(record))
		return
	}
	day, err := time.Parse(time.DateOnly, record[0])
	if err != nil {
		r.errorf(at(0), "write it as 2026-01-01", "%q is not a date", shortened(record[0]))
		return
	}
	switch currency := record[1]; {
	case !currencyCode.MatchString(currency):
		r.errorf(at(1), "write its three letters, as in USD", "%q is not a currency", shortened(currency))
		return
	case currency == r.currency:
		r.errorf(at(1), "take the line out", "%s is the workspace's own currency, whose rate is 1", currency)
		return
	}
	rate, ok := number(record[2])
	if !ok || rate <= 0 {
		r.errorf(at(2), "write what one "+record[1]+" is worth, as in 0.91", "%q is not a rate", shortened(record[2]))
		return
	}
	key := record[0] + record[1]
	if first := r.lines[key]; first != 0 {
		r.errorf(at(0), "keep one of them", "%s has two rates on %s; first on line %d", record[1], record[0], first)
		return
	}
	r.lines[key] = at(0).line
	r.rates[record[1]] = append(r.rates[record[1]], campaign.Rate{From: day, Rate: rate})
}
