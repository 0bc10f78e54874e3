package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"tidings/internal/campaign"
)

// Confirmation is what a confirming link stands for, at a moment.
func (s *Store) Confirmation(ctx context.Context, message int64, at time.Time) (c campaign.Confirmation, err error) {
	c.State = campaign.LinkGone
	if at, err = s.stamp(ctx, s.db, at); err != nil {
		return c, err
	}
	m, ok, err := serviceMailOf(ctx, s.db, message, campaign.ServiceConfirm, campaign.ServiceAddress)
	if err != nil || !ok {
		return c, err
	}
	return m.confirmation(at), nil
}

func (m *serviceMail) confirmation(at time.Time) campaign.Confirmation {
	c := campaign.Confirmation{Address: m.address, Locale: m.locale, Topic: m.asked.Topic}
	life := campaign.ConfirmLife
	if m.mail == campaign.ServiceAddress {
		c.New, life = m.asked.Email, campaign.LinkLife
	}
	c.State = m.state(life, at)
	return c
}

// Confirm does what a confirming link stands for, once: the subscription counts, or
// the address is the customer's.
func (s *Store) Confirm(ctx context.Context, message int64, text string, hit campaign.Hit) (c campaign.Confirmation, err error) {
	err = s.write(ctx, func(tx *sql.Tx) error {
		c = campaign.Confirmation{State: campaign.LinkGone}
		m, ok, err := s.lockServiceMail(ctx, tx, message, campaign.ServiceConfirm, campaign.ServiceAddress)
		if err != nil || !ok {
			return err
		}
		at, err := s.stamp(ctx, tx, hit.At)
		if err != nil {
			return err
		}
		if c = m.confirmation(at); c.State != campaign.LinkGood {
			return nil
		}
		first, err := use(ctx, tx, message, at)
		if err != nil || !first {
			c.State = campaign.LinkUsed
			return err
		}
		if m.mail == campaign.ServiceAddress {
			err = s.moveTo(ctx, tx, m, at)
		} else {
			err = s.confirmed(ctx, tx, m, text, at)
		}
		if err != nil {
			return err
		}
		return s.notify(ctx, tx)
	})
	return c, err
}

// lockServiceMail is serviceMailOf as of the lock of its customer: they may get another
// address, or be merged, until then.
func (s *Store) lockServiceMail(ctx context.Context, tx *sql.Tx, message int64, mails ...string) (m serviceMail, ok bool, err error) {
	for customer := int64(0); ; customer = m.customer {
		if m, ok, err = serviceMailOf(ctx, tx, message, mails...); err != nil || !ok || m.customer == customer {
			return m, ok, err
		}
		if err := s.lockCustomer(ctx, tx, m.customer); err != nil {
			return m, false, err
		}
	}
}

// confirmed records the subscription as one that has its proof.
func (s *Store) confirmed(ctx context.Context, tx *sql.Tx, m serviceMail, text string, at time.Time) error {
	var yes []ownEvent
	for i, topic := range strings.Split(m.asked.Topic, topicsBy) {
		properties := map[string]any{
			"source": "double opt-in", "proof": fmt.Sprintf("confirmed by the link of message %d", m.id), "text_version": text,
		}
		if topic != "" {
			properties["topic"] = topic
		}
		uid := fmt.Sprintf("confirmed:%d", m.id)
		if i > 0 {
			uid += ":" + topic
		}
		yes = append(yes, ownEvent{m.customer, 0, &campaign.Event{UID: uid, Name: campaign.Subscribed, OccurredAt: at, KnownAt: at, Properties: properties}})
	}
	if err := answered(ctx, tx, m.hash.String); err != nil {
		return err
	}
	_, err := s.happened(ctx, tx, yes, at)
	return err
}

// moveTo gives the customer another address.
func (s *Store) moveTo(ctx context.Context, tx *sql.Tx, m serviceMail, at time.Time) error {
	us := campaign.Micros(at)
	fs, err := facts(m.customer, us, us, map[string]any{"email": m.asked.Email})
	if err != nil {
		return err
	}
	// Its reader has said so: consents go along.
	if _, err := s.learn(ctx, tx, fs, said{at: at, proof: fmt.Sprintf("confirmed by the link of message %d", m.id)}); err != nil {
		return err
	}
	return s.takeBack(ctx, tx, []int64{m.customer})
}
