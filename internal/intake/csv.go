package intake

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// column is a column of a CSV file.
type column struct {
	title string // as it stands in the file
	name  string // of a column with a meaning of its own: first_name for First Name
}

// csvRows reads the records of a CSV file below its header.
type csvRows struct {
	lines   *lines
	sep     byte
	columns []column
	header  string
	cells   []string // reused
}

// has tells whether there is a column of that name.
func (c *csvRows) has(name string) bool {
	return slices.ContainsFunc(c.columns, func(one column) bool { return one.name == name })
}

// openCSV reads the header.
func openCSV(l *lines) (*csvRows, error) {
	c := &csvRows{lines: l}
	first, err := c.record()
	for err == nil && strings.TrimSpace(first.text) == "" {
		first, err = c.record()
	}
	var bad *Rejected
	switch {
	case err == io.EOF:
		return nil, errors.New("the file is empty; its first line must name the columns")
	case errors.As(err, &bad):
		return nil, fmt.Errorf("the first line must name the columns; %s", bad.Reason)
	case err != nil:
		return nil, err
	}
	c.header, c.sep = first.text, separator(first.text)
	titles, err := splitRow(nil, first.text, c.sep)
	if err != nil {
		return nil, fmt.Errorf("the first line must name the columns; %w", err)
	}
	seen := map[string]bool{}
	for _, t := range titles {
		t = strings.TrimSpace(t)
		name := strings.NewReplacer(" ", "_", "-", "_").Replace(strings.ToLower(t))
		if t != "" && seen[t] {
			return nil, fmt.Errorf("two columns are named %s; rename one", t)
		}
		seen[t] = true
		c.columns = append(c.columns, column{t, name})
	}
	return c, nil
}

// separator is the one of comma, semicolon and tab that a header has most of.
func separator(header string) byte {
	best, most := byte(','), 0
	for _, sep := range []byte{',', ';', '\t'} {
		if cells, err := splitRow(nil, header, sep); err == nil && len(cells) > most {
			best, most = sep, len(cells)
		}
	}
	return best
}

// record is the next record as text: a line, or the lines that a quoted cell
// spans, joined with a newline.
func (c *csvRows) record() (line, error) {
	first, err := c.lines.next()
	if err != nil {
		return line{}, err
	}
	if first.long {
		return line{}, &Rejected{first.n, fmt.Sprintf("the row is longer than %d KB", MaxRow>>10), first.text}
	}
	if !openQuote(first.text, c.sep, false) {
		return first, nil
	}
	var more []line
	for whole := first.text; ; {
		next, err := c.lines.next()
		if err != nil && err != io.EOF {
			return line{}, err
		}
		if err == io.EOF || next.long || len(whole)+len(next.text) > MaxRow {
			// The quote swallows what follows: only the row that opened it is lost.
			if err == nil {
				more = append(more, next)
			}
			c.lines.unread(more)
			return line{}, &Rejected{first.n, `a quote (") is opened and never closed`, first.text}
		}
		more = append(more, next)
		whole += "\n" + next.text
		if !openQuote(next.text, c.sep, true) {
			return line{n: first.n, text: whole}, nil
		}
	}
}

// next is the next record's cells, as many as there are columns. They are valid
// until the call after.
func (c *csvRows) next() (line, []string, error) {
	rec, err := c.record()
	for err == nil && strings.TrimSpace(rec.text) == "" {
		rec, err = c.record()
	}
	if err != nil {
		return rec, nil, err
	}
	reject := func(format string, args ...any) (line, []string, error) {
		return rec, nil, &Rejected{rec.n, fmt.Sprintf(format, args...), rec.text}
	}
	if !utf8.ValidString(rec.text) {
		return reject("the row is not UTF-8; save the file as UTF-8")
	}
	if strings.ContainsRune(rec.text, 0) {
		return reject("the row holds a NUL character")
	}
	cells, err := splitRow(c.cells[:0], rec.text, c.sep)
	if err != nil {
		return reject("%v", err)
	}
	c.cells = cells
	for len(cells) > len(c.columns) && cells[len(cells)-1] == "" {
		cells = cells[:len(cells)-1]
	}
	if len(cells) != len(c.columns) {
		return reject("%d cells for %d columns", len(cells), len(c.columns))
	}
	for i, s := range cells {
		if c.columns[i].title == "" && strings.TrimSpace(s) != "" {
			return reject("column %d has a value and no name", i+1)
		}
	}
	return rec, cells, nil
}

// openQuote tells whether a line that begins within a quoted cell, or not, ends
// within one. A quote opens only at the start of a cell.
func openQuote(text string, sep byte, inside bool) bool {
	if strings.IndexByte(text, '"') < 0 {
		return inside
	}
	start := !inside
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case inside && c == '"' && i+1 < len(text) && text[i+1] == '"':
			i++
		case inside && c == '"':
			inside = false
		case inside:
		case c == '"' && start:
			inside, start = true, false
		default:
			// Before the header is read any separator may be the one.
			start = c == sep || sep == 0 && (c == ',' || c == ';' || c == '\t')
		}
	}
	return inside
}

// splitRow appends the cells of a record. Quotes within an unquoted cell are
// text, as spreadsheets have them.
func splitRow(cells []string, text string, sep byte) ([]string, error) {
	for {
		if !strings.HasPrefix(text, `"`) {
			i := strings.IndexByte(text, sep)
			if i < 0 {
				return append(cells, text), nil
			}
			cells, text = append(cells, text[:i]), text[i+1:]
			continue
		}
		value, rest, err := quoted(text[1:])
		if err != nil {
			return cells, err
		}
		cells = append(cells, value)
		if rest == "" {
			return cells, nil
		}
		if rest[0] != sep {
			return cells, fmt.Errorf("cell %d goes on after its closing quote", len(cells))
		}
		text = rest[1:]
	}
}

// quoted reads a cell behind its opening quote, and what follows it.
func quoted(text string) (value, rest string, err error) {
	var b strings.Builder
	for {
		i := strings.IndexByte(text, '"')
		switch {
		case i < 0:
			return "", "", errors.New(`a quote (") is opened and never closed`)
		case !strings.HasPrefix(text[i+1:], `"`):
			if b.Len() == 0 {
				return text[:i], text[i+1:], nil
			}
			b.WriteString(text[:i])
			return b.String(), text[i+1:], nil
		}
		b.WriteString(text[:i+1])
		text = text[i+2:]
	}
}
