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

// Use gives the store the catalog by which it judges conditions. Called once,
// before the first tick or claim.
func (s *Store) Use(cat *campaign.Catalog) {
	s.catalog = cat
	s.eval = audience.New(s.engine, cat)
}

// books are one campaign within a transaction.
type books struct {
	*Store
	tx     *sql.Tx
	c      *campaign.Campaign
	id     int64
	ledger scheduler.Ledger
	until  int64 // passes that began later are not there, and none has ended later

	entered int // passes inserted
}

var _ scheduler.Books = (*books)(nil)

// InCampaign runs f in a transaction in which the campaign's row is locked: of
// two ticks of it the second waits, and then sees what the first has decided.
func (s *Store) InCampaign(ctx context.Context, c *campaign.Campaign, now time.Time, f func(scheduler.Books) error) error {
	entered := 0
	err := s.write(ctx, func(tx *sql.Tx) error {
		b := &books{Store: s, tx: tx, c: c, until: math.MaxInt64}
		if err := b.open(ctx, now); err != nil {
			return fmt.Errorf("open the campaign: %w", err)
		}
		err := f(b)
		entered = b.entered
		return err
	})
	if err != nil {
		return err
	}
	return s.analyze(ctx, entered, "enrollments", "messages")
}

// usualTicks is over how many earlier ticks the usual number of entries is the
// mean.
const usualTicks = 20

func (b *books) open(ctx context.Context, now time.Time) error {
	var runs bool
	var activated, watermark sql.NullInt64
	l := &b.ledger
	err := b.tx.QueryRowContext(ctx, `SELECT id, seed, `+campaignRuns("campaigns")+`, activated_at, watermark, cursor FROM campaigns
		WHERE name = $1 AND removed_at IS NULL`+b.forNoKeyUpdate(), b.c.Name).
		Scan(&b.id, &l.Seed, &runs, &activated, &watermark, &l.Cursor)
	if errors.Is(err, sql.ErrNoRows) {
		return errors.New("it was never loaded")
	}
	if err != nil {
		return err
	}
	if activated.Valid {
		l.Activated = campaign.FromMicros(activated.Int64)
	}
	if b.c.ActiveFrom.After(l.Activated) {
		l.Activated = b.c.ActiveFrom
	}
	if watermark.Valid {
		l.Watermark = campaign.FromMicros(watermark.Int64)
	}
	l.Active = runs && activated.Valid && !now.Before(l.Activated)
	if l.Next, err = b.eval.Cursor(ctx, b.tx); err != nil {
		return err
	}
	var usual sql.NullFloat64
	err = b.tx.QueryRowContext(ctx, `SELECT avg(entered) FROM (SELECT entered FROM ticks
		WHERE campaign_id = $1 AND entered > 0 ORDER BY at DESC LIMIT $2) t`, b.id, usualTicks).Scan(&usual)
	if err != nil {
		return err
	}
	l.Usual = usual.Float64
	return b.openFuse(ctx)
}

func (b *books) Ledger() scheduler.Ledger { return b.ledger }

func window(w scheduler.Window) audience.Window {
	return audience.Window{From: w.From, To: w.To, Cursor: w.Cursor, LateFrom: w.LateFrom}
}

func (b *books) Candidates(ctx context.Context, w scheduler.Window) ([]campaign.Candidate, error) {
	if err := b.eval.Rank(ctx, b.tx, b.c, window(w)); err != nil {
		return nil, err
	}
	in, err := b.eval.Supply(ctx, b.tx, b.c, window(w))
	if err != nil {
		return nil, err
	}
	return b.eval.Candidates(ctx, b.tx, b.c, in)
}

