package scheduler

import (
	"context"
	"fmt"
	"slices"
	"time"

	"tidings/internal/campaign"
)

// Forecaster tells what campaigns do without doing it: in a stretch of the past,
// or in the hours to come. Who enters is decided by the tick's own admission, and
// passes go through the tick's own steps; but at a send they are judged as the
// last look judges, the mail counts as accepted at that very moment, and they go
// on.
type Forecaster struct {
	Store   History
	Catalog *campaign.Catalog
}

// Bounds are two forecasts of one campaign: with more mails and with fewer. They
// are the same one when nothing depends on what mails bring about.
type Bounds struct{ Most, Least *campaign.Forecast }

// Backtest is what the campaign would have done in (from, to], had it been active
// from `from` on. Where its passes ask for opens, clicks or the like, it is played
// twice: as if the answer were always yes, and always no.
func (f *Forecaster) Backtest(ctx context.Context, c *campaign.Campaign, from, to time.Time) (Bounds, error) {
	var found []*campaign.Forecast
	for _, held := range []bool{true, false} {
		supposed, depends := c.Suppose(f.Catalog, held)
		one, err := f.forecast(ctx, Foresight{Campaign: c, Supposed: supposed, From: from, To: to})
		if err != nil {
			return Bounds{}, err
		}
		if !depends {
			return Bounds{one, one}, nil
		}
		found = append(found, one)
	}
	b := Bounds{Most: found[0], Least: found[1]}
	if b.Most.Messages < b.Least.Messages {
		b.Most, b.Least = b.Least, b.Most
	}
	return b, nil
}

// Outlook is what the campaign does in (now, to] by what is known now: its passes
// go on from where they stand, and whose occurrence comes due enters. Messages
// that wait to be sent count at once.
func (f *Forecaster) Outlook(ctx context.Context, c *campaign.Campaign, now, to time.Time) (*campaign.Forecast, error) {
	return f.forecast(ctx, Foresight{Campaign: c, Supposed: c, From: now, To: to, Live: true})
}

func (f *Forecaster) forecast(ctx context.Context, o Foresight) (*campaign.Forecast, error) {
	var out *campaign.Forecast
	err := f.Store.Foresee(ctx, o, func(a Archive) error {
		x := newForecast(f, o, a)
		out = x.out
		return x.run(ctx)
	})
	if err != nil {
		return nil, fmt.Errorf("forecast %s: %w", o.Campaign.Name, err)
	}
	return out, nil
}

// forecast is one campaign's way through (from, to].
type forecast struct {
	Foresight
	tick      *tick
	archive   Archive
	out       *campaign.Forecast
	admission campaign.Admission
	zone      *time.Location
	done      map[Sent]time.Time
	lastID    int64 // of a pass; those that are stored have ids above 0, ours below
	// fates are of the passes being settled, by their id.
	fates map[int64]*fate
	// followed are the passes that later entries of their customer depend on: with
	// overlap first the latest ones, with newest those that it may still end.
	followed map[int64][]*fate
}

func newForecast(f *Forecaster, o Foresight, a Archive) *forecast {
	x := &forecast{
		Foresight: o, archive: a, zone: f.Catalog.Workspace.Zone, followed: map[int64][]*fate{},
		out: &campaign.Forecast{Held: map[string]int{}, Cancelled: map[string]int{}, Hours: map[int64]campaign.Tally{}},
	}
	ledger := a.Ledger()
	ledger.Active = true
	x.tick = &tick{
		Books: a, scheduler: &Scheduler{Catalog: f.Catalog}, campaign: o.Supposed, ledger: ledger, now: o.To, mail: x.mail,
	}
	activated := o.From
	if o.Campaign.ActiveFrom.After(activated) {
		activated = o.Campaign.ActiveFrom
	}
	x.admission = campaign.Admission{
		Campaign: o.Campaign, Workspace: f.Catalog.Workspace.Name, Seed: ledger.Seed, Activated: activated, Held: x.out.Held,
		ExitedBefore: func(_, later campaign.Candidate) (bool, error) { return !x.open(later), nil },
	}
	return x
}

func (x *forecast) run(ctx context.Context) error {
	if err := x.resume(ctx); err != nil {
		return err
	}
	cuts, err := x.archive.Cuts(ctx, Window{From: x.From, To: x.To, LateFrom: x.From})
	if err != nil {
		return err
	}
	for w := range x.windows(cuts) {
		candidates, err := x.archive.Candidates(ctx, *w)
		if err != nil {
			return fmt.Errorf("find candidates: %w", err)
		}
		campaign.SortCandidates(candidates)
		if err := x.admit(ctx, candidates); err != nil {
			return err
		}
		x.fit(w, len(candidates))
	}
	for _, fates := range x.followed {
		for _, f := range fates {
			x.count(f)
		}
	}
	return nil
}

const (
	// A forecast goes through its time in parts, so that however long that is it
	// holds no more candidates at once than about this.
	partSize  = 50_000
	firstPart = 24 * time.Hour
)

// windows are the parts of the forecast's time, each as long as the one before
// asks for and none reaching across a cut: the answers of the parts together are that of the whole.
func (x *forecast) windows(cuts []time.Time) func(yield func(*Window) bool) {
	return func(yield func(*Window) bool) {
		length := firstPart
		for from := x.From; from.Before(x.To); {
			to := from.Add(length)
			if to.After(x.To) {
				to = x.To
			}
			for len(cuts) > 0 && !cuts[0].After(from) {
				cuts = cuts[1:]
			}
			if len(cuts) > 0 && to.After(cuts[0]) {
				to = cuts[0]
			}
			w := &Window{From: from, To: to, LateFrom: x.From}
			if !yield(w) {
				return
			}
			// fit has put the length of the next part here.
			from, length = to, w.To.Sub(to)
		}
	}
}

