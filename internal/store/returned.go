package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"tidings/internal/campaign"
)

// Returned records what came back of a message as an event of its customer, once,
// and does what follows: a hard bounce suppresses the address, a complaint does so for all
// but transactional mail, a soft bounce counts with others, and one for reasons of
// policy says nothing of the address. A message whose hand-over was uncertain is
// thereby known to have gone out. One that is gone is no error.
func (s *Store) Returned(ctx context.Context, message int64, r campaign.Returned, at time.Time) (out campaign.Outcome, err error) {
	err = s.write(ctx, func(tx *sql.Tx) error {
		out = campaign.Outcome{}
		m, ok, err := findMail(ctx, tx, message)
		if err != nil || !ok {
			return err
		}
		if !r.Signed && (r.Address == "" || campaign.AddressHash(r.Address) != m.hash.String) {
			return nil // anyone could have written it
		}
		out.Found, r = true, ofAnother(m, r)
		if err := s.lockCustomer(ctx, tx, m.customer); err != nil {
			return err
		}
		now, err := s.stamp(ctx, tx, at)
		if err != nil {
			return err
		}
		fresh, err := s.happened(ctx, tx, []ownEvent{{m.customer, 0, returnedEvent(m, r, now)}}, now)
		if err != nil || fresh == 0 {
			return err
		}
		out.New = true
		if r.Signed || r.Proven {
			if err := s.arrived(ctx, tx, m, now); err != nil {
				return err
			}
		}
		if !r.Signed {
			return s.notify(ctx, tx)
		}
		if out.Suppressed, err = s.followReturn(ctx, tx, m, r, now); err != nil {
			return err
		}
		return s.notify(ctx, tx)
	})
	if err != nil {
		return out, fmt.Errorf("record what came back of message %d: %w", message, err)
	}
	return out, nil
}

// ofAnother makes a hard bounce soft which names another address than the message
// went to: whom the customer forwards it to, or who stands in a text. It counts, as
// a refusal that says nothing better.
func ofAnother(m mailRow, r campaign.Returned) campaign.Returned {
	own := func(address string) bool { return campaign.AddressHash(address) == m.hash.String }
	if r.Class == campaign.BounceHard && r.Address != "" && !own(r.Address) && !own(r.Final) {
		r.Class, r.Counts = campaign.BounceSoft, campaign.ReasonRejected
	}
	return r
}

// verifiedReturn is an SQL condition: something has come back of message m that holds
// proof of it. It may have come before anybody knew that the hand-over is uncertain.
const verifiedReturn = `EXISTS (SELECT 1 FROM events v WHERE v.customer_id = m.customer_id AND v.name IN ('Email Bounced', 'Email Complained', 'Email Replied')
	AND CAST(v.properties ->> 'message' AS TEXT) = CAST(m.id AS TEXT) AND coalesce(v.properties ->> 'type', '') <> '` + campaign.Unverified + `')`

// returnedEvent is the event, without any address.
func returnedEvent(m mailRow, r campaign.Returned, now time.Time) *campaign.Event {
	p := mailProperties(m.campaign, m.step, m.id)
	switch r.Event {
	case campaign.EmailBounced:
		p["type"], p["reason"], p["status"] = r.Class, clip(r.Reason), clip(r.Status)
	case campaign.EmailComplained:
		p["feedback"] = clip(r.Feedback)
	}
	if !r.Signed && !r.Proven {
		p["type"] = campaign.Unverified
	}
	return &campaign.Event{UID: r.UID, Name: r.Event, OccurredAt: now, KnownAt: now, Properties: p}
}

// followReturn does what follows from a report that is proven; it tells whether the
// address is suppressed for it.
func (s *Store) followReturn(ctx context.Context, tx *sql.Tx, m mailRow, r campaign.Returned, now time.Time) (bool, error) {
	if !m.hash.Valid || m.hash.String == "" {
		return false, nil
	}
	switch {
	case r.Event == campaign.EmailComplained:
		return true, s.suppressComplaint(ctx, tx, m.customer, m.hash.String, now)
	case r.Event != campaign.EmailBounced:
		return false, nil
	case r.Class == campaign.BounceHard:
		return true, s.suppressDead(ctx, tx, m.customer, m.hash.String, campaign.ReasonBadAddress, now)
	case r.Class != campaign.BounceSoft:
		return false, nil
	}
	dead, err := s.softened(ctx, tx, []settled{{id: m.id, customer: m.customer, hash: m.hash}}, map[int64]string{m.id: r.Counts}, now)
	if err != nil || len(dead) == 0 {
		return false, err
	}
	return true, s.suppressDead(ctx, tx, m.customer, m.hash.String, r.Counts, now)
}