func (b *books) Fresh(ctx context.Context, w scheduler.Window) ([]campaign.Pass, error) {
	// A campaign at rest has a window that grows from tick to tick; without a
	// running pass there is no need to read what came in during it.
	var running bool
	err := b.tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM enrollments WHERE campaign_id = $1 AND state = 'running')`, b.id).Scan(&running)
	if err != nil || !running {
		return nil, err
	}
	ids, err := b.eval.FreshPasses(ctx, b.tx, b.c, b.id, window(w))
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	return b.passes(ctx, `e.id IN `+b.ids("$2"), array(ids))
}

func (b *books) Due(ctx context.Context, now time.Time) ([]campaign.Pass, error) {
	return b.passes(ctx, `e.wake_at <= $2`, campaign.Micros(now))
}

func (b *books) Open(ctx context.Context, customers []int64) ([]campaign.Pass, error) {
	return b.passes(ctx, `e.customer_id IN `+b.ids("$2"), array(customers))
}

// passes reads running passes of the campaign.
func (b *books) passes(ctx context.Context, where string, arg any) ([]campaign.Pass, error) {
	return b.passesOf(ctx, `e.state = 'running' AND `+where, arg)
}

// passesOf reads passes of the campaign, in whatever state, as running ones.
func (b *books) passesOf(ctx context.Context, where string, arg any) ([]campaign.Pass, error) {
	rows, err := b.tx.QueryContext(ctx, `SELECT e.id, e.customer_id, e.key, e.anchor_at, e.entered_at, e.anchor, e.step,
			coalesce(e.wake_at, e.entered_at), e.deadline, coalesce(e.waits_since, e.entered_at), c.external_id, c.timezone
		FROM enrollments e JOIN customers c ON c.id = e.customer_id
		WHERE e.campaign_id = $1 AND `+where+` ORDER BY e.id`, b.id, arg)
	return collect(rows, err, func(rows *sql.Rows) (campaign.Pass, error) {
		p := campaign.Pass{State: campaign.PassRunning}
		var anchor, entered, moment, since int64
		var deadline sql.NullInt64
		var external sql.NullString
		var data []byte
		err := rows.Scan(&p.ID, &p.Customer, &p.Key, &anchor, &entered, &data, &p.Step, &moment, &deadline, &since, &external, &p.Timezone)
		p.Anchor, p.Entered, p.Moment = campaign.FromMicros(anchor), campaign.FromMicros(entered), campaign.FromMicros(moment)
		if deadline.Valid {
			p.Deadline, p.Since = campaign.FromMicros(deadline.Int64), campaign.FromMicros(since)
		}
		p.Trigger, p.External = data, externalOr(external, p.Customer)
		if len(p.Step) > 0 && p.Step[:1] == enterPrefix {
			p.Step, p.Arriving = p.Step[1:], true
		}
		return p, err
	})
}

// externalOr is what draws go by: the shop's id, which is the same in every
// store, or ours for an anonymous customer.
func externalOr(external sql.NullString, id int64) string {
	if external.Valid {
		return external.String
	}
	return fmt.Sprintf("#%d", id)
}

func passAt(p campaign.Pass, asOf time.Time) audience.PassAt {
	return audience.PassAt{ID: p.ID, Customer: p.Customer, Anchor: p.Anchor, Entered: p.Entered, Trigger: p.Trigger, AsOf: asOf}
}

func passesAt(ps []campaign.Pass, asOf time.Time) []audience.PassAt {
	out := make([]audience.PassAt, len(ps))
	for i, p := range ps {
		out[i] = passAt(p, asOf)
	}
	return out
}

func (b *books) Holds(ctx context.Context, c campaign.Condition, looks []scheduler.Look) (map[int64]bool, error) {
	at := make([]audience.PassAt, len(looks))
	for i, l := range looks {
		at[i] = passAt(l.Pass, l.AsOf)
	}
	return b.eval.Holds(ctx, b.tx, b.c, c, at)
}

func (b *books) FirstHeld(ctx context.Context, c campaign.Condition, spans []scheduler.Span) (map[int64]time.Time, error) {
	asked := make([]audience.Span, len(spans))
	for i, s := range spans {
		asked[i] = audience.Span{PassAt: passAt(s.Pass, s.From), Until: s.To}
	}
	return b.eval.FirstHeld(ctx, b.tx, b.c, c, asked)
}

func (b *books) Exits(ctx context.Context, ps []campaign.Pass, asOf time.Time) (map[int64]scheduler.Exit, error) {
	found, err := b.eval.Exits(ctx, b.tx, b.c, passesAt(ps, asOf))
	if err != nil {
		return nil, err
	}
	out := make(map[int64]scheduler.Exit, len(found))
	for id, e := range found {
		out[id] = scheduler.Exit{At: e.At, Reason: e.Reason}
	}
	return out, nil
}

func (b *books) ExitedBefore(ctx context.Context, earlier, later campaign.Candidate) (bool, error) {
	found, err := b.eval.Exits(ctx, b.tx, b.c, []audience.PassAt{{
		ID: 1, Customer: earlier.Customer, Anchor: earlier.Anchor, Entered: earlier.AsOf, Trigger: earlier.Trigger, AsOf: later.AsOf,
	}})
	return len(found) > 0, err
}
