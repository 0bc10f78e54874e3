package audience

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"tidings/internal/campaign"
)

// What ranks customers against each other is as of the start of the day in the
// workspace's zone: working it out takes the whole population, so it is worked
// out once for a day, and kept in the tables ranks and ranked by whoever may
// write (see Rank). What is not kept is worked out in the statement, with the
// same answers.

// Execer is a Querier that may write.
type Execer interface {
	Querier
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// rankedDays is for how many days one statement ranks customers at most.
const rankedDays = 8

// settled is how long after a day's start its ranks are kept: what was received
// before it may commit a little later.
const settled = time.Minute

// dayStart is the start of the day in zone that t lies in.
func dayStart(t time.Time, zone *time.Location) time.Time {
	if zone == nil {
		zone = time.UTC
	}
	local := t.In(zone)
	// Clocks that go back over midnight begin a day whose last hour comes again
	// after it: the latest start counts.
	for ahead := 1; ; ahead-- {
		d := time.Date(local.Year(), local.Month(), local.Day()+ahead, 0, 0, 0, 0, time.UTC)
		start := campaign.LocalTime{Year: d.Year(), Month: d.Month(), Day: d.Day()}.In(zone)
		if !start.After(t) {
			return start.UTC()
		}
	}
}

// daysIn are the starts of the days that have a moment in (from, to], in order.
func daysIn(from, to time.Time, zone *time.Location) []time.Time {
	first := from.Add(time.Microsecond)
	var out []time.Time
	for t := to; !t.Before(first); {
		start := dayStart(t, zone)
		out = append(out, start)
		t = start.Add(-time.Microsecond)
	}
	slices.Reverse(out)
	return out
}

// daysOf are the starts of the days on which passes are judged.
func daysOf(passes []PassAt, zone *time.Location) []time.Time {
	var out []time.Time
	for _, p := range passes {
		start := dayStart(p.AsOf, zone)
		if i, found := slices.BinarySearchFunc(out, start, time.Time.Compare); !found {
			out = slices.Insert(out, i, start)
		}
	}
	return out
}

// byDay cuts passes into parts of one statement each: of a bounded number, on a
// bounded number of days.
func (e *Evaluator) byDay(passes []PassAt) iter.Seq[[]PassAt] {
	return func(yield func([]PassAt) bool) {
		sorted := slices.Clone(passes)
		slices.SortStableFunc(sorted, func(x, y PassAt) int { return x.AsOf.Compare(y.AsOf) })
		for len(sorted) > 0 {
			n, days := 0, 0
			var start time.Time
			for n < min(len(sorted), batch) {
				if s := dayStart(sorted[n].AsOf, e.cat.Workspace.Zone); n == 0 || !s.Equal(start) {
					if days++; days > rankedDays {
						break
					}
					start = s
				}
				n++
			}
			if !yield(sorted[:n]) {
				return
			}
			sorted = sorted[n:]
		}
	}
}

// parts are the passes of one statement each that judges conds.
func (e *Evaluator) parts(conds []campaign.Condition, passes []PassAt) iter.Seq[[]PassAt] {
	if len(e.rankings(conds)) > 0 {
		return e.byDay(passes)
	}
	return slices.Chunk(passes, batch)
}

// ranking is something that ranks customers: the RFM scores, or a segment with a
// limit.
type ranking struct{ limited *campaign.Segment }

// rankings are those that conditions stand on, each after what it stands on
// itself.
func (e *Evaluator) rankings(conds []campaign.Condition) []ranking {
	f := rankFinder{e: e, seen: map[string]bool{}}
	for _, c := range conds {
		f.walk(c)
	}
	return f.found
}

type rankFinder struct {
	e     *Evaluator
	seen  map[string]bool
	found []ranking
}

func (f *rankFinder) first(what string) bool {
	first := !f.seen[what]
	f.seen[what] = true
	return first
}

func (f *rankFinder) walk(c campaign.Condition) {
	campaign.Walk(c, func(c campaign.Condition) {
		switch c := c.(type) {
		case campaign.Attribute:
			f.attribute(c.Name)
		case campaign.InSegment:
			s, ok := f.e.cat.Segments[c.Segment]
			if !ok || !f.first("segment "+c.Segment) {
				return
			}
			f.walk(s.Match)
			if s.Limit != nil {
				f.attribute(s.Limit.By)
				f.found = append(f.found, ranking{s})
			}
		}
	})
}

func (f *rankFinder) attribute(name string) {
	c, ok := f.e.cat.Workspace.ComputedAttribute(name)
	switch {
	case !ok:
	case c.Daily && f.first("rfm"):
		f.found = append(f.found, ranking{})
	case name == "tier" && f.first("tier"):
		for _, t := range f.e.cat.Workspace.Tiers {
			f.walk(t.When)
		}
	}
}

// rankDays are the starts of the days in which the moments of looking lie.
func (b *builder) rankDays() ([]time.Time, error) {
	if b.whole != nil {
		return []time.Time{dayStart(b.whole.at, b.cat.Workspace.Zone)}, nil
	}
	if b.days == nil {
		return nil, errors.New("compile condition: customers are ranked by the day, and no days are given")
	}
	return b.days(), nil
}

// isKept is the condition that a ranking of a day is in the tables.
func (b *builder) isKept(kind string, day time.Time) string {
	return "EXISTS (SELECT 1 FROM ranked k WHERE k.kind = " + b.text(kind) + " AND k.day = " + b.int(campaign.Micros(day)) + ")"
}

// Rank works out and keeps what conditions rank customers by, for the days that
// have a moment in (from, to], as far as they are over for good; days that are
// kept already cost a look. It is for the transaction that goes on to judge the
// conditions. While another transaction keeps ranks, or brings facts of before
// (see Unrank), it leaves it be.
func (e *Evaluator) Rank(ctx context.Context, x Execer, conds []campaign.Condition, from, to time.Time) error {
	rankings := e.rankings(conds)
	if len(rankings) == 0 {
		return nil
	}
	locked := e.engine == SQLite
	for _, day := range daysIn(from, to, e.cat.Workspace.Zone) {
		if to.Sub(day) < settled {
			continue
		}
		for _, r := range rankings {
			if kept, err := e.kept(ctx, x, r, day); err != nil || kept {
				if err != nil {
					return fmt.Errorf("keep ranks: %w", err)
				}
				continue
			}
			if !locked {
				rows, err := x.QueryContext(ctx, "SELECT pg_try_advisory_xact_lock("+ranksLock+")")
				err = each(rows, err, func(rows *sql.Rows) error { return rows.Scan(&locked) })
				if err != nil || !locked {
					return err
				}
				// The other may have kept it meanwhile.
				if kept, err := e.kept(ctx, x, r, day); err != nil || kept {
					if err != nil {
						return fmt.Errorf("keep ranks: %w", err)
					}
					continue
				}
			}
			if err := e.keep(ctx, x, r, day); err != nil {
				return fmt.Errorf("keep ranks: %w", err)
			}
		}
	}
	return nil
}

// ranksLock is the advisory lock of PostgreSQL by which transactions that keep
// ranks and those that bring facts of before keep out of each other's way.
const ranksLock = "7461964213570133"

// Unrank forgets the ranks of the days that began at or after from: facts of then
// have come in. It goes before or after them, in their transaction.
func (e Engine) Unrank(ctx context.Context, x Execer, from time.Time) error {
	if e == Postgres {
		if _, err := x.ExecContext(ctx, "SELECT pg_advisory_xact_lock_shared("+ranksLock+")"); err != nil {
			return fmt.Errorf("forget ranks: %w", err)
		}
	}
	for _, table := range []string{"ranks", "ranked"} {
		if _, err := x.ExecContext(ctx, "DELETE FROM "+table+" WHERE day >= $1", campaign.Micros(from)); err != nil {
			return fmt.Errorf("forget ranks: %w", err)
		}
	}
	return nil
}

func (e *Evaluator) kept(ctx context.Context, q Querier, r ranking, day time.Time) (bool, error) {
	b := e.builder(nil)
	kind, err := b.rankKind(r)
	if err != nil {
		return false, err
	}
	var kept bool
	rows, err := b.query(ctx, q, "SELECT "+b.isKept(kind, day))
	return kept, each(rows, err, func(rows *sql.Rows) error { return rows.Scan(&kept) })
}

// keptFor is how long ranks of a day are kept once later ones are.
const keptFor = 10 * 24 * time.Hour

func (e *Evaluator) keep(ctx context.Context, x Execer, r ranking, day time.Time) error {
	b := e.builder(nil)
	kind, err := b.rankKind(r)
	if err != nil {
		return err
	}
	var rows string
	if r.limited != nil {
		rows, err = b.firstOf(r.limited, day)
		rows = "SELECT q.n, q.customer_id AS value FROM " + rows + " q"
	} else {
		rows, err = b.cutRows(day)
	}
	if err != nil {
		return err
	}
	at := b.int(campaign.Micros(day))
	old := campaign.Micros(day.Add(-keptFor))
	if err := b.exec(ctx, x, "INSERT INTO ranks (kind, day, n, value) SELECT "+b.text(kind)+", "+at+", v.n, v.value FROM ("+rows+") v WHERE v.value IS NOT NULL"); err != nil {
		return err
	}
	b = e.builder(nil)
	if err := b.exec(ctx, x, "INSERT INTO ranked (kind, day) VALUES ("+b.text(kind)+", "+b.int(campaign.Micros(day))+")"); err != nil {
		return err
	}
	for _, table := range []string{"ranks", "ranked"} {
		if _, err := x.ExecContext(ctx, "DELETE FROM "+table+" WHERE day < $1", old); err != nil {
			return err
		}
	}
	return nil
}

// exec runs a statement of b that gives nothing back.
func (b *builder) exec(ctx context.Context, x Execer, text string) error {
	text, args := b.placed(text)
	_, err := x.ExecContext(ctx, text, args...)
	return err
}

// rankKind names a ranking and all that it is made by, so that another rule, rate
// or segment is another ranking.
func (b *builder) rankKind(r ranking) (string, error) {
	w := &b.cat.Workspace
	if r.limited == nil {
		return kindOf("rfm", fmt.Sprint(w.RFM, w.Currency, w.Rates)), nil
	}
	// What its statement says as of one moment: of segments, tiers and rates alike.
	inner := (&Evaluator{engine: b.engine, cat: b.cat}).builder(nil)
	inner.within = slices.Clone(b.within)
	text, err := inner.firstOf(r.limited, time.Unix(0, 0).UTC())
	text, args := inner.placed(text)
	return kindOf("limit", text, fmt.Sprint(args...)), err
}

func kindOf(what string, made ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(made, "\x00")))
	return what + ":" + hex.EncodeToString(sum[:12])
}
