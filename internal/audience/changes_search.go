package audience

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"tidings/internal/campaign"
)

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
