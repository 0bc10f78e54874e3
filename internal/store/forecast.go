package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"time"

	"tidings/internal/audience"
	"tidings/internal/campaign"
	"tidings/scheduler"
)

// Foresee runs f on the campaign's books as of the forecast's beginning. All that
// f reads is one state of the database, and it can write nothing. The campaign
// need not have been loaded into the store.
func (s *Store) Foresee(ctx context.Context, o scheduler.Foresight, f func(scheduler.Archive) error) error {
	return s.still(ctx, func(tx *sql.Tx) error {
		a, err := s.archive(ctx, tx, o)
		if err != nil {
			return err
		}
		return f(a)
	})
}

// still runs f on one state of the database, to which it can write nothing.
func (s *Store) still(ctx context.Context, f func(tx *sql.Tx) error) error {
	if s.bound != nil {
		return f(s.bound)
	}
	options := &sql.TxOptions{ReadOnly: true}
	if s.engine == audience.Postgres {
		options.Isolation = sql.LevelRepeatableRead
	}
	tx, err := s.db.BeginTx(ctx, options)
	if err != nil {
		return fmt.Errorf("begin to look at one state of the database: %w", err)
	}
	defer tx.Rollback()
	return f(tx)
}

// archive is a campaign's books as of a moment. The books that it is made of
// judge passes; those of the candidates are beside them.
type archive struct {
	*books
	candidates *books
	from       time.Time
	live       bool
	// stored: there are passes that began by then.
	stored bool
	// lasting: once facts have ended a pass it stays ended, as by an event; what
	// holds for a while, as an attribute's value, has to be looked at each time.
	lasting bool
	// swayed are the customers whose consent or suppression changes after then; of
	// all others what was found on entry stands.
	swayed map[int64]bool
	// left are the moments at which we learned that a customer leaves the campaign's
	// topic: passes end there, whether or not the customer comes back.
	left map[int64][]int64
	// steady are standings found before, of customers for whom they stay the same.
	steady map[int64]campaign.Standing
	// imagined are the passes about products that the forecast has let begin.
	imagined []audience.ProductPass
}

var (
	_ scheduler.Archive = (*archive)(nil)
	_ scheduler.History = (*Store)(nil)
)

