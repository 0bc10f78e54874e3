package audience

import (
	"strconv"
	"strings"
)

// prelude is a table that stands before a statement, worked out at most once
// and only when something reads it.
type prelude struct{ name, query string }

// with puts a subquery before the statement and gives its name; the same one
// twice is one table.
func (b *builder) with(what, query string) string {
	for _, p := range b.preludes {
		if p.query == query {
			return p.name
		}
	}
	name := what + "_" + strconv.Itoa(len(b.preludes)+1)
	b.preludes = append(b.preludes, prelude{name, query})
	return name
}

// headed is the statement with its tables before it.
func (b *builder) headed(text string) string {
	if len(b.preludes) == 0 {
		return text
	}
	tables := make([]string, len(b.preludes))
	for i, p := range b.preludes {
		tables[i] = p.name + " AS MATERIALIZED " + p.query
	}
	head := "WITH "
	if rest, ok := strings.CutPrefix(text, "WITH RECURSIVE "); ok {
		head, text = "WITH RECURSIVE ", ", "+rest
	} else if rest, ok := strings.CutPrefix(text, "WITH "); ok {
		text = ", " + rest
	} else {
		text = " " + text
	}
	return head + strings.Join(tables, ", ") + text
}
