package audience

import (
	"fmt"
	"strings"
	"time"

	"tidings/internal/campaign"
)

// whole is set while conditions are put together for all customers as of one
// moment. Then what each looks at can be gathered for everybody at once, instead
// of once per customer.
type whole struct {
	at    time.Time
	joins []string
	facts map[string]string // attribute, or text of a set → the alias of the set
	sets  int               // how many there are, joined or not
	// either: what is put together need not hold for a member, as it stands among
	// others of which one is enough, or is denied.
	either bool
}

// apart puts together what need not hold for a member.
func (b *builder) apart(f func() (string, error)) (string, error) {
	if b.whole == nil || b.whole.either {
		return f()
	}
	b.whole.either = true
	defer func() { b.whole.either = false }()
	return f()
}

// maxSets is how many sets one statement joins. Planning takes longer with each;
// conditions beyond look at each customer's own rows.
const maxSets = 16

// inSets tells whether a set may be joined.
func (b *builder) inSets() bool { return b.whole != nil && b.whole.sets < maxSets }

// now is the moment of looking.
func (b *builder) now() string {
	if b.whole == nil {
		return "x.as_of"
	}
	return b.int(campaign.Micros(b.whole.at))
}

// ago is the moment d before now; ahead the one d after it.
func (b *builder) ago(d campaign.Duration) string {
	if b.whole == nil {
		return b.before("x.as_of", d)
	}
	return b.int(campaign.Micros(d.Before(b.whole.at)))
}

func (b *builder) ahead(d campaign.Duration) string {
	if b.whole == nil {
		return b.after("x.as_of", d)
	}
	return b.int(campaign.Micros(d.After(b.whole.at)))
}

// join adds a set to the statement: a SELECT that gives each customer_id at most
// once. It is joined to x from the left: nulls for the others.
func (b *builder) join(set string) (alias string) {
	// The NUL keeps it apart from the attributes, whose names hold none.
	key := "\x00" + set
	if alias, ok := b.whole.facts[key]; ok {
		return alias
	}
	alias = b.alias("s")
	b.whole.facts[key] = alias
	b.whole.sets++
	b.whole.joins = append(b.whole.joins, " LEFT JOIN ("+set+") "+alias+" ON "+alias+".customer_id = x.customer_id")
	return alias
}

// alias is a name that nothing else in the statement has.
func (b *builder) alias(prefix string) string {
	b.aliases++
	return fmt.Sprint(prefix, b.aliases)
}

// inSet is an event condition by the set of those who have such events.
// PostgreSQL joins the set, unless every member is in it: a subquery after IN it
// would otherwise only hash while it is small, and there it knows that a customer
// is in it once, which of a join it does not. SQLite keeps one after IN in an index
// of its own, however large.
func (b *builder) inSet(g gathering, conds string) string {
	none := g.none
	set := "SELECT e.customer_id FROM events e" + g.lines + " WHERE " + conds
	switch {
	case g.columns != "":
		holds := g.holds
		if none {
			holds = "NOT " + holds
		}
		set = "SELECT g.customer_id FROM (SELECT e.customer_id, " + g.columns + " FROM events e" + g.lines + " WHERE " + conds + " GROUP BY e.customer_id) g WHERE " + holds
	case b.engine == Postgres:
		set += " GROUP BY e.customer_id"
	}
	if b.engine == SQLite {
		return answer(none, "(x.customer_id IN ("+set+"))")
	}
	if !none && !b.whole.either {
		b.whole.sets++
		return "(x.customer_id IN (" + set + "))"
	}
	return answer(none, "("+b.join(set)+".customer_id IS NOT NULL)")
}

// population is FROM and WHERE of the customers x for whom cond holds as of asOf.
// A customer is one from created_at on.
func (b *builder) population(cond campaign.Condition, asOf time.Time) (string, error) {
	outer := b.whole
	b.whole = &whole{at: asOf, facts: map[string]string{}}
	defer func() { b.whole = outer }()
	where, err := b.condition(cond)
	return b.customers() + " WHERE " + where, err
}

// customers is FROM of all customers x as of the moment, with the sets that were
// joined so far.
func (b *builder) customers() string {
	null, object := "NULL", "NULL"
	if b.engine == Postgres {
		null, object = "NULL::bigint", "NULL::jsonb"
	}
	return fmt.Sprintf(" FROM (SELECT c.id AS customer_id, c.external_id, %[1]s AS as_of, %[2]s AS anchor_at, %[2]s AS entered_at, %[3]s AS anchor FROM customers c WHERE c.created_at <= %[1]s) x%[4]s",
		b.now(), null, object, strings.Join(b.whole.joins, ""))
}
