package audience

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"tidings/internal/campaign"
)

// SegmentKey is the occurrence key of a customer's entering or leaving a segment.
// A merge of two customers re-keys their passes with it.
func SegmentKey(segment string, at time.Time, ref string) string {
	return segment + "@" + strconv.FormatInt(campaign.Micros(at), 10) + "@" + ref
}

// segmentAnchor is the anchor of a change of segment.
type segmentAnchor struct {
	Segment string `json:"segment"`
	Change  string `json:"change"` // entered or left
}

// segmentSlice is how much time is looked at in one go: a backtest's years would
// fill the memory.
const segmentSlice = 30 * 24 * time.Hour

// segmentChanges are the customers who entered the segment, or left it, and did
// not go back until they were due. Who came into being as a member has entered it
// then.
func (e *Evaluator) segmentChanges(ctx context.Context, q Querier, c *campaign.Campaign, t campaign.SegmentChange, w Window) ([]campaign.Candidate, error) {
	var out []campaign.Candidate
	for from := w.From; from.Before(w.To) || from.Equal(w.From); {
		part := w
		part.From, part.To = from, minTime(from.Add(segmentSlice), w.To)
		if !from.Equal(w.From) {
			part.Cursor = ""
		}
		found, err := e.segmentPart(ctx, q, c, t, part)
		if err != nil {
			return nil, err
		}
		out = append(out, found...)
		if from = part.To; !from.Before(w.To) {
			break
		}
	}
	return out, nil
}

func (e *Evaluator) segmentPart(ctx context.Context, q Querier, c *campaign.Campaign, t campaign.SegmentChange, w Window) ([]campaign.Candidate, error) {
	turns, people, err := e.turns(ctx, q, t, w)
	if err != nil || len(turns) == 0 {
		return nil, err
	}
	anchor := segmentAnchor{t.Segment, "entered"}
	if t.Left {
		anchor.Change = "left"
	}
	properties, err := json.Marshal(anchor)
	if err != nil {
		return nil, fmt.Errorf("encode change of segment: %w", err)
	}
	var out []campaign.Candidate
	for _, one := range turns {
		at := campaign.FromMicros(one.at)
		due := t.After.After(at)
		late := w.Cursor != "" && due.After(w.LateFrom)
		if due.After(w.To) || (!due.After(w.From) && !late) {
			continue
		}
		out = append(out, campaign.Candidate{
			Customer: one.customer, Key: SegmentKey(t.Segment, at, CustomerRef(one.customer, people[one.customer].external)),
			Anchor: at, Due: due, AsOf: due, Trigger: properties,
		})
	}
	if out, err = e.stayed(ctx, q, c, t, out); err != nil {
		return nil, err
	}
	return e.admitted(ctx, q, c, out)
}

// stayed keeps those who have not changed back in (anchor, due].
func (e *Evaluator) stayed(ctx context.Context, q Querier, c *campaign.Campaign, t campaign.SegmentChange, found []campaign.Candidate) ([]campaign.Candidate, error) {
	if t.After.IsZero() || len(found) == 0 {
		return found, nil
	}
	passes := make([]PassAt, len(found))
	for i, one := range found {
		passes[i] = PassAt{ID: int64(i), Customer: one.Customer, Anchor: one.Anchor, AsOf: one.AsOf}
	}
	back, err := e.changedBack(ctx, q, t, passes)
	if err != nil {
		return nil, err
	}
	var out []campaign.Candidate
	for i, one := range found {
		if _, gone := back[int64(i)]; !gone {
			out = append(out, one)
		}
	}
	return out, nil
}

// changedBack tells for which passes, and when, the opposite change came first
// after the anchor, up to AsOf.
func (e *Evaluator) changedBack(ctx context.Context, q Querier, t campaign.SegmentChange, passes []PassAt) (map[int64]time.Time, error) {
	spans := make([]Span, 0, len(passes))
	for _, p := range passes {
		if p.AsOf.After(p.Anchor) {
			until := p.AsOf
			p.AsOf = p.Anchor.Add(time.Microsecond)
			spans = append(spans, Span{PassAt: PassAt{ID: p.ID, Customer: p.Customer, AsOf: p.AsOf}, Until: until})
		}
	}
	return e.FirstHeld(ctx, q, nil, changed(t.Segment, !t.Left), spans)
}

// changed is the condition that holds once somebody has left the segment, or
// entered it.
func changed(segment string, left bool) campaign.Condition {
	if left {
		return campaign.Not{Of: campaign.InSegment{Segment: segment}}
	}
	return campaign.InSegment{Segment: segment}
}

// person is what a customer's row says.
type person struct {
	external string
	created  int64
}

