package store

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"iter"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/intake"
)

// importBatch is how many rows a transaction of an import holds.
const importBatch = 2000

// ImportOptions says what an import is worth.
type ImportOptions struct {
	// Consent is where and how the customers gave consent, for rows that do not
	// say it themselves; empty: such rows tell of none.
	Consent string
	Topics  []string // that consent is for; empty: all
	// Proof is where it can be shown, and Text which version of the words stood beside
	// it, for rows that do not say so themselves. Consent to a topic of double opt-in
	// counts with proof alone.
	Proof, Text string
	// Now is when a change holds from that the import brings to what was known.
	Now time.Time
	// FactsAt is when what a feed tells of products happened; zero: Now. Fact is told
	// of each such fact that is new; nil: nobody.
	FactsAt time.Time
	Fact    func(*campaign.Event)
	// Reject is told of each row that was not taken; nil: they are only counted.
	Reject func(*intake.Rejected)
	// Progress is told where the import stands after each transaction; nil: nobody.
	Progress func(Counts)
}

// Counts says what became of the rows of an import.
type Counts struct {
	Read     int `json:"read"`
	Stored   int `json:"stored"` // brought something new
	Known    int `json:"known"`  // said what was known
	Rejected int `json:"rejected"`
}

// ImportCustomers stores the rows of a file, some thousand per transaction: an
// import that breaks off is taken up by running it again, and one that was
// complete changes nothing.
//
// The first facts that are stored of a customer hold from the beginning of time,
// for the import vouches for the history; a value that differs from what is
// known holds from o.Now on. Consent is stored, from the beginning of time too,
// only where nothing about the customer and topic is on record.
func (s *Store) ImportCustomers(ctx context.Context, rows iter.Seq2[intake.CustomerRow, error], o ImportOptions) (Counts, error) {
	seen := repeats{seed: maphash.MakeSeed(), rows: map[uint64]uint64{}}
	n, err := importRows(rows, o, seen.check, func(batch []intake.CustomerRow) (stored int, err error) {
		err = s.write(ctx, func(tx *sql.Tx) error {
			if err := s.unrankEver(ctx, tx); err != nil {
				return err
			}
			stored, err = s.importCustomers(ctx, tx, batch, o)
			return err
		})
		return stored, err
	})
	if err != nil {
		return n, err
	}
	return n, s.analyze(ctx, n.Stored, "customers", "identities", "attribute_facts", "consents")
}

// ImportEvents stores the rows of a file as ImportCustomers does. An event is
// known by its uid; one of a customer who is not known yet makes the customer,
// without an address. o.Consent and o.Topics mean nothing to it.
func (s *Store) ImportEvents(ctx context.Context, rows iter.Seq2[intake.EventRow, error], o ImportOptions) (Counts, error) {
	anything := func(intake.EventRow) (bool, *intake.Rejected) { return false, nil }
	n, err := importRows(rows, o, anything, func(batch []intake.EventRow) (stored int, err error) {
		err = s.write(ctx, func(tx *sql.Tx) error {
			if err := s.unrankImported(ctx, tx, batch); err != nil {
				return err
			}
			stored, err = s.importEvents(ctx, tx, batch, o)
			return err
		})
		return stored, err
	})
	if err != nil {
		return n, err
	}
	return n, s.analyze(ctx, n.Stored, "events", "customers", "identities")
}

// importRows hands rows on in batches. check tells of a row that it is nothing
// new, or rejects it.
func importRows[T any](rows iter.Seq2[T, error], o ImportOptions, check func(T) (bool, *intake.Rejected), store func([]T) (int, error)) (n Counts, err error) {
	batch := make([]T, 0, importBatch)
	flush := func() error {
		if len(batch) > 0 {
			stored, err := store(batch)
			if err != nil {
				return fmt.Errorf("import rows up to the %dth: %w", n.Read, err)
			}
			n.Stored += stored
			n.Known += len(batch) - stored
			batch = batch[:0]
		}
		if o.Progress != nil {
			o.Progress(n)
		}
		return nil
	}
	for row, err := range rows {
		var bad *intake.Rejected
		if err != nil && !errors.As(err, &bad) {
			return n, err
		}
		n.Read++
		repeated := false
		if bad == nil {
			repeated, bad = check(row)
		}
		switch {
		case bad != nil:
			n.Rejected++
			if o.Reject != nil {
				o.Reject(bad)
			}
			continue
		case repeated:
			n.Known++
			continue
		}
		if batch = append(batch, row); len(batch) == importBatch {
			if err := flush(); err != nil {
				return n, err
			}
		}
	}
	return n, flush()
}

