package audience

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"tidings/internal/campaign"
)

// builder collects the parameters of one statement while its text is put
// together. Whatever comes from a workspace or a customer goes in as a
// parameter; the text itself is made of our own words alone.
type builder struct {
	engine  Engine
	cat     *campaign.Catalog
	anchors []string // event names that can be the pass's own anchor
	// anyAnchor: whatever happened in the anchor's instant brought it about, as what
	// makes a customer a member of a segment.
	anyAnchor bool
	args      []any
	given     map[any]int // position of each argument in args, from 1
	within    []string    // segments being inlined, against a circle
	whole     *whole      // set while all customers are judged as of one moment
	aliases   int

	preludes []prelude          // tables that stand before the statement
	days     func() []time.Time // starts of the days in which moments of looking lie
	kept     map[keptRank]bool  // which ranks are kept; nil: the statement has to look
	broken   error              // why the statement cannot be run
}

// builder starts a statement for passes of c, or for plain customers (nil).
func (e *Evaluator) builder(c *campaign.Campaign) *builder {
	b := &builder{engine: e.engine, cat: e.cat, given: map[any]int{}}
	if c != nil && c.Trigger != nil {
		b.anchors = c.Trigger.AnchorNames()
		_, b.anyAnchor = c.Trigger.(campaign.SegmentChange)
	}
	return b
}

const (
	sqlTrue  = "(1 = 1)"
	sqlFalse = "(1 = 0)"
)

// param adds v, a string or a number, to the arguments. The cast tells
// PostgreSQL its type.
func (b *builder) param(v any, cast string) string {
	n, ok := b.given[v]
	if !ok {
		b.args = append(b.args, v)
		n = len(b.args)
		b.given[v] = n
	}
	p := "$" + strconv.Itoa(n)
	if b.engine == Postgres {
		p += cast
	}
	return p
}

var paramPattern = regexp.MustCompile(`\$[0-9]+`)

// query runs a statement of b. PostgreSQL refuses arguments that the text does
// not mention, and putting a text together may leave some: they are dropped.
func (b *builder) query(ctx context.Context, q Querier, text string) (*sql.Rows, error) {
	if b.broken != nil {
		return nil, b.broken
	}
	text, args := b.placed(text)
	return q.QueryContext(ctx, text, args...)
}

// placed is a statement with its preludes, and the arguments that it mentions.
func (b *builder) placed(text string) (string, []any) {
	var args []any
	places := map[string]string{}
	text = paramPattern.ReplaceAllStringFunc(b.headed(text), func(p string) string {
		if places[p] == "" {
			n, _ := strconv.Atoi(p[1:])
			args = append(args, b.args[n-1])
			places[p] = "$" + strconv.Itoa(len(args))
		}
		return places[p]
	})
	return text, args
}

func (b *builder) text(s string) string { return b.param(s, "::text") }
func (b *builder) int(n int64) string   { return b.param(n, "::bigint") }

// json passes a value of ours as a JSON document.
func (b *builder) json(v any) (string, error) {
	doc, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("encode parameter: %w", err)
	}
	return b.param(string(doc), "::text::jsonb"), nil
}

// storable tells whether s can stand in a text column at all. PostgreSQL refuses
// what cannot, even as a parameter; nothing stored can be equal to it.
func storable(s string) bool { return utf8.ValidString(s) && !strings.ContainsRune(s, 0) }

// greatest is the larger of two expressions that are not null.
func (b *builder) greatest(x, y string) string {
	if b.engine == SQLite {
		return "max(" + x + ", " + y + ")"
	}
	return "GREATEST(" + x + ", " + y + ")"
}

// sure makes an unknown answer a no.
func sure(cond string) string { return "COALESCE(" + cond + ", " + sqlFalse + ")" }

// join puts conditions together as a balanced tree: SQLite refuses expressions
// nested deeper than 1000, which a chain of that many parts would be.
func join(parts []string, op, none string) string {
	switch len(parts) {
	case 0:
		return none
	case 1:
		return parts[0]
	}
	mid := len(parts) / 2
	return "(" + join(parts[:mid], op, none) + " " + op + " " + join(parts[mid:], op, none) + ")"
}

// names is a list for IN.
func (b *builder) names(names []string) string {
	params := []string{}
	for _, n := range names {
		if storable(n) {
			params = append(params, b.text(n))
		}
	}
	if len(params) == 0 {
		params = append(params, "NULL")
	}
	return "(" + strings.Join(params, ", ") + ")"
}

// column is one of a table made of a JSON parameter; a type of json keeps JSON.
type column struct{ name, kind string }

// table is a subquery over rows passed as a JSON array of arrays, so that one
// statement takes any number of rows.
func (b *builder) table(columns []column, rows [][]any) (string, error) {
	param, err := b.json(rows)
	if err != nil {
		return "", err
	}
	var s strings.Builder
	s.WriteString("(SELECT ")
	for i, c := range columns {
		if i > 0 {
			s.WriteString(", ")
		}
		switch {
		case c.kind == "json":
			fmt.Fprintf(&s, "NULLIF(r.value -> %d, 'null') AS %s", i, c.name)
		case b.engine == SQLite:
			fmt.Fprintf(&s, "r.value ->> %d AS %s", i, c.name)
		default:
			fmt.Fprintf(&s, "(r.value ->> %d)::%s AS %s", i, c.kind, c.name)
		}
	}
	if b.engine == SQLite {
		fmt.Fprintf(&s, " FROM json_each(%s) r)", param)
	} else {
		fmt.Fprintf(&s, " FROM jsonb_array_elements(%s) r)", param)
	}
	return s.String(), nil
}
