package audience

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"tidings/internal/campaign"
)

// stretch is the moments in (from, to], and where a cursor is given those in
// (late, from] that facts committed since then bring.
type stretch struct {
	from, to, late time.Time
	cursor         string
}

func (s stretch) has(t time.Time, fresh bool) bool {
	from := s.from
	if fresh {
		from = s.late
	}
	return t.After(from) && !t.After(s.to)
}

// moments are, by customer, the moments at which something may change, in order.
type moments map[int64][]int64

func (m moments) add(customer int64, t time.Time) {
	m[customer] = append(m[customer], campaign.Micros(t))
}

func (m moments) sort() {
	for customer, at := range m {
		slices.Sort(at)
		m[customer] = slices.Compact(at)
	}
}

// scope limits a search to customers; the zero one is all, found by what happened
// in the span alone.
type scope struct {
	// from is a table expression with a column id of customers, empty: all.
	from string
}

// table is FROM, with the customers first, and WHERE up to the next condition.
func (s scope) table(table string) string {
	if s.from == "" {
		return " FROM " + table + " k WHERE "
	}
	return " FROM " + s.from + " l CROSS JOIN " + table + " k WHERE k.customer_id = l.id AND "
}

// among is the scope of the customers given.
func (b *builder) among(customers []int64) (scope, error) {
	param, err := b.json(customers)
	if b.engine == SQLite {
		return scope{"(SELECT CAST(value AS INTEGER) AS id FROM json_each(" + param + "))"}, err
	}
	return scope{"(SELECT value::bigint AS id FROM jsonb_array_elements_text(" + param + "))"}, err
}

// changes are the moments in s at which the truth of what w watches may change,
// for the customers given, or nil for all who have such a moment. Moments at
// which nothing changes may be among them, none is missing. What is ranked anew
// each day is not in the answer for all customers: see dayStarts.
func (e *Evaluator) changes(ctx context.Context, q Querier, w *watch, customers []int64, s stretch) (moments, error) {
	out := moments{}
	if customers != nil && len(customers) == 0 {
		return out, nil
	}
	b := e.builder(nil)
	var in scope
	var err error
	if customers != nil {
		if in, err = b.among(customers); err != nil {
			return nil, err
		}
	}
	parts, err := b.parts(w, in, in, s)
	if err != nil {
		return nil, err
	}
	for some := range slices.Chunk(parts, maxParts) {
		rows, err := b.query(ctx, q, strings.Join(some, " UNION ALL "))
		if err := each(rows, err, func(rows *sql.Rows) error { return out.read(rows, w, s) }); err != nil {
			return nil, fmt.Errorf("find moments of change: %w", err)
		}
	}
	if w.daily {
		for _, day := range dayStarts(e.cat.Workspace.Zone, s.from, s.to) {
			for _, customer := range customers {
				out.add(customer, day)
			}
		}
	}
	if err := e.overdueMoments(ctx, q, w, customers, s, out); err != nil {
		return nil, err
	}
	out.sort()
	return out, nil
}

// maxParts keeps a statement below SQLite's 500 parts.
const maxParts = 200

// read takes one row of parts: which source, whether it is of the facts committed
// late, the customer, two moments and a document.
func (m moments) read(rows *sql.Rows, w *watch, s stretch) error {
	var n, customer int64
	var fresh bool
	var t1, t2 sql.NullInt64
	var doc sql.NullString
	if err := rows.Scan(&n, &fresh, &customer, &t1, &t2, &doc); err != nil {
		return err
	}
	src := w.sources[n]
	add := func(t time.Time) {
		if s.has(t, fresh) {
			m.add(customer, t)
		}
	}
	// What is known of the fact from when on: nothing changes before.
	since := campaign.FromMicros(t1.Int64)
	if src.kind == ofEvents || src.kind == ofEventDates {
		since = campaign.FromMicros(t2.Int64)
	}
	around := func(t time.Time) {
		for _, e := range src.edges {
			for _, at := range e.moments(t) {
				if !at.Before(since) {
					add(at)
				}
			}
		}
	}
	yearly := func(t time.Time) {
		for _, length := range src.anniversaries {
			for _, at := range anniversaries(t, length, s.first(), s.to) {
				add(at)
			}
		}
	}
	switch src.kind {
	case ofEvents:
		around(campaign.FromMicros(t1.Int64))
		if src.has(atOnce) {
			add(since)
		}
	case ofFactDates:
		if t2.Valid {
			around(campaign.FromMicros(t2.Int64))
			yearly(campaign.FromMicros(t2.Int64))
		} else if t, ok := dayNamed(doc.String); ok {
			yearly(t)
		}
	case ofEventDates, ofNested:
		for _, text := range textsIn(doc.String, src.path) {
			if t, ok := textMoment(text); ok {
				around(t)
			}
			if t, ok := dayNamed(text); ok {
				yearly(t)
			}
		}
	case ofPasses:
		around(since)
		if t2.Valid {
			add(campaign.FromMicros(t2.Int64))
		}
	default: // ofFacts, ofConsents, ofCustomers
		add(since)
	}
	return nil
}