// repeats finds customers that stand in a file twice. Taking both rows would
// make each run of the import change the customer to the one and back to the
// other. It keeps 16 bytes a row.
type repeats struct {
	seed maphash.Seed
	rows map[uint64]uint64 // hash of the id → hash of the row
}

func (r repeats) check(row intake.CustomerRow) (repeated bool, bad *intake.Rejected) {
	text, err := json.Marshal([]any{row.Traits.Attributes, row.Consent, row.Proof, row.Text})
	if err != nil {
		return false, &intake.Rejected{Line: row.Line, Reason: err.Error(), Raw: row.Raw}
	}
	id, content := maphash.String(r.seed, row.Traits.Customer.ID), maphash.Bytes(r.seed, text)
	first, known := r.rows[id]
	switch {
	case !known:
		r.rows[id] = content
		return false, nil
	case first == content:
		return true, nil
	}
	return false, &intake.Rejected{
		Line: row.Line, Raw: row.Raw,
		Reason: "a row above has the same id and says something else; keep one of them",
	}
}

func (s *Store) importCustomers(ctx context.Context, tx *sql.Tx, batch []intake.CustomerRow, o ImportOptions) (int, error) {
	refs := make([]campaign.Ref, len(batch))
	for i, row := range batch {
		refs[i] = row.Traits.Customer
	}
	who, err := s.people(ctx, tx, refs, 0)
	if err != nil {
		return 0, err
	}
	topics := o.Topics
	if len(topics) == 0 {
		topics = []string{everyTopic}
	}
	var known []fact
	var consents []consent
	for _, row := range batch {
		id := who.ids[identityOf(row.Traits.Customer)]
		fs, err := facts(id, campaign.Micros(o.Now), 0, row.Traits.Attributes)
		if err != nil {
			return 0, err
		}
		known = append(known, fs...)
		source := row.Consent
		if source == "" {
			source = o.Consent
		}
		for _, topic := range topics {
			if source != "" {
				consents = append(consents, consent{customer: id, topic: topic, given: true, recorded: campaign.Micros(o.Now), source: source,
					text: cmp.Or(row.Text, o.Text), proof: cmp.Or(row.Proof, o.Proof)})
			}
		}
	}
	changed, err := s.learn(ctx, tx, known, said{at: o.Now})
	if err != nil {
		return 0, err
	}
	var mailed []int64 // who may have a message under way
	for id := range changed {
		if !who.new[id] {
			mailed = append(mailed, id)
		}
	}
	if err := s.takeBack(ctx, tx, mailed); err != nil {
		return 0, err
	}
	double, err := s.doubleTopics(ctx, tx)
	if err != nil {
		return 0, err
	}
	given, err := s.vouch(ctx, tx, double.unproven(consents))
	if err != nil {
		return 0, err
	}
	anew, err := s.vouchAnew(ctx, tx, consents, double, o.Now)
	for _, id := range append(given, anew...) {
		changed[id] = true
	}
	for id := range who.new {
		changed[id] = true
	}
	return len(changed), err
}

func (s *Store) importEvents(ctx context.Context, tx *sql.Tx, batch []intake.EventRow, o ImportOptions) (int, error) {
	var refs []campaign.Ref
	var catalogue, rest []*campaign.Event
	for i := range batch {
		if e := &batch[i].Event; ofCatalogue(e) {
			catalogue = append(catalogue, e)
		} else {
			refs, rest = append(refs, e.Customer), append(rest, e)
		}
	}
	stored, err := s.insertCatalogue(ctx, tx, catalogue)
	if err != nil || len(rest) == 0 {
		return stored, err
	}
	who, err := s.people(ctx, tx, refs, 0)
	if err != nil {
		return 0, err
	}
	events := make([]ownEvent, len(rest))
	for i, e := range rest {
		events[i] = ownEvent{who.ids[identityOf(e.Customer)], 0, e}
	}
	happened, err := s.happened(ctx, tx, events, o.Now)
	return stored + happened, err
}
