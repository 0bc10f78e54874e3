package audience

import (
	"strings"

	"tidings/internal/campaign"
)

// anchorColumns are those of x while candidates are looked for: what conditions
// see, and the anchor's own row. Judged on entry, a pass is entered as of then.
const anchorColumns = "a.id, a.uid, a.customer_id, a.anchor_at, a.known_at, a.due, a.as_of, a.as_of AS entered_at, a.anchor"

// anchorsIn is the relation x of all events of names that are due, or became
// known, in w. A candidate's as_of is the later of the two; each of the three
// parts is a range of an index, and no event is in two of them:
//
//   - due in the window, known by its end;
//   - due before the window, and known only within it;
//   - due and known before the window, but committed since the cursor.
func (b *builder) anchorsIn(names []string, after campaign.Duration, w Window) (string, error) {
	from, to := b.int(campaign.Micros(w.From)), b.int(campaign.Micros(w.To))
	due := b.after("e.occurred_at", after)
	list := b.names(names)
	row := "SELECT e.id, e.uid, e.customer_id, e.occurred_at AS anchor_at, e.known_at, e.properties AS anchor, " +
		due + " AS due, " + b.greatest(due, "e.known_at") + " AS as_of FROM events e WHERE " + b.only("e.customer_id", w)

	// Months make the due moment no plain shift of the anchor's: the index is
	// asked for a few days more, the due moment then decides.
	first, last := after.Before(w.From), after.Before(w.To)
	if after.Months != 0 {
		first, last = first.AddDate(0, 0, -4), last.AddDate(0, 0, 4)
	}
	parts := []string{
		row + and("e.name IN "+list, "e.occurred_at > "+b.int(campaign.Micros(first)), "e.occurred_at <= "+b.int(campaign.Micros(last)),
			due+" > "+from, due+" <= "+to, "e.known_at <= "+to),
		row + and("e.name IN "+list, "e.known_at > e.occurred_at", "e.known_at > "+from, "e.known_at <= "+to, due+" <= "+from),
	}
	if w.Cursor != "" {
		fresh, name, err := b.fresh("e", w.Cursor)
		if err != nil {
			return "", err
		}
		parts = append(parts, row+and(fresh, name+" IN "+list, "e.known_at <= "+from,
			due+" > "+b.int(campaign.Micros(w.LateFrom)), due+" <= "+from))
	}
	return "(SELECT " + anchorColumns + " FROM (" + strings.Join(parts, " UNION ALL ") + ") a)", nil
}

// only is the part of a condition, with its AND, that keeps to w's customer.
func (b *builder) only(column string, w Window) string {
	if w.Customer == 0 {
		return ""
	}
	return column + " = " + b.int(w.Customer) + " AND "
}
