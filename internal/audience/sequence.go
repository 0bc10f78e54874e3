package audience

import "tidings/internal/campaign"

// followed keeps, of the events e named event, those that another follows, or
// does not. What has not happened yet, or was not known, does not follow; that
// nothing follows within a length is known only once it is over.
func (b *builder) followed(event string, s campaign.Sequence) string {
	within := sqlTrue
	over := sqlTrue
	if !s.Within.IsZero() {
		end := b.after("e.occurred_at", s.Within)
		within, over = "f.occurred_at <= "+end, end+" <= "+b.now()
	}
	if !storable(s.Event) {
		if s.Not {
			return over
		}
		return sqlFalse
	}
	later := ">="
	if s.Event == event {
		later = ">"
	}
	conds := append([]string{"f.customer_id = e.customer_id", "f.name = " + b.text(s.Event), "f.occurred_at " + later + " e.occurred_at", within}, b.happenedBy("f")...)
	if len(s.Where) > 0 {
		conds = append(conds, b.properties("f.properties", s.Where))
	}
	follows := "EXISTS (SELECT 1 FROM events f WHERE " + and(conds...) + ")"
	if s.Not {
		return and(over, "NOT "+follows)
	}
	return follows
}
