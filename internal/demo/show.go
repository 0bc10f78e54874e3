package demo

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Stage is Tidings as the show needs it beside HTTP.
type Stage interface {
	// Tick evaluates all campaigns at now and returns when every mail due is sent.
	Tick(ctx context.Context, now time.Time) error
	// Bought counts customers who bought after a mail, over all campaigns.
	Bought(ctx context.Context, now time.Time) (int, error)
}

// Options set up a Show.
type Options struct {
	History *History
	People  []*Person
	Clock   *Clock
	Stage   Stage
	Shop    *Shop
	Wall    func() time.Time // real time
	Length  time.Duration    // of the whole show, in real time; 0: as fast as it goes
	// Progress is told where the show stands, some times a second. May be nil.
	Progress func(Progress)
}

// Progress is where a show stands.
type Progress struct {
	At    time.Time
	Done  float64 // 0…1 of the simulated time
	Tally Tally
}

// Tally counts what happened on the show.
type Tally struct {
	Orders, Carts, Mails, Opens, Clicks, Unsubscribed int
	Bought                                            int // customers, after a mail; a little behind the rest
}

// Show replays a history. Make it with New; hand it every mail that arrives.
type Show struct {
	Options
	calls []Call // not made yet
	of    map[string]*Person

	mu      sync.Mutex // guards what follows
	pending []Reaction
	tally   Tally
}

// step is the time between two ticks. Within it the shop tells every telling
// what happened, so that facts are known about when they happen: a basket whose
// order follows within the hour is never taken for abandoned.
const (
	step    = 4 * time.Hour
	telling = 30 * time.Minute
)

// New prepares a show.
func New(o Options) *Show {
	s := &Show{Options: o, calls: Calls(o.History, o.People), of: map[string]*Person{}}
	for _, p := range o.People {
		s.of[p.Email] = p
	}
	return s
}

// Deliver gives a mail to its reader. It may be called from many goroutines.
func (s *Show) Deliver(m Mail) {
	p, ok := s.of[m.To]
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tally.Mails++
	if ok {
		s.pending = append(s.pending, p.React(m)...)
	}
}

// Tally is what happened so far.
func (s *Show) Tally() Tally {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tally
}

// Run plays from the beginning to the end. When it takes longer than Length, it
// takes longer.
func (s *Show) Run(ctx context.Context) error {
	begin, end := s.History.Begin(), s.History.End()
	pace := newPacer(s.Length, s.Wall)
	defer pace.stop()
	var looked time.Time
	for now := begin; !now.After(end); now = now.Add(step) {
		done := float64(now.Sub(begin)) / float64(end.Sub(begin))
		if err := pace.wait(ctx, done); err != nil {
			return err
		}
		if err := s.happen(ctx, now.Add(-step), now); err != nil {
			return fmt.Errorf("play %s: %w", now.Format(time.DateOnly), err)
		}
		if err := s.Stage.Tick(ctx, now); err != nil {
			return fmt.Errorf("tick at %s: %w", now.Format(time.RFC3339), err)
		}
		if s.Progress == nil {
			continue
		}
		// The count of conversions costs more than the rest of the line.
		if real := s.Wall(); real.Sub(looked) > 3*time.Second || !now.Before(end) {
			looked = real
			if err := s.look(ctx, now); err != nil {
				return err
			}
		}
		s.Progress(Progress{At: now, Done: done, Tally: s.Tally()})
	}
	return nil
}

func (s *Show) look(ctx context.Context, now time.Time) error {
	n, err := s.Stage.Bought(ctx, now)
	if err != nil {
		return fmt.Errorf("count conversions: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tally.Bought = n
	return nil
}

// happen plays (from, to]: readers do what they do, each at their own moment,
// and the shop tells at the end of every telling what it saw in it.
func (s *Show) happen(ctx context.Context, from, to time.Time) error {
	for at := from.Add(telling); !at.After(to); at = at.Add(telling) {
		for _, r := range s.due(at) {
			s.Clock.set(r.At)
			if err := s.Shop.react(ctx, r); err != nil {
				return fmt.Errorf("%s: %w", r.Deed, err)
			}
			s.count(r.Deed)
		}
		n := 0
		for n < len(s.calls) && !s.calls[n].Timestamp.After(at) {
			n++
		}
		s.Clock.set(at)
		if n == 0 {
			continue
		}
		if err := s.Shop.send(ctx, s.calls[:n]); err != nil {
			return fmt.Errorf("tell %d events: %w", n, err)
		}
		s.countCalls(s.calls[:n])
		s.calls = s.calls[n:]
	}
	return nil
}

// due takes out the reactions up to at, in order.
func (s *Show) due(at time.Time) []Reaction {
	s.mu.Lock()
	defer s.mu.Unlock()
	var now, rest []Reaction
	for _, r := range s.pending {
		if r.At.After(at) {
			rest = append(rest, r)
		} else {
			now = append(now, r)
		}
	}
	s.pending = rest
	slices.SortFunc(now, func(a, b Reaction) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.reader, b.reader), cmp.Compare(a.URL, b.URL))
	})
	return now
}

func (s *Show) count(d Deed) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch d {
	case Opens:
		s.tally.Opens++
	case Clicks:
		s.tally.Clicks++
	case Leaves:
		s.tally.Unsubscribed++
	}
}

func (s *Show) countCalls(calls []Call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range calls {
		switch c.Event {
		case "Order Completed":
			s.tally.Orders++
		case "Product Added":
			s.tally.Carts++
		}
	}
}
