package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/intake"
)

// AskLink has a one-time link mailed to the customer of a message, at the address on
// file. sent is false where they have asked too often of late.
func (s *Store) AskLink(ctx context.Context, message int64, hit campaign.Hit) (sent bool, err error) {
	err = s.write(ctx, func(tx *sql.Tx) error {
		sent = false
		m, ok, err := findMail(ctx, tx, message)
		if err != nil || !ok {
			return err
		}
		if err := s.lockCustomer(ctx, tx, m.customer); err != nil {
			return err
		}
		at, err := s.stamp(ctx, tx, hit.At)
		if err != nil {
			return err
		}
		if sent, err = s.request(ctx, tx, m.customer, asking{mail: campaign.ServiceLink, at: at}, nil); err != nil {
			return err
		}
		return s.notify(ctx, tx)
	})
	return sent, err
}

// AskAddress has a question mailed to the address that the customer of an opened
// one-time link wants to change to.
func (s *Store) AskAddress(ctx context.Context, message int64, address string, hit campaign.Hit) (sent bool, err error) {
	err = s.write(ctx, func(tx *sql.Tx) error {
		sent = false
		at, err := s.stamp(ctx, tx, hit.At)
		if err != nil {
			return err
		}
		customer, open, err := s.managed(ctx, tx, message, at)
		if err != nil {
			return err
		}
		if !open {
			return campaign.ErrLink
		}
		if err := s.lockCustomer(ctx, tx, customer); err != nil {
			return err
		}
		mailbox, ok := intake.Mailbox(address)
		if !ok {
			return campaign.ErrAddress
		}
		if sent, err = s.request(ctx, tx, customer, asking{mail: campaign.ServiceAddress, at: at}, map[string]any{"email": mailbox}); err != nil {
			return err
		}
		return s.notify(ctx, tx)
	})
	return sent, err
}

// serviceMail is a message of the service campaign, as its link is judged by.
type serviceMail struct {
	id, customer int64
	mail         string
	from         time.Time // its link's life begins
	external     string
	address      string // the customer's, now
	locale       string
	sentTo       sql.NullString // hash of the address
	hash         sql.NullString // of the customer's, now
	asked        struct {
		Topic string `json:"topic"`
		Email string `json:"email"`
	}
	used sql.NullInt64
}

// serviceMailOf reads a message if it is a service mail of one kind.
func serviceMailOf(ctx context.Context, q querier, message int64, mails ...string) (m serviceMail, ok bool, err error) {
	var from int64
	var anchor []byte
	err = q.QueryRowContext(ctx, `SELECT m.id, m.customer_id, m.step, coalesce(m.done_at, m.handoff_at, m.created_at), coalesce(c.external_id, ''),
			coalesce(c.email, ''), c.locale, m.email_hash, c.email_hash, e.anchor, u.used_at
		FROM messages m JOIN campaigns k ON k.id = m.campaign_id JOIN enrollments e ON e.id = m.enrollment_id
		JOIN customers c ON c.id = m.customer_id LEFT JOIN used_links u ON u.message_id = m.id
		WHERE m.id = $1 AND k.name = '`+campaign.ServiceCampaign+`'`, message).
		Scan(&m.id, &m.customer, &m.mail, &from, &m.external, &m.address, &m.locale, &m.sentTo, &m.hash, &anchor, &m.used)
	if errors.Is(err, sql.ErrNoRows) {
		return m, false, nil
	}
	if err != nil {
		return m, false, fmt.Errorf("read service mail: %w", err)
	}
	m.from = campaign.FromMicros(from)
	for _, mail := range mails {
		ok = ok || m.mail == mail
	}
	if err := json.Unmarshal(anchor, &m.asked); err != nil {
		return m, false, fmt.Errorf("read what service mail %d was asked for: %w", message, err)
	}
	return m, ok, nil
}

// state judges the mail's link at a moment.
func (m *serviceMail) state(life time.Duration, at time.Time) campaign.LinkState {
	to := m.hash.String
	if m.mail == campaign.ServiceAddress {
		to = campaign.AddressHash(m.asked.Email)
	}
	switch {
	case m.used.Valid:
		return campaign.LinkUsed
	case !m.sentTo.Valid || m.sentTo.String != to:
		return campaign.LinkGone
	case at.After(m.from.Add(life)):
		return campaign.LinkExpired
	}
	return campaign.LinkGood
}

// LinkState says what a one-time link is worth, and to whom it was mailed.
func (s *Store) LinkState(ctx context.Context, message int64, at time.Time) (state campaign.LinkState, address, locale string, err error) {
	if at, err = s.stamp(ctx, s.db, at); err != nil {
		return campaign.LinkGone, "", "", err
	}
	m, ok, err := serviceMailOf(ctx, s.db, message, campaign.ServiceLink)
	if err != nil || !ok {
		return campaign.LinkGone, "", "", err
	}
	return m.state(campaign.LinkLife, at), m.address, m.locale, nil
}

// OpenLink uses a one-time link up. From then on, for campaign.SessionLife, what it
// is for is open.
func (s *Store) OpenLink(ctx context.Context, message int64, hit campaign.Hit) (state campaign.LinkState, err error) {
	err = s.write(ctx, func(tx *sql.Tx) error {
		at, err := s.stamp(ctx, tx, hit.At)
		if err != nil {
			return err
		}
		m, ok, err := serviceMailOf(ctx, tx, message, campaign.ServiceLink)
		if err != nil || !ok {
			state = campaign.LinkGone
			return err
		}
		if state = m.state(campaign.LinkLife, at); state != campaign.LinkGood {
			return nil
		}
		first, err := use(ctx, tx, message, at)
		if err == nil && !first {
			state = campaign.LinkUsed
		}
		return err
	})
	return state, err
}

// use marks a link as used, and tells whether it was not yet.
func use(ctx context.Context, tx *sql.Tx, message int64, at time.Time) (first bool, err error) {
	res, err := tx.ExecContext(ctx, `INSERT INTO used_links (message_id, used_at) VALUES ($1, $2) ON CONFLICT (message_id) DO NOTHING`, message, campaign.Micros(at))
	if err != nil {
		return false, fmt.Errorf("mark the link as used: %w", err)
	}
	n, err := res.RowsAffected()
	return n == 1, err
}

// Managed tells whether a one-time link was opened, and lately enough for its page
// still to be open.
func (s *Store) Managed(ctx context.Context, message int64, at time.Time) (bool, error) {
	at, err := s.stamp(ctx, s.db, at)
	if err != nil {
		return false, err
	}
	_, open, err := s.managed(ctx, s.db, message, at)
	return open, err
}

// managed is whose page a one-time link has opened. It ends with its time, and when the
// customer has another address than the link was mailed to.
func (s *Store) managed(ctx context.Context, q querier, message int64, at time.Time) (customer int64, open bool, err error) {
	m, ok, err := serviceMailOf(ctx, q, message, campaign.ServiceLink)
	if err != nil || !ok || !m.used.Valid || !m.sentTo.Valid || m.sentTo.String != m.hash.String {
		return 0, false, err
	}
	return m.customer, !at.After(campaign.FromMicros(m.used.Int64).Add(campaign.SessionLife)), nil
}
