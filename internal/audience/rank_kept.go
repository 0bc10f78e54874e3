package audience

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"tidings/internal/campaign"
)

// settled is how long after a day's start its ranks are kept: what was received
// before it may commit a little later.
const settled = time.Minute

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

// keptRank names a ranking of a day.
type keptRank struct {
	kind string
	day  int64
}

// keptOrWorked are the ways to a ranking of a day: what is kept, and what is
// worked out where it is not.
func (b *builder) keptOrWorked(kind string, day time.Time, kept, worked string) []string {
	if b.kept == nil {
		return []string{kept + " WHERE " + b.isKept(kind, day), worked + " WHERE NOT " + b.isKept(kind, day)}
	}
	if b.kept[keptRank{kind, campaign.Micros(day)}] {
		return []string{kept}
	}
	return []string{worked}
}

// ranksKept lists what is kept from a day on. Only SQLite asks beforehand: it takes
// only so many subqueries, and within a transaction nothing of it changes.
func (e *Evaluator) ranksKept(ctx context.Context, q Querier, from time.Time) (map[keptRank]bool, error) {
	if e.engine != SQLite {
		return nil, nil
	}
	kept := map[keptRank]bool{}
	rows, err := q.QueryContext(ctx, "SELECT kind, day FROM ranked WHERE day >= $1", campaign.Micros(from))
	return kept, each(rows, err, func(rows *sql.Rows) error {
		var r keptRank
		defer func() { kept[r] = true }()
		return rows.Scan(&r.kind, &r.day)
	})
}

// Rank works out and keeps what the conditions of c rank customers by, for the
// days on which candidates in w are judged, as far as all facts of before are in;
// days that are kept already cost a look. It is for the transaction that goes on
// to judge the conditions. While another transaction keeps ranks, or brings facts
// of before (see Unrank), it leaves it be. What depends on passes is never kept,
// for a pass may be entered as of a moment before.
func (e *Evaluator) Rank(ctx context.Context, x Execer, c *campaign.Campaign, w Window) error {
	rankings := e.rankings(c.Conditions())
	if len(rankings) == 0 {
		return nil
	}
	days := daysIn(w.begin(), w.To, e.cat.Workspace.Zone)
	locked := e.engine == SQLite
	for _, day := range days {
		for _, r := range rankings {
			if r.byPasses || w.To.Sub(day) < settled {
				continue
			}
			kept, err := e.kept(ctx, x, r, day)
			if err == nil && !kept && !locked {
				if locked, err = tryRanksLock(ctx, x); err == nil && !locked {
					return nil
				}
				// The other may have kept it meanwhile.
				if err == nil {
					kept, err = e.kept(ctx, x, r, day)
				}
			}
			if err == nil && !kept {
				err = e.keep(ctx, x, r, day, days[0])
			}
			if err != nil {
				return fmt.Errorf("keep ranks: %w", err)
			}
		}
	}
	return nil
}

func tryRanksLock(ctx context.Context, q Querier) (locked bool, err error) {
	rows, err := q.QueryContext(ctx, "SELECT pg_try_advisory_xact_lock("+ranksLock+")")
	return locked, each(rows, err, func(rows *sql.Rows) error { return rows.Scan(&locked) })
}

// ranksLock is the advisory lock of PostgreSQL by which transactions that keep
// ranks and those that bring facts of before keep out of each other's way. It is the
// schema's own: advisory locks are the database's, which several stores may share.
const ranksLock = "746196421, current_schema()::regnamespace::oid::integer"

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

// keptFor is how long ranks of a day are kept once later ones are, longer where
// candidates of longer ago are judged.
const keptFor = 10 * 24 * time.Hour

func (e *Evaluator) keep(ctx context.Context, x Execer, r ranking, day, first time.Time) error {
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
	if old := day.Add(-keptFor); old.Before(first) {
		first = old
	}
	if err := b.exec(ctx, x, "INSERT INTO ranks (kind, day, n, value) SELECT "+b.text(kind)+", "+at+", v.n, v.value FROM ("+rows+") v WHERE v.value IS NOT NULL"); err != nil {
		return err
	}
	b = e.builder(nil)
	if err := b.exec(ctx, x, "INSERT INTO ranked (kind, day) VALUES ("+b.text(kind)+", "+b.int(campaign.Micros(day))+")"); err != nil {
		return err
	}
	for _, table := range []string{"ranks", "ranked"} {
		if _, err := x.ExecContext(ctx, "DELETE FROM "+table+" WHERE day < $1", campaign.Micros(first)); err != nil {
			return err
		}
	}
	return nil
}

// exec runs a statement of b that gives nothing back.
func (b *builder) exec(ctx context.Context, x Execer, text string) error {
	if b.broken != nil {
		return b.broken
	}
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