// fit chooses the next part's length by how much was in this one.
func (x *forecast) fit(w *Window, found int) {
	length := max(w.To.Sub(w.From), time.Second)
	switch {
	case found < partSize/4:
		length = max(length*4, firstPart)
	case found > partSize*2:
		length = max(length/2, time.Second)
	}
	w.To = w.To.Add(length)
}

// resume takes the passes that were running as far as they go.
func (x *forecast) resume(ctx context.Context) error {
	passes, done, err := x.archive.Begun(ctx)
	if err != nil {
		return fmt.Errorf("find running passes: %w", err)
	}
	x.done, x.fates = done, map[int64]*fate{}
	var due []campaign.Pass
	program := x.Supposed.Program
	for _, p := range passes {
		f := &fate{span: -1, of: p.Customer, entered: p.Entered}
		x.fates[p.ID] = f
		x.followed[p.Customer] = append(x.followed[p.Customer], f)
		if !x.Live {
			if program.First() == campaign.End {
				f.ended = p.Entered
				continue
			}
			p.Step, p.Arriving, p.Moment = program.Nodes[program.First()].ID, true, p.Entered
		}
		if _, ok := program.Index(p.Step); ok && !p.Moment.After(x.To) {
			due = append(due, p)
		}
	}
	exits, err := x.tick.exits(ctx, due)
	if err != nil {
		return err
	}
	if err := x.tick.settle(ctx, due, nil, exits); err != nil {
		return err
	}
	x.settled()
	if x.Campaign.Overlap == campaign.OverlapBoth {
		clear(x.followed)
	}
	if x.Campaign.Overlap != campaign.OverlapNewest {
		for _, f := range x.fates {
			x.count(f)
		}
	}
	return nil
}

// admit decides candidates in their order. With overlap first it depends on what
// became of a customer's pass before whether the next one may begin, so each
// customer's first candidate is followed to its end before their second is looked
// at, all customers side by side.
func (x *forecast) admit(ctx context.Context, cs []campaign.Candidate) error {
	standings, err := x.archive.Standings(ctx, cs)
	if err != nil {
		return fmt.Errorf("find standings: %w", err)
	}
	for _, round := range rounds(cs, x.Campaign.Overlap) {
		var entries []entry
		for _, i := range round {
			e, entered, err := x.offer(cs[i], standings[i])
			if err != nil {
				return fmt.Errorf("admit: %w", err)
			}
			if entered {
				entries = append(entries, e)
			}
			cs[i].Trigger = nil
		}
		if err := x.begin(ctx, entries); err != nil {
			return err
		}
	}
	return nil
}

// entry is an admitted candidate with its pass to be.
type entry struct {
	campaign.Entry
	pass campaign.Pass
}

func (x *forecast) offer(c campaign.Candidate, s campaign.Standing) (entry, bool, error) {
	if s.Known || s.Gone {
		return entry{}, false, nil
	}
	// The passes that were running have been followed to their ends.
	s.Open, s.EndedAt = 0, time.Time{}
	if x.open(c) {
		s.Open = 1
	}
	// The admission remembers each customer's last entry: not with all its data.
	trigger := c.Trigger
	c.Trigger = nil
	if err := x.admission.Offer(c, s); err != nil || len(x.admission.Entries) == 0 {
		return entry{}, false, err
	}
	e := entry{Entry: x.admission.Entries[0]}
	x.admission.Entries = x.admission.Entries[:0]
	x.lastID--
	e.pass = campaign.Pass{
		ID: x.lastID, Customer: c.Customer, Key: c.Key, Anchor: c.Anchor, Entered: c.AsOf, Moment: c.AsOf,
		Trigger: trigger, State: campaign.PassRunning, External: s.External, Timezone: s.Timezone,
	}
	return e, true, nil
}

func (x *forecast) open(c campaign.Candidate) bool {
	for _, f := range x.followed[c.Customer] {
		if f.openAt(c.AsOf) {
			return true
		}
	}
	return false
}

// begin takes those who entered as far as they go.
func (x *forecast) begin(ctx context.Context, entries []entry) error {
	x.fates = make(map[int64]*fate, len(entries))
	var passes, mayEnd []campaign.Pass
	lasting := x.lasting()
	for _, e := range entries {
		x.archive.Imagine(e.Entry)
		x.out.Entered++
		x.tally(e.AsOf, campaign.Tally{Entered: 1})
		f := &fate{span: len(x.out.Spans), of: e.Customer, entered: e.AsOf, asked: e.Asked}
		x.out.Spans = append(x.out.Spans, campaign.Span{Customer: e.Customer, Entered: campaign.Micros(e.AsOf), HeldOut: e.HeldOut})
		x.fates[e.pass.ID] = f
		if e.HeldOut {
			x.out.HeldOut++
			f.ended, f.exited = e.AsOf, true
			continue
		}
		passes = append(passes, e.pass)
		if lasting || e.AsOf.After(e.Due) {
			mayEnd = append(mayEnd, e.pass)
		}
	}
	exits, err := x.tick.exits(ctx, mayEnd)
	if err != nil {
		return err
	}
	if err := x.tick.settleNew(ctx, passes, exits); err != nil {
		return err
	}
	x.settled()
	for _, e := range entries {
		x.follow(e)
	}
	return nil
}

// lasting tells whether facts can end a pass that was decided when it was due:
// one that never waits is over as it begins, and its trigger was not cancelled by
// then.
func (x *forecast) lasting() bool {
	waits := func(n campaign.Node) bool { return n.Wait != nil }
	return len(x.Supposed.ExitOn) > 0 || slices.ContainsFunc(x.Supposed.Program.Nodes, waits)
}