// turns are the changes that t waits for whose due moment lies in w.
func (e *Evaluator) turns(ctx context.Context, q Querier, t campaign.SegmentChange, w Window) ([]instant, map[int64]person, error) {
	wanted := comes
	if t.Left {
		wanted = goes
	}
	watched := e.watchTurns(wanted, campaign.InSegment{Segment: t.Segment})
	if !t.Left {
		watched.on(ofCustomers, "", "", atOnce)
	}
	s := stretch{from: t.After.Before(w.From), to: t.After.Before(w.To), late: t.After.Before(w.LateFrom), cursor: w.Cursor}
	if t.After.Months != 0 {
		s.from, s.late, s.to = s.from.AddDate(0, 0, -monthSlack), s.late.AddDate(0, 0, -monthSlack), s.to.AddDate(0, 0, monthSlack)
	}
	var only []int64
	if w.Customer != 0 {
		only = []int64{w.Customer}
	}
	found, err := e.changes(ctx, q, watched, only, s)
	if err != nil {
		return nil, nil, err
	}
	days := []time.Time{}
	if watched.daily && only == nil {
		days = dayStarts(e.cat.Workspace.Zone, s.from, s.to)
	}
	for customer := range found {
		for _, day := range days {
			found.add(customer, day)
		}
	}
	found.sort()
	people, err := e.people(ctx, q, found.sorted())
	if err != nil {
		return nil, nil, err
	}
	out, err := e.turned(ctx, q, t, found, people)
	if err != nil {
		return nil, nil, err
	}
	if len(days) > 0 {
		for _, day := range days {
			more, err := e.turnedAtOnce(ctx, q, t, day)
			if err != nil {
				return nil, nil, err
			}
			out = append(out, more...)
		}
		slices.SortFunc(out, instant.compare)
		out = slices.Compact(out)
		customers := make([]int64, len(out))
		for i, one := range out {
			customers[i] = one.customer
		}
		if people, err = e.people(ctx, q, customers); err != nil {
			return nil, nil, err
		}
	}
	return out, people, nil
}

// turned are the moments of those found at which the change happened: just before
// it and at it, as known then, membership is judged. Which of the two tells apart
// more is asked first, and the other only of those who are left: few are members,
// so that is before a leave and at an entry.
func (e *Evaluator) turned(ctx context.Context, q Querier, t campaign.SegmentChange, found moments, people map[int64]person) ([]instant, error) {
	created := make(map[int64]int64, len(people))
	var all []instant
	for _, customer := range found.sorted() {
		created[customer] = people[customer].created
		for _, at := range found[customer] {
			all = append(all, instant{customer, at})
		}
	}
	ago := []int64{0, 1}
	if t.Left {
		ago = []int64{1, 0}
	}
	for _, us := range ago {
		looks := make([]instant, len(all))
		for i, one := range all {
			looks[i] = instant{one.customer, one.at - us}
		}
		member, err := e.judge(ctx, q, campaign.InSegment{Segment: t.Segment}, looks, created)
		if err != nil {
			return nil, err
		}
		var some []instant
		for i, one := range all {
			// Before it who left was a member, and at it who entered is one.
			if member[looks[i]] == (t.Left == (us == 1)) {
				some = append(some, one)
			}
		}
		all = some
	}
	return all, nil
}

// turnedAtOnce are all the customers for whom the change happened at one moment.
func (e *Evaluator) turnedAtOnce(ctx context.Context, q Querier, t campaign.SegmentChange, at time.Time) ([]instant, error) {
	in := campaign.InSegment{Segment: t.Segment}
	before, err := e.Members(ctx, q, in, at.Add(-time.Microsecond))
	if err != nil {
		return nil, err
	}
	now, err := e.Members(ctx, q, in, at)
	if err != nil {
		return nil, err
	}
	if t.Left {
		before, now = now, before
	}
	var out []instant
	for _, customer := range now {
		if _, was := slices.BinarySearch(before, customer); !was {
			out = append(out, instant{customer, campaign.Micros(at)})
		}
	}
	return out, nil
}

// people are the rows of customers, by id.
func (e *Evaluator) people(ctx context.Context, q Querier, customers []int64) (map[int64]person, error) {
	out := make(map[int64]person, len(customers))
	for part := range slices.Chunk(customers, batch) {
		b := e.builder(nil)
		in, err := b.among(part)
		if err != nil {
			return nil, err
		}
		rows, err := b.query(ctx, q, "SELECT c.id, COALESCE(c.external_id, ''), c.created_at FROM "+in.from+" l JOIN customers c ON c.id = l.id")
		if err := each(rows, err, func(rows *sql.Rows) error {
			var id int64
			var p person
			if err := rows.Scan(&id, &p.external, &p.created); err != nil {
				return err
			}
			out[id] = p
			return nil
		}); err != nil {
			return nil, fmt.Errorf("read customers: %w", err)
		}
	}
	return out, nil
}

// sorted are the customers of m in order.
func (m moments) sorted() []int64 { return slices.Sorted(maps.Keys(m)) }