func (s *Store) archive(ctx context.Context, tx *sql.Tx, o scheduler.Foresight) (*archive, error) {
	b := &books{Store: s, tx: tx, c: o.Campaign, until: campaign.Micros(o.From)}
	if o.Live {
		b.until = math.MaxInt64
	}
	if err := b.find(ctx); err != nil {
		return nil, fmt.Errorf("find the campaign: %w", err)
	}
	passing := *b
	passing.c = o.Supposed
	a := &archive{steady: map[int64]campaign.Standing{}, books: &passing, candidates: b, from: o.From, live: o.Live, lasting: audience.Lasting(o.Supposed.ExitOn)}
	err := tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM enrollments WHERE campaign_id = $1 AND entered_at <= $2)`, b.id, b.until).Scan(&a.stored)
	if err != nil {
		return nil, fmt.Errorf("look for passes: %w", err)
	}
	if err := a.sway(ctx); err != nil {
		return nil, fmt.Errorf("find changes of consent: %w", err)
	}
	if err := a.leave(ctx); err != nil {
		return nil, fmt.Errorf("find who left the topic: %w", err)
	}
	return a, nil
}

// find fills in what the store knows of the campaign, under its name or an
// earlier one; nothing, when it was never loaded.
func (b *books) find(ctx context.Context) error {
	b.ledger.Seed = b.c.Name
	for _, name := range append([]string{b.c.Name}, b.c.Was...) {
		if _, taken := b.catalog.Campaign(name); taken && name != b.c.Name {
			continue
		}
		err := b.tx.QueryRowContext(ctx, `SELECT id, seed FROM campaigns WHERE name = $1`, name).Scan(&b.id, &b.ledger.Seed)
		if err == nil || !errors.Is(err, sql.ErrNoRows) {
			return err
		}
	}
	return nil
}

// sway finds the customers whose reachability is not the same all the time.
func (a *archive) sway(ctx context.Context) error {
	a.swayed = map[int64]bool{}
	rows, err := a.tx.QueryContext(ctx, `SELECT customer_id FROM consents WHERE at > $1
		UNION SELECT c.id FROM customers c JOIN suppressions s ON s.email_hash = c.email_hash WHERE s.at > $1`, campaign.Micros(a.from))
	ids, err := collect(rows, err, scanID)
	for _, id := range ids {
		a.swayed[id] = true
	}
	return err
}

func (a *archive) leave(ctx context.Context) error {
	a.left = map[int64][]int64{}
	if a.c.Topic == "" {
		return nil
	}
	rows, err := a.tx.QueryContext(ctx, `SELECT customer_id, recorded_at FROM consents
		WHERE NOT given AND NOT follows AND (topic = $1 OR topic = '`+everyTopic+`') ORDER BY recorded_at`, a.c.Topic)
	_, err = collect(rows, err, func(rows *sql.Rows) (id int64, err error) {
		var at int64
		err = rows.Scan(&id, &at)
		a.left[id] = append(a.left[id], at)
		return id, err
	})
	return err
}

// Exits are those of the books, and the end of a pass whose customer leaves the
// topic: live, that comes with the word itself.
func (a *archive) Exits(ctx context.Context, ps []campaign.Pass, asOf time.Time) (map[int64]scheduler.Exit, error) {
	exits, err := a.books.Exits(ctx, ps, asOf)
	if err != nil {
		return nil, err
	}
	for _, p := range ps {
		for _, us := range a.left[p.Customer] {
			at := campaign.FromMicros(us)
			if !at.After(p.Entered) || at.After(asOf) {
				continue
			}
			if e, ended := exits[p.ID]; !ended || at.Before(e.At) {
				exits[p.ID] = scheduler.Exit{At: at, Reason: campaign.ExitUnsubscribed}
			}
			break
		}
	}
	return exits, nil
}

func (a *archive) Candidates(ctx context.Context, w scheduler.Window) ([]campaign.Candidate, error) {
	in := window(w)
	in.Imagined = &audience.Imagined{Until: campaign.FromMicros(a.until), Passes: a.imagined}
	return a.eval.Candidates(ctx, a.tx, a.candidates.c, in)
}

// Cuts are where a part of the forecast must end before the next is looked at.
func (a *archive) Cuts(ctx context.Context, w scheduler.Window) ([]time.Time, error) {
	return a.eval.Cuts(ctx, a.tx, a.candidates.c, window(w))
}

// Imagine notes an entry for the candidates after it.
func (a *archive) Imagine(e campaign.Entry) {
	if e.Product != "" {
		a.imagined = append(a.imagined, audience.ProductPass{Customer: e.Customer, Product: e.Product, Entered: e.AsOf})
	}
}

// Standings leaves the campaign's passes out of its statement where there are
// none, which is most of its work.
func (a *archive) Standings(ctx context.Context, cs []campaign.Candidate) ([]campaign.Standing, error) {
	if a.stored {
		return a.candidates.Standings(ctx, cs)
	}
	out := make([]campaign.Standing, len(cs))
	for begin := 0; begin < len(cs); begin += insertBatch {
		end := min(begin+insertBatch, len(cs))
		if err := a.strangers(ctx, cs[begin:end], out[begin:end]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// maxSteady bounds how many standings a forecast keeps.
const maxSteady = 500_000

// strangers are the standings of candidates in a campaign that nobody has
// entered.
func (a *archive) strangers(ctx context.Context, cs []campaign.Candidate, out []campaign.Standing) error {
	in := make([][]any, 0, len(cs))
	for i, c := range cs {
		if s, known := a.steady[c.Customer]; known && !c.Asked {
			out[i] = s
			continue
		}
		out[i].Gone = true
		in = append(in, []any{i, c.Customer, campaign.Micros(c.AsOf), bit(c.Asked)})
	}
	if len(in) == 0 {
		return nil
	}
	rows, err := a.tx.QueryContext(ctx, `SELECT x.i, c.external_id, c.id, c.timezone, `+reachableFor("$2", "x.as_of", "x.asked = 1")+`
		FROM `+a.rows("$1", "i int", "customer_id bigint", "as_of bigint", "asked int")+` x
		JOIN customers c ON c.id = x.customer_id`, array(in), a.c.Topic)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var i int
		var s campaign.Standing
		var external sql.NullString
		var id int64
		if err := rows.Scan(&i, &external, &id, &s.Timezone, &s.Why); err != nil {
			return err
		}
		s.Reachable, s.External = s.Why == "", externalOr(external, id)
		out[i] = s
		if !cs[i].Asked && !a.swayed[id] && len(a.steady) < maxSteady {
			a.steady[id] = s
		}
	}
	return rows.Err()
}

// Begun are the passes that a forecast goes on with. One of a live forecast whose
// message is still to be sent comes to its step anew.
func (a *archive) Begun(ctx context.Context) ([]campaign.Pass, map[scheduler.Sent]time.Time, error) {
	done := map[scheduler.Sent]time.Time{}
	if !a.stored {
		return nil, done, nil
	}
	if a.live {
		passes, err := a.passes(ctx, `e.entered_at <= $2`, a.until)
		if err != nil {
			return nil, nil, err
		}
		waiting, err := a.waiting(ctx)
		for i, p := range passes {
			if waiting[p.ID] {
				passes[i].Arriving, passes[i].Moment = true, a.from
			}
		}
		return passes, done, err
	}
	passes, err := a.passesOf(ctx, `e.state <> 'held_out' AND e.entered_at <= $2 AND (e.state = 'running' OR e.ended_at > $2)`, a.until)
	if err != nil || len(passes) == 0 {
		return nil, nil, err
	}
	rows, err := a.tx.QueryContext(ctx, `SELECT m.enrollment_id, m.step, m.done_at FROM messages m JOIN enrollments e ON e.id = m.enrollment_id
		WHERE m.campaign_id = $1 AND m.stage IN ('accepted', 'failed', 'cancelled') AND m.done_at <= $2
		AND e.entered_at <= $2 AND (e.state = 'running' OR e.ended_at > $2)`, a.id, a.until)
	_, err = collect(rows, err, func(rows *sql.Rows) (sent scheduler.Sent, err error) {
		var at int64
		err = rows.Scan(&sent.Pass, &sent.Step, &at)
		done[sent] = campaign.FromMicros(at)
		return sent, err
	})
	return passes, done, err
}

// waiting are the running passes that wait for their message to be done.
func (a *archive) waiting(ctx context.Context) (map[int64]bool, error) {
	rows, err := a.tx.QueryContext(ctx, `SELECT e.id FROM enrollments e JOIN messages m ON m.enrollment_id = e.id AND m.step = e.step
		WHERE e.campaign_id = $1 AND e.state = 'running' AND e.wake_at IS NULL AND m.state IN ('pending', 'queued', 'claimed')`, a.id)
	ids, err := collect(rows, err, scanID)
	out := make(map[int64]bool, len(ids))
	for _, id := range ids {
		out[id] = true
	}
	return out, err
}

// LastLook judges sends in the order of the last look of a claim: suppression and
// consent → exit_on → audience → when. What a claim sees and a forecast cannot
// (a pause, how long a mail has waited) is left out.
func (a *archive) LastLook(ctx context.Context, n campaign.Node, sends []scheduler.Send) (map[int64]scheduler.Turned, error) {
	turned := map[int64]scheduler.Turned{}
	if err := a.unreachable(ctx, n, sends, turned); err != nil {
		return nil, fmt.Errorf("consent: %w", err)
	}
	if err := a.ended(ctx, sends, turned); err != nil {
		return nil, fmt.Errorf("exit_on: %w", err)
	}
	if a.c.Audience == nil && n.When == nil {
		return turned, nil
	}
	passes := make([]audience.PassAt, 0, len(sends))
	for _, s := range sends {
		if _, away := turned[s.Pass.ID]; !away {
			passes = append(passes, passAt(s.Pass, s.AsOf))
		}
	}
	held, err := a.eval.HoldsEach(ctx, a.tx, a.c, []campaign.Condition{a.c.Audience, n.When}, passes)
	if err != nil {
		return nil, err
	}
	for id, h := range held {
		switch {
		case !h[0]:
			turned[id] = scheduler.Turned{Why: campaign.ExitAudience, Exit: campaign.ExitAudience}
		case !h[1]:
			turned[id] = scheduler.Turned{Why: campaign.CancelWhen}
		}
	}
	return turned, nil
}

// unreachable finds sends that consent or a suppression forbids. Without the
// campaign's own topic the pass is over; without another, only this mail.
func (a *archive) unreachable(ctx context.Context, n campaign.Node, sends []scheduler.Send, turned map[int64]scheduler.Turned) error {
	topic, own := a.c.Topic, true
	if n.Send.Topic != "" {
		topic, own = n.Send.Topic, n.Send.Topic == a.c.Topic
	}
	var in [][]any
	for _, s := range sends {
		// What was found on entry holds for the others, but who asked for one mail has
		// asked for no other.
		again := a.swayed[s.Pass.Customer] && s.AsOf.After(s.Pass.Entered) || s.Asked && !s.First
		if !own || again || !s.Pass.Entered.After(a.from) {
			in = append(in, []any{s.Pass.ID, s.Pass.Customer, campaign.Micros(s.AsOf), bit(own && s.First), bit(s.Asked)})
		}
	}
	// Passes of ours have ids below 0, those that are stored tell themselves.
	const asked = `(x.first = 1 AND (x.asked = 1 OR EXISTS (SELECT 1 FROM enrollments e WHERE e.id = x.pass AND e.asked)))`
	for begin := 0; begin < len(in); begin += insertBatch {
		rows, err := a.tx.QueryContext(ctx, `SELECT * FROM (SELECT x.pass, `+reachableFor("$2", "x.as_of", asked)+` AS why
			FROM `+a.rows("$1", "pass bigint", "customer_id bigint", "as_of bigint", "first int", "asked int")+` x
			JOIN customers c ON c.id = x.customer_id) r WHERE why <> ''`, array(in[begin:min(begin+insertBatch, len(in))]), topic)
		_, err = collect(rows, err, func(rows *sql.Rows) (pass int64, err error) {
			t := scheduler.Turned{}
			if own {
				t.Exit = campaign.ExitUnsubscribed
			}
			err = rows.Scan(&pass, &t.Why)
			turned[pass] = t
			return pass, err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// ended finds sends whose pass has ended.
func (a *archive) ended(ctx context.Context, sends []scheduler.Send, turned map[int64]scheduler.Turned) error {
	var passes []audience.PassAt
	for _, s := range sends {
		if _, away := turned[s.Pass.ID]; !away && (s.Ended || !a.lasting) {
			passes = append(passes, passAt(s.Pass, s.AsOf))
		}
	}
	exits, err := a.eval.Exits(ctx, a.tx, a.c, passes)
	for id, e := range exits {
		turned[id] = scheduler.Turned{Why: e.Reason, Exit: e.Reason}
	}
	return err
}
