package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"tidings/internal/campaign"
)

// optIns are the workspace's topics by how one subscribes to them.
type optIns struct {
	Double []string `json:"double"` // counts once it is confirmed
	Single []string `json:"single"`
}

// optInsKey is the meta key under which the topics of the workspace that was loaded
// last are kept, for commands that load none.
const optInsKey = "opt_ins"

func optInsOf(cat *campaign.Catalog) (o optIns) {
	for _, key := range slices.Sorted(maps.Keys(cat.Workspace.Topics)) {
		if cat.Workspace.Topics[key].DoubleOptIn {
			o.Double = append(o.Double, key)
		} else {
			o.Single = append(o.Single, key)
		}
	}
	return o
}

// keepOptIns keeps the topics that want a confirmation.
func (s *Store) keepOptIns(ctx context.Context, cat *campaign.Catalog) error {
	if s.bound != nil {
		return nil
	}
	value := array(optInsOf(cat))
	if is, err := s.meta(ctx, s.reader(), optInsKey); err != nil || is == value {
		return err
	}
	return s.write(ctx, func(tx *sql.Tx) error { return s.setMeta(ctx, tx, optInsKey, value) })
}

// doubleTopics are the topics of this process's workspace, or of the one that was
// loaded last.
func (s *Store) doubleTopics(ctx context.Context, q querier) (o optIns, err error) {
	if s.catalog != nil {
		return optInsOf(s.catalog), nil
	}
	kept, err := s.meta(ctx, q, optInsKey)
	if err != nil || kept == "" {
		return o, err
	}
	if err := json.Unmarshal([]byte(kept), &o); err != nil {
		return o, fmt.Errorf("read which topics want a confirmation: %w", err)
	}
	return o, nil
}

// DoubleOptIn are the topics to which a yes counts once it is confirmed, or proven.
func (s *Store) DoubleOptIn(ctx context.Context) ([]string, error) {
	o, err := s.doubleTopics(ctx, s.db)
	return o.Double, err
}

// part parts what a customer says into what counts at once and what is to be
// confirmed: a yes without proof to a topic of double opt-in. A yes to all topics
// counts at once for the others.
func (o optIns) part(c consent) (counts, asks []consent) {
	switch {
	case !c.given || c.proof != "" || len(o.Double) == 0:
		return []consent{c}, nil
	case c.topic == everyTopic:
		for _, topic := range o.Single {
			one := c
			one.topic = topic
			counts = append(counts, one)
		}
		return counts, []consent{c}
	case slices.Contains(o.Double, c.topic):
		return nil, []consent{c}
	}
	return []consent{c}, nil
}

// askToConfirm has the question mailed whether it was the address's reader who
// subscribed, one to a customer. Who is subscribed is not asked, nor is anybody asked
// too often; after another address only who may be written to.
func (s *Store) askToConfirm(ctx context.Context, tx *sql.Tx, asks []consent, key int) error {
	var order []int64
	topics, first := map[int64][]string{}, map[int64]consent{}
	for _, c := range asks {
		open, err := s.unconfirmed(ctx, tx, c)
		if err != nil {
			return err
		}
		if len(open) == 0 {
			continue
		}
		if _, known := first[c.customer]; !known {
			order, first[c.customer] = append(order, c.customer), c
		}
		topics[c.customer] = append(topics[c.customer], open...)
	}
	for _, id := range order {
		c, of := first[id], topics[id]
		slices.Sort(of)
		properties := map[string]any{"topic": strings.Join(slices.Compact(of), topicsBy), "source": c.source, "text_version": c.text}
		if slices.Contains(of, everyTopic) {
			properties["topic"] = everyTopic
		}
		// When it came in: a form's clock neither puts the question off nor gets round the limits.
		a := asking{campaign.ServiceConfirm, key, campaign.FromMicros(c.recorded)}
		if _, err := s.request(ctx, tx, id, a, properties); err != nil {
			return err
		}
	}
	return nil
}

// topicsBy parts the topics that one question is about.
const topicsBy = ","

