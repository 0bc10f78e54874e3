package audience

import (
	"context"
	"fmt"
	"slices"
	"time"

	"tidings/internal/campaign"
)

// Span is a pass, or a customer without one, to be watched from PassAt.AsOf on.
type Span struct {
	PassAt
	Until time.Time // the last moment looked at
}

// FirstHeld tells for each span the first moment at which cond held: its begin, or
// the moment at which the condition became true, however briefly. Spans in which
// it never did are not in the answer. c is the campaign whose passes they are.
func (e *Evaluator) FirstHeld(ctx context.Context, q Querier, c *campaign.Campaign, cond campaign.Condition, spans []Span) (map[int64]time.Time, error) {
	out := make(map[int64]time.Time, len(spans))
	for part := range slices.Chunk(spans, batch) {
		if err := e.firstHeld(ctx, q, c, cond, part, out); err != nil {
			return nil, fmt.Errorf("find when a condition first held: %w", err)
		}
	}
	return out, nil
}

func (e *Evaluator) firstHeld(ctx context.Context, q Querier, c *campaign.Campaign, cond campaign.Condition, spans []Span, out map[int64]time.Time) error {
	looks, err := e.looks(ctx, q, cond, spans)
	if err != nil {
		return err
	}
	asked := make([]PassAt, 0, len(looks))
	for i, l := range looks {
		p := spans[l.span].PassAt
		p.ID, p.AsOf = int64(i), l.at
		asked = append(asked, p)
	}
	held, err := e.Holds(ctx, q, c, cond, asked)
	if err != nil {
		return err
	}
	for i, l := range looks {
		id := spans[l.span].ID
		if first, ok := out[id]; held[int64(i)] && (!ok || l.at.Before(first)) {
			out[id] = l.at
		}
	}
	return nil
}

// look is a moment at which a span is judged.
type look struct {
	span int
	at   time.Time
}

// looks are all the moments of spans at which the answer of cond may be another
// than before, their begins first.
func (e *Evaluator) looks(ctx context.Context, q Querier, cond campaign.Condition, spans []Span) ([]look, error) {
	var out []look
	var customers []int64
	s := stretch{}
	for i, p := range spans {
		if p.Until.Before(p.AsOf) {
			continue
		}
		out = append(out, look{i, p.AsOf})
		customers = append(customers, p.Customer)
		if s.from.IsZero() || p.AsOf.Before(s.from) {
			s.from = p.AsOf
		}
		if p.Until.After(s.to) {
			s.to = p.Until
		}
	}
	slices.Sort(customers)
	customers = slices.Compact(customers)
	if len(customers) == 0 || cond == nil {
		return out, nil
	}
	w := e.watch(cond)
	found, err := e.changes(ctx, q, w, customers, s)
	if err != nil {
		return nil, err
	}
	for i, p := range spans {
		add := func(t time.Time) {
			if t.After(p.AsOf) && !t.After(p.Until) {
				out = append(out, look{i, t})
			}
		}
		for _, at := range found[p.Customer] {
			add(campaign.FromMicros(at))
		}
		for _, t := range anchorMoments(w, p) {
			add(t)
		}
	}
	return out, nil
}

// anchorMoments are those around the dates in the pass's own anchor.
func anchorMoments(w *watch, p Span) []time.Time {
	var out []time.Time
	for _, test := range w.anchor {
		for _, text := range textsIn(string(p.Trigger), test.Path) {
			if t, ok := textMoment(text); ok {
				for _, e := range edgesOf(test.Test) {
					out = append(out, e.moments(t)...)
				}
			}
			if t, ok := dayNamed(text); ok && test.Test.Op == campaign.OpAnniversaryWithin {
				out = append(out, anniversaries(t, test.Test.Length, p.AsOf, p.Until)...)
			}
		}
	}
	return out
}