func minTime(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// first is what the moments looked for are all after.
func (s stretch) first() time.Time {
	if s.cursor == "" {
		return s.from
	}
	return minTime(s.late, s.from)
}

// dayNamed is a date with the day of the year that a text names: a date, or month and
// day alone (05-12).
func dayNamed(text string) (time.Time, bool) {
	if t, ok := textMoment(text); ok {
		return t, true
	}
	return textMoment("2000-" + strings.TrimPrefix(text, "--")) // which had a 29 February
}

// textsIn are the texts at path in a JSON object, those in lists of objects on the
// way too.
func textsIn(doc, path string) []string {
	var v any
	if json.Unmarshal([]byte(doc), &v) != nil {
		return nil
	}
	return textsBelow(v, strings.Split(path, "."))
}

func textsBelow(v any, keys []string) []string {
	var out []string
	switch v := v.(type) {
	case []any:
		for _, one := range v {
			out = append(out, textsBelow(one, keys)...)
		}
	case map[string]any:
		// A key may itself hold dots.
		for i := 1; i <= len(keys); i++ {
			if inner, ok := v[strings.Join(keys[:i], ".")]; ok {
				out = append(out, textsBelow(inner, keys[i:])...)
			}
		}
	case string:
		if len(keys) == 0 {
			out = append(out, v)
		}
	}
	return out
}

// parts are the searches for facts with a moment in s, one for each source and
// index range, all with the columns that moments.read takes. slow is the scope of
// those that no index leads to.
func (b *builder) parts(w *watch, in, slow scope, s stretch) ([]string, error) {
	var out []string
	for n, src := range w.sources {
		if !storable(src.name) {
			continue
		}
		p := &partsOf{builder: b, in: in, slow: in, span: s, n: n, source: src}
		if src.kind == ofEventDates || src.kind == ofNested {
			p.slow = slow
		}
		if err := p.search(); err != nil {
			return nil, err
		}
		out = append(out, p.out...)
	}
	return out, nil
}

// partsOf puts the searches of one source together.
type partsOf struct {
	*builder
	in     scope
	slow   scope // the same where an index leads to the facts, fresh or not
	span   stretch
	n      int
	source *source
	out    []string
}

// row adds a search. late marks facts that were committed after their moments had
// been looked at.
func (p *partsOf) row(late bool, t1, t2, doc, table string, conds ...string) {
	mark, null, in := "FALSE", "NULL::bigint", p.slow
	if late {
		mark, in = "TRUE", p.in
	}
	if p.engine == SQLite {
		null = "NULL"
	}
	if t2 == "" {
		t2 = null
	}
	switch {
	case doc == "" && p.engine == SQLite:
		doc = "NULL"
	case doc == "":
		doc = "NULL::text"
	case p.engine == Postgres:
		doc += "::text"
	}
	p.out = append(p.out, fmt.Sprintf("SELECT %d, %s, k.customer_id, %s, %s, %s%s%s", p.n, mark, t1, t2, doc, in.table(table), and(conds...)))
}

// within are the ranges that column lies in when one of the source's moments
// around it lies in the span, those of several edges that overlap as one.
func (p *partsOf) within(column string) []string {
	type reach struct{ first, last int64 }
	var all []reach
	for _, e := range p.source.edges {
		first, last := e.reach(p.span.from, p.span.to)
		all = append(all, reach{campaign.Micros(first), campaign.Micros(last)})
	}
	slices.SortFunc(all, func(a, b reach) int {
		switch {
		case a.first < b.first:
			return -1
		case a.first > b.first:
			return 1
		}
		return 0
	})
	var out []string
	for i := 0; i < len(all); {
		r := all[i]
		for i++; i < len(all) && all[i].first <= r.last; i++ {
			r.last = max(r.last, all[i].last)
		}
		out = append(out, and(column+" >= "+p.int(r.first), column+" <= "+p.int(r.last)))
	}
	return out
}

func (p *partsOf) search() error {
	from, to := p.int(campaign.Micros(p.span.from)), p.int(campaign.Micros(p.span.to))
	late := p.int(campaign.Micros(p.span.late))
	name := p.text(p.source.name)
	switch p.source.kind {
	case ofEvents:
		return p.searchEvents(name, from, to)
	case ofEventDates:
		// Nothing leads from a date in a property to its event.
		p.row(false, "k.occurred_at", "k.known_at", "k.properties", "events", "k.name = "+name, "k.occurred_at <= "+to, "k.known_at <= "+to)
		return p.lateDates(freshEvents, "k.occurred_at", "k.known_at", "k.properties", "events", "k.occurred_at <= "+to, "k.known_at <= "+to)
	case ofFacts:
		p.row(false, "k.at", "", "", "attribute_facts", "k.name = "+name, "k.at > "+from, "k.at <= "+to)
		if p.span.cursor != "" {
			fresh, err := p.freshIn(freshFacts, "k", p.span.cursor)
			if err != nil {
				return err
			}
			p.row(true, "k.at", "", "", "attribute_facts", fresh, p.unled("k.name")+" = "+name, "k.at <= "+from, "k.at > "+late)
		}
	case ofFactDates:
		for _, r := range p.within("k.moment") {
			p.row(false, "k.at", "k.moment", "", "attribute_facts", "k.name = "+name, r, "k.at <= "+to)
		}
		if slices.ContainsFunc(p.source.anniversaries, p.turns) {
			p.row(false, "k.at", "k.moment", "k.text", "attribute_facts", "k.name = "+name, "k.day IS NOT NULL", "k.at <= "+to)
		}
		return p.lateDates(freshFacts, "k.at", "k.moment", "k.text", "attribute_facts", "("+p.unled("k.moment")+" IS NOT NULL OR "+p.unled("k.day")+" IS NOT NULL)", "k.at <= "+to)
	case ofNested:
		p.row(false, "k.at", "", "k.text", "attribute_facts", "k.name = "+name, "k.kind = 'object'", "k.at <= "+to)
		return p.lateDates(freshFacts, "k.at", "", "k.text", "attribute_facts", "k.kind = 'object'", "k.at <= "+to)
	case ofPasses:
		p.searchPasses(name, from, to, late)
	case ofConsents:
		topics := "k.topic IN (" + name + ", '*')"
		p.row(false, "k.at", "", "", "consents", topics, "k.at > "+from, "k.at <= "+to)
		if p.span.cursor != "" {
			fresh, err := p.freshIn(freshConsents, "k", p.span.cursor)
			if err != nil {
				return err
			}
			p.row(true, "k.at", "", "", "consents", fresh, p.unled("k.topic")+" IN ("+name+", '*')", "k.at <= "+from, "k.at > "+late)
		}
	case ofCustomers:
		return p.searchCustomers(from, to, late)
	}
	return nil
}

// lateDates adds the facts committed since the cursor, whenever their dates are:
// edges that had passed by then have been looked at without them.
func (p *partsOf) lateDates(of freshTable, t1, t2, doc, table string, conds ...string) error {
	if p.span.cursor == "" {
		return nil
	}
	fresh, err := p.freshIn(of, "k", p.span.cursor)
	if err != nil {
		return err
	}
	p.row(true, t1, t2, doc, table, append([]string{fresh, p.unled("k.name") + " = " + p.text(p.source.name)}, conds...)...)
	return nil
}

// turns tells whether an anniversary of some date can begin, end or come within
// length in the span: only when a day begins does one.
func (p *partsOf) turns(length campaign.Duration) bool {
	if length.Months != 0 || length.Fixed%(24*time.Hour) != 0 {
		return true
	}
	return len(dayStarts(time.UTC, p.span.from.Add(-time.Microsecond), p.span.to)) > 0
}

func (p *partsOf) searchEvents(name, from, to string) error {
	for _, r := range p.within("k.occurred_at") {
		p.row(false, "k.occurred_at", "k.known_at", "", "events", "k.name = "+name, r, "k.known_at <= "+to)
	}
	if p.source.has(atOnce) {
		p.row(false, "k.occurred_at", "k.known_at", "", "events", "k.name = "+name, "k.known_at > k.occurred_at", "k.known_at > "+from, "k.known_at <= "+to)
	}
	if p.span.cursor == "" {
		return nil
	}
	fresh, column, err := p.fresh("k", p.span.cursor)
	if err != nil {
		return err
	}
	p.row(true, "k.occurred_at", "k.known_at", "", "events", fresh, column+" = "+name, "k.known_at <= "+from)
	return nil
}

// searchPasses finds passes of a campaign. A tick that catches up decides them
// after their moments, and a fact that comes late ends one as of when it happened,
// so those decided since are looked at too.
func (p *partsOf) searchPasses(name, from, to, late string) {
	own := "k.campaign_id = (SELECT p.id FROM campaigns p WHERE p.name = " + name + ")"
	for _, r := range p.within("k.entered_at") {
		p.row(false, "k.entered_at", "k.ended_at", "", "enrollments", own, r)
	}
	p.row(false, "k.entered_at", "k.ended_at", "", "enrollments", own, "k.ended_at > "+from, "k.ended_at <= "+to)
	if p.span.cursor != "" {
		p.row(true, "k.entered_at", "k.ended_at", "", "enrollments", own, "k.decided_at >= "+from, "k.entered_at <= "+from, "k.entered_at > "+late)
		p.row(true, "k.entered_at", "k.ended_at", "", "enrollments", own, "k.end_decided_at >= "+from, "k.ended_at <= "+from, "k.ended_at > "+late)
	}
}

// searchCustomers finds who came into being. Their rows have no mark of when they
// were committed but the one that PostgreSQL gives every row, which an update
// renews: among those created lately that is good enough.
func (p *partsOf) searchCustomers(from, to, late string) error {
	system := ""
	if p.engine == Postgres {
		system = ", xmin"
	}
	table := "(SELECT id AS customer_id, id, created_at" + system + " FROM customers)"
	p.row(false, "k.created_at", "", "", table, "k.created_at > "+from, "k.created_at <= "+to)
	if p.span.cursor == "" {
		return nil
	}
	fresh, err := p.freshCustomer(p.span.cursor)
	if err != nil {
		return err
	}
	p.row(true, "k.created_at", "", "", table, fresh, "k.created_at <= "+from, "k.created_at > "+late)
	return nil
}

// freshCustomer is the condition that the customer k was committed since cursor.
func (b *builder) freshCustomer(cursor string) (string, error) {
	if b.engine == SQLite || !snapshotPattern.MatchString(cursor) {
		return b.freshIn(freshCustomers, "k", cursor) // which says what is wrong with a cursor
	}
	marks := strings.Split(cursor, ":")
	begun := "age(k.xmin) <= age(" + b.text(marks[1]) + "::xid8::xid)"
	if marks[2] == "" {
		return begun, nil
	}
	return "(" + begun + " OR k.xmin = ANY (" + b.text("{"+marks[2]+"}") + "::xid8[]::xid[]))", nil
}

// instants are looks at customers, each as of a moment.
type instant struct{ customer, at int64 }

// judge tells for each look whether cond holds for a customer who is one by then.
func (e *Evaluator) judge(ctx context.Context, q Querier, cond campaign.Condition, looks []instant, created map[int64]int64) (map[instant]bool, error) {
	asked := make([]PassAt, 0, len(looks))
	for i, l := range looks {
		if c, ok := created[l.customer]; ok && c <= l.at {
			asked = append(asked, PassAt{ID: int64(i), Customer: l.customer, AsOf: campaign.FromMicros(l.at)})
		}
	}
	held, err := e.Holds(ctx, q, nil, cond, asked)
	if err != nil {
		return nil, err
	}
	out := make(map[instant]bool, len(looks))
	for i, l := range looks {
		out[l] = held[int64(i)]
	}
	return out, nil
}