// unconfirmed are what a customer is still to confirm of what they have said.
func (s *Store) unconfirmed(ctx context.Context, tx *sql.Tx, c consent) ([]string, error) {
	topics, states := []string{c.topic}, `('no_consent', 'suppressed')`
	if c.topic == everyTopic {
		o, err := s.doubleTopics(ctx, tx)
		if err != nil {
			return nil, err
		}
		topics = o.Double
	}
	if c.source == fromAnother {
		states = `('no_consent')`
	}
	var open int
	err := tx.QueryRowContext(ctx, `SELECT count(*) FROM customers c CROSS JOIN `+s.rows("$2", "topic text")+` x
		WHERE c.id = $1 AND `+reachable("x.topic", "$3")+` IN `+states, c.customer, array(wrap(topics)), c.recorded).Scan(&open)
	if err != nil {
		return nil, fmt.Errorf("look who is to confirm: %w", err)
	}
	if open == 0 {
		return nil, nil
	}
	return []string{c.topic}, nil
}

// unproven leaves out of an import's consents those that the import cannot vouch for:
// for topics of double opt-in a consent without proof.
func (o optIns) unproven(cs []consent) []consent {
	var out []consent
	for _, c := range cs {
		counts, _ := o.part(c)
		out = append(out, counts...)
	}
	return out
}

// ConsentLog is all that a customer, by the shop's id, has said of topics, in order;
// with what they have been asked to confirm and have not. ok is false when there is no
// such customer.
func (s *Store) ConsentLog(ctx context.Context, external string) (log []campaign.ConsentEntry, ok bool, err error) {
	id, ok, err := s.customerID(ctx, external)
	if err != nil || !ok {
		return nil, ok, err
	}
	log, err = s.consentLog(ctx, s.db, id)
	return log, err == nil, err
}

func (s *Store) customerID(ctx context.Context, external string) (id int64, ok bool, err error) {
	rows, err := s.db.QueryContext(ctx, `SELECT customer_id FROM identities WHERE kind = '`+userID+`' AND value = $1`, external)
	ids, err := collect(rows, err, scanID)
	if err != nil || len(ids) == 0 {
		return 0, false, err
	}
	return ids[0], true, nil
}

func (s *Store) consentLog(ctx context.Context, q querier, customer int64) ([]campaign.ConsentEntry, error) {
	rows, err := q.QueryContext(ctx, `SELECT at, recorded_at, topic, given, source, text, proof, coalesce(email_hash, ''), follows, FALSE AS pending, id FROM consents WHERE customer_id = $1
		UNION ALL SELECT e.occurred_at, e.known_at, coalesce(e.properties ->> 'topic', '`+everyTopic+`'), TRUE, coalesce(e.properties ->> 'source', ''),
			coalesce(e.properties ->> 'text_version', ''), '', '', FALSE, TRUE, e.id
			FROM events e WHERE e.customer_id = $1 AND e.name = '`+campaign.MailRequested+`' AND e.properties ->> 'mail' = '`+campaign.ServiceConfirm+`'
		ORDER BY 2, 10, 11`, customer)
	var out []campaign.ConsentEntry
	_, err = collect(rows, err, func(rows *sql.Rows) (e campaign.ConsentEntry, err error) {
		var at, recorded, id int64
		err = rows.Scan(&at, &recorded, &e.Topic, &e.Given, &e.Source, &e.Text, &e.Proof, &e.AddressHash, &e.Follows, &e.Pending, &id)
		e.At, e.Recorded = campaign.FromMicros(at), campaign.FromMicros(recorded)
		if at == 0 {
			e.At = time.Time{}
		}
		topics := []string{e.Topic}
		if e.Pending {
			topics = strings.Split(e.Topic, topicsBy)
		}
		for _, e.Topic = range topics {
			out = append(out, e)
		}
		return e, err
	})
	if err != nil {
		return nil, fmt.Errorf("read the consent log: %w", err)
	}
	return slices.DeleteFunc(out, func(e campaign.ConsentEntry) bool { return e.Pending && answeredBy(out, e) }), nil
}

// answeredBy tells whether something was said of a topic since it was asked about.
func answeredBy(log []campaign.ConsentEntry, asked campaign.ConsentEntry) bool {
	return slices.ContainsFunc(log, func(e campaign.ConsentEntry) bool {
		return !e.Pending && (!e.Follows || e.Given) && !e.Recorded.Before(asked.Recorded) && (e.Topic == asked.Topic || e.Topic == everyTopic)
	})
}
