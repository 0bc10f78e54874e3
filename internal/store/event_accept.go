package store

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/intake"
)

// Accept stores what a call of the HTTP API says, all of it or nothing, before
// it returns: customers that are not known yet are made, identities that turn
// out to be one person are merged, attributes and events are stored. Sent again
// it changes nothing but for events without a messageId.
func (s *Store) Accept(ctx context.Context, items []intake.Item) error {
	if len(items) == 0 {
		return nil
	}
	now, err := s.receivedAt(ctx, items)
	if err != nil {
		return err
	}
	err = s.write(ctx, func(tx *sql.Tx) error {
		if err := s.unrankAccepted(ctx, tx, items, now); err != nil {
			return err
		}
		for _, it := range items {
			if it.Link == (campaign.Ref{}) {
				continue
			}
			if err := s.link(ctx, tx, it.Link, now); err != nil {
				return fmt.Errorf("link identities: %w", err)
			}
		}
		if err := s.accept(ctx, tx, items, now); err != nil {
			return err
		}
		return s.notify(ctx, tx)
	})
	if err != nil {
		return fmt.Errorf("accept: %w", err)
	}
	return nil
}

// receivedAt is when the call was received: all items of one know it. In a live
// store that is by the store's own clock, which the items are set to: an event
// that the web process's clock puts ahead would not exist yet at the next look.
// Links alone carry no moment.
func (s *Store) receivedAt(ctx context.Context, items []intake.Item) (time.Time, error) {
	var given time.Time
	for _, it := range items {
		if it.Event != nil {
			given = it.Event.KnownAt
		} else if it.Traits != nil {
			given = it.Traits.KnownAt
		}
	}
	if !given.IsZero() && !s.live.Load() {
		return given, nil
	}
	now, err := s.Now(ctx)
	if err != nil {
		return now, err
	}
	for _, it := range items {
		if e := it.Event; e != nil {
			e.OccurredAt, e.KnownAt = received(e.OccurredAt, e.KnownAt, now), now
		}
		if t := it.Traits; t != nil {
			t.At, t.KnownAt = received(t.At, t.KnownAt, now), now
		}
	}
	return now, nil
}

// received moves what happened at the moment of its receipt to that moment by
// another clock; what happened earlier keeps its time.
func received(at, known, now time.Time) time.Time {
	if at.Equal(known) {
		return now
	}
	return at
}

// accept stores traits and events, their customers' identities being linked.
func (s *Store) accept(ctx context.Context, tx *sql.Tx, items []intake.Item, now time.Time) error {
	if err := s.acceptCatalogue(ctx, tx, items); err != nil {
		return err
	}
	var refs []campaign.Ref
	for _, it := range items {
		if it.Event != nil && !ofCatalogue(it.Event) {
			refs = append(refs, it.Event.Customer)
		}
		if it.Traits != nil {
			refs = append(refs, it.Traits.Customer)
		}
	}
	if len(refs) == 0 {
		return nil
	}
	who, err := s.people(ctx, tx, refs, campaign.Micros(now))
	if err != nil {
		return err
	}
	var events []ownEvent
	var told []fact
	var changed []int64
	key := items[0].Key // of one call, and so of all
	learn := func() error {
		ids, err := s.learn(ctx, tx, told, said{at: now, key: key})
		changed = slices.AppendSeq(changed, maps.Keys(ids))
		return err
	}
	about := map[int64]bool{} // whom told is about
	for _, it := range items {
		if it.Event != nil && !ofCatalogue(it.Event) {
			events = append(events, ownEvent{who.ids[identityOf(it.Event.Customer)], it.Key, it.Event})
		}
		if it.Traits == nil {
			continue
		}
		at := campaign.Micros(it.Traits.At)
		customer := who.ids[identityOf(it.Traits.Customer)]
		fs, err := facts(customer, at, at, it.Traits.Attributes)
		if err != nil {
			return err
		}
		// Two identify calls about one customer in a batch follow on each other.
		if about[customer] {
			if err := learn(); err != nil {
				return err
			}
			told = nil
			clear(about)
		}
		about[customer] = true
		told = append(told, fs...)
	}
	if len(told) > 0 {
		if err := learn(); err != nil {
			return err
		}
	}
	// Another address, another country: what was looked at is no more.
	if err := s.takeBack(ctx, tx, changed); err != nil {
		return err
	}
	if events, err = s.heedAsked(ctx, tx, events, now); err != nil {
		return err
	}
	_, err = s.happened(ctx, tx, events, now)
	return err
}
