package audience

import (
	"context"
	"fmt"
	"slices"
	"time"

	"tidings/internal/campaign"
)

// Backwards tells f who the members of cond were as of each of moments, which go
// back in time, in their order. The first are looked for among everybody. From
// then on only those are judged anew for whom something changed between a moment
// and the one before it, so that a day of history costs what happened on it.
func (e *Evaluator) Backwards(ctx context.Context, q Querier, cond campaign.Condition, moments []time.Time, f func(members []int64)) error {
	if len(moments) == 0 {
		return nil
	}
	members, err := e.Members(ctx, q, cond, moments[0])
	if err != nil {
		return err
	}
	f(members)
	p := &past{e: e, q: q, cond: cond, came: e.watchTurns(comes, cond), went: e.watchTurns(goes, cond)}
	p.came.on(ofCustomers, "", "", atOnce)
	if p.population, err = e.Count(ctx, q, nil, moments[0]); err != nil {
		return err
	}
	for i := 1; i < len(moments); {
		n := min(p.ahead(), len(moments)-i)
		if err := p.back(ctx, members, moments[i-1:i+n], func(then []int64) {
			members = then
			f(then)
		}); err != nil {
			return fmt.Errorf("go back to %s: %w", moments[i].UTC().Format(time.DateOnly), err)
		}
		i += n
	}
	return nil
}

// past is a way back in time.
type past struct {
	e          *Evaluator
	q          Querier
	cond       campaign.Condition
	came, went *watch // for the moments at which somebody may have come to be a member, or gone
	population int
}

// dear is how many customers are looked at among everybody in the time in which one
// is judged alone.
const dear = 5

// ahead is how many moments are gone back in one go: one, unless moments of change
// are looked for in every fact there is, which is then done once for many.
func (p *past) ahead() int {
	if !p.came.daily && (p.came.unindexed() || p.went.unindexed()) {
		return 31
	}
	return 1
}

// unindexed tells whether no index leads to some of the moments of change.
func (w *watch) unindexed() bool {
	return len(w.overdue) > 0 || slices.ContainsFunc(w.sources, func(s *source) bool {
		return s.kind == ofEventDates || s.kind == ofNested || len(s.anniversaries) > 0
	})
}

// back goes from the members as of the first of moments to those of each other one.
func (p *past) back(ctx context.Context, members []int64, moments []time.Time, f func([]int64)) error {
	var came, went [][]int64
	if !p.came.daily { // else everybody is ranked anew each day
		var err error
		if came, err = p.changed(ctx, p.came, moments); err != nil {
			return err
		}
		if went, err = p.changed(ctx, p.went, moments); err != nil {
			return err
		}
	}
	for i, at := range moments[1:] {
		var err error
		if p.came.daily {
			members, err = p.e.Members(ctx, p.q, p.cond, at)
		} else {
			members, err = p.step(ctx, members, came[i], went[i], at)
		}
		if err != nil {
			return err
		}
		f(members)
	}
	return nil
}

// changed are the customers for whom a truth may have changed after each of moments
// but the first, up to the moment before it in the list.
func (p *past) changed(ctx context.Context, w *watch, moments []time.Time) ([][]int64, error) {
	out := make([][]int64, len(moments)-1)
	if len(w.sources) == 0 && len(w.overdue) == 0 {
		return out, nil
	}
	found, err := p.e.changes(ctx, p.q, w, nil, stretch{from: moments[len(moments)-1], to: moments[0]})
	if err != nil {
		return nil, err
	}
	for customer, all := range found {
		i := len(out) - 1 // the earliest stretch, as the moments found go forward
		for n, us := range all {
			for i > 0 && us > campaign.Micros(moments[i]) {
				i--
			}
			if n == 0 || all[n-1] <= campaign.Micros(moments[i+1]) {
				out[i] = append(out[i], customer)
			}
		}
	}
	return out, nil
}

// step gives the members as of at from the later ones: of those only who may have
// come since can have been none, and only who may have gone was one beside them.
func (p *past) step(ctx context.Context, later, came, went []int64, at time.Time) ([]int64, error) {
	var asked []int64
	for _, of := range []struct {
		customers []int64
		member    bool
	}{{came, true}, {went, false}} {
		for _, customer := range of.customers {
			if _, is := slices.BinarySearch(later, customer); is == of.member {
				asked = append(asked, customer)
			}
		}
	}
	if len(asked)*dear > p.population {
		return p.e.Members(ctx, p.q, p.cond, at)
	}
	was, err := p.judged(ctx, asked, at)
	if err != nil {
		return nil, err
	}
	out := make([]int64, 0, len(later))
	for _, customer := range later {
		if held, asked := was[customer]; held || !asked {
			out = append(out, customer)
		}
		delete(was, customer)
	}
	for customer, held := range was {
		if held {
			out = append(out, customer)
		}
	}
	slices.Sort(out)
	return out, nil
}

// judged tells of each customer whether the condition held as of a moment, for who
// was one by then.
func (p *past) judged(ctx context.Context, customers []int64, at time.Time) (map[int64]bool, error) {
	slices.Sort(customers) // so that those of one statement lie near each other
	asked := make([]PassAt, len(customers))
	for i, customer := range customers {
		asked[i] = PassAt{ID: customer, Customer: customer, AsOf: at}
	}
	was, err := p.e.Holds(ctx, p.q, nil, p.cond, asked)
	if err != nil {
		return nil, err
	}
	var held []int64
	for customer, is := range was {
		if is {
			held = append(held, customer)
		}
	}
	people, err := p.e.people(ctx, p.q, held)
	if err != nil {
		return nil, err
	}
	for _, customer := range held {
		was[customer] = people[customer].created <= campaign.Micros(at)
	}
	return was, nil
}
