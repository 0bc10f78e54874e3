package intake

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"time"
	"unicode"
)

// Options says how a file is read.
type Options struct {
	Zone *time.Location // of dates that name none; nil: UTC
}

// Reader reads the rows of a file one at a time.
type Reader[T any] struct {
	name   string
	lines  *lines
	csv    *csvRows // nil: NDJSON
	row    func(line, map[string]any) (T, error)
	native map[string]bool
	typed  bool // CSV cells are events' properties: JSON in a cell counts
	zones  zones
	zone   *time.Location
}

// newReader opens a file. required are the columns that a CSV file must have,
// known those with a meaning of their own.
func newReader[T any](r io.Reader, name string, o Options, required, known []string) (*Reader[T], error) {
	l, err := open(r)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	rd := &Reader[T]{name: name, lines: l, native: map[string]bool{}, zones: zones{}, zone: o.Zone}
	for _, k := range known {
		rd.native[k] = true
	}
	switch first := firstLetter(l.r); first {
	case '{':
		return rd, nil
	case '[':
		return nil, fmt.Errorf("%s: the file is a JSON list; write one object per line", name)
	}
	if rd.csv, err = openCSV(l); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	have := map[string]bool{}
	for i, c := range rd.csv.columns {
		if !rd.native[c.name] {
			continue
		}
		if have[c.name] {
			return nil, fmt.Errorf("%s: two columns are named %s; rename one", name, c.name)
		}
		have[c.name] = true
		rd.csv.columns[i].title = c.name
	}
	for _, want := range required {
		if !have[want] && !(want == "customer_id" && rd.csv.has("product_id") && otherName(want, rd.csv.columns, rd.native) == "") {
			return nil, fmt.Errorf("%s: %w", name, missingColumn(want, rd.csv.columns))
		}
	}
	return rd, nil
}

// firstLetter is the first byte of a file that is no space, unread.
func firstLetter(r *bufio.Reader) byte {
	head, _ := r.Peek(4096) // an error shows again when the line is read
	head = bytes.TrimLeftFunc(head, unicode.IsSpace)
	if len(head) == 0 {
		return 0
	}
	return head[0]
}

// Header is the first line of a CSV file, so that rejected rows can be written
// out as a file of the same form; empty for NDJSON.
func (r *Reader[T]) Header() string {
	if r.csv == nil {
		return ""
	}
	return r.csv.header
}

// Next is the next row. It ends with io.EOF; a *Rejected is one bad row, and
// the next call goes on behind it; any other error is the file's.
func (r *Reader[T]) Next() (T, error) {
	var none T
	at, m, err := r.fields()
	if err == nil {
		var row T
		if row, err = r.row(at, m); err == nil {
			return row, nil
		}
		return none, &Rejected{at.n, err.Error(), at.text}
	}
	var bad *Rejected
	if err == io.EOF || errors.As(err, &bad) {
		return none, err
	}
	return none, fmt.Errorf("%s: %w", r.name, err)
}

// All ranges over the rows and the *Rejected among them. Any other error is
// the last thing it gives.
func (r *Reader[T]) All() iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for {
			row, err := r.Next()
			if err == io.EOF {
				return
			}
			var bad *Rejected
			if !yield(row, err) || err != nil && !errors.As(err, &bad) {
				return
			}
		}
	}
}

// fields is the next row by field name: columns with a meaning as text, others
// typed, empty cells left out.
func (r *Reader[T]) fields() (line, map[string]any, error) {
	if r.csv == nil {
		return r.object()
	}
	at, cells, err := r.csv.next()
	if err != nil {
		return at, nil, err
	}
	m := make(map[string]any, len(cells))
	for i, s := range cells {
		name := r.csv.columns[i].title
		s = strings.TrimSpace(s)
		switch {
		case s == "":
		case r.native[name]:
			m[name] = s
		case r.typed && (s[0] == '{' || s[0] == '['):
			v, err := cellJSON(name, s)
			if err != nil {
				return at, nil, &Rejected{at.n, err.Error(), at.text}
			}
			m[name] = v
		default:
			m[name] = cell(name, s)
		}
	}
	return at, m, nil
}

// cellJSON reads a cell that begins like JSON. `[new]` is text all the same,
// but a list of products that broke off is not.
func cellJSON(name, s string) (any, error) {
	v, err := decode([]byte(s))
	if err != nil && name == "products" {
		return nil, &fieldError{name, "is not JSON: " + err.Error()}
	}
	if err != nil {
		return s, nil
	}
	v, err = clean(v, 2)
	return v, below(name, err)
}

// object is the next line of an NDJSON file.
func (r *Reader[T]) object() (line, map[string]any, error) {
	at, err := r.lines.next()
	for err == nil && strings.TrimSpace(at.text) == "" && !at.long {
		at, err = r.lines.next()
	}
	switch {
	case err != nil:
		return at, nil, err
	case at.long:
		return at, nil, &Rejected{at.n, fmt.Sprintf("the row is longer than %d KB", MaxRow>>10), at.text}
	}
	v, err := decode([]byte(at.text))
	if err != nil {
		return at, nil, &Rejected{at.n, "the line is not JSON: " + err.Error(), at.text}
	}
	m, ok := v.(map[string]any)
	if !ok {
		return at, nil, &Rejected{at.n, "the line is not a JSON object", at.text}
	}
	return at, m, nil
}

// decode reads exactly one JSON value, its numbers as they are written.
func decode(data []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, errors.New("it breaks off")
		}
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("something follows the value")
	}
	return v, nil
}
