package scheduler

import (
	"context"
	"time"
)

// Watched is what a look after the sending found that a person must know of.
type Watched struct {
	Paused []Tripped   // campaigns that it has paused
	Alarms []Tripped   // transactional ones that it would have, once a day
	Quiet  []QuietFeed // feeds whose silence holds mails back, once an hour
}

// Tripped is a campaign of whose mails too many bounce or are complained of.
type Tripped struct{ Campaign, Why string }

// QuietFeed is a feed of events that a campaign's mails wait for.
type QuietFeed struct {
	Campaign, Event string
	Heard           time.Time // the last event
	Since           time.Time // the first mail that waited
}

// watch looks after the sending before more goes out. It stops nothing: what could
// not be looked at is looked at with the next round, and mail goes out meanwhile.
func (s *Scheduler) watch(ctx context.Context, now time.Time) {
	w, err := s.Store.Watch(ctx, now)
	for _, t := range w.Paused {
		s.Log.Error("campaign paused: it sends nothing until `tidings resume "+t.Campaign+"`", "campaign", t.Campaign, "why", t.Why)
	}
	for _, t := range w.Alarms {
		s.Log.Error("a transactional campaign hurts your sending, and goes on, since customers wait for its mails: look where its addresses come from; `tidings pause "+t.Campaign+"` stops it", "campaign", t.Campaign, "why", t.Why)
	}
	for _, q := range w.Quiet {
		s.Log.Warn("mails wait: the events that they rely on have stopped coming in", "campaign", q.Campaign, "event", q.Event, "last_heard", q.Heard, "waiting_since", q.Since)
	}
	if err != nil {
		s.failed(ctx, "bounces, complaints and quiet feeds not looked at; mail goes out all the same", err)
	}
}
