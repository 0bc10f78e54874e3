package store

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"math"
	"slices"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/grade"
)

// RegradeOptions say what is graded again.
type RegradeOptions struct {
	All    bool           // also what these very rules have graded
	DryRun bool           // tell what would change, and change nothing
	Batch  int            // mails in a transaction; 0: 500
	Tell   func(hits int) // is told after each transaction how many were graded so far; nil: nobody
}

// Regraded is what grading again has changed.
type Regraded struct {
	Rules   int           `json:"rules"` // their version
	DryRun  bool          `json:"dry_run"`
	Mails   int           `json:"mails"` // with hits that were graded
	Hits    int           `json:"hits"`
	Changed int           `json:"changed"` // of Hits: with another grade now
	Changes []GradeChange `json:"changes"` // the most frequent first
	Events  struct {
		Made    int `json:"made"`
		Removed int `json:"removed"`
	} `json:"events"`
}

// GradeChange is how many hits of a kind went from a grade to another.
type GradeChange struct {
	Kind grade.Kind  `json:"kind"`
	From grade.Grade `json:"from"`
	To   grade.Grade `json:"to"`
	Hits int         `json:"hits"`
}

// Regrade grades what is stored by the rules of this program, mail by mail, with the
// events and first times that follow. Broken off, it goes on where it was when it is
// called again; called once more, it changes nothing.
func (s *Store) Regrade(ctx context.Context, now time.Time, o RegradeOptions) (Regraded, error) {
	out := Regraded{Rules: grade.Version, DryRun: o.DryRun, Changes: []GradeChange{}}
	o.Batch = cmp.Or(o.Batch, 500)
	changes := map[GradeChange]int{}
	var last int64
	for {
		j := &hitJudge{Store: s, due: campaign.Micros(now.Add(-grade.Burst))}
		var spans []hitSpan
		err := s.regradable(ctx, o, func(tx *sql.Tx) (err error) {
			if spans, err = s.toRegrade(ctx, tx, last, o); err != nil || len(spans) == 0 {
				return err
			}
			*j = hitJudge{Store: s, tx: tx, due: j.due}
			if err := j.judge(ctx, spans); err != nil || o.DryRun {
				return err
			}
			return j.apply(ctx)
		})
		if err != nil {
			return out, fmt.Errorf("grade hits again: %w", err)
		}
		if len(spans) == 0 {
			break
		}
		last = spans[len(spans)-1].message
		out.count(j, changes)
		if o.Tell != nil {
			o.Tell(out.Hits)
		}
	}
	for c, n := range changes {
		c.Hits = n
		out.Changes = append(out.Changes, c)
	}
	slices.SortFunc(out.Changes, func(a, b GradeChange) int {
		return cmp.Or(b.Hits-a.Hits, cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To))
	})
	return out, nil
}

// regradable runs f in a transaction of its own; a dry run's is taken back, so that
// its locks are all that anybody could notice of it.
func (s *Store) regradable(ctx context.Context, o RegradeOptions, f func(*sql.Tx) error) error {
	if !o.DryRun {
		return s.write(ctx, f)
	}
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer tx.Rollback()
	return f(tx)
}

// toRegrade are the next mails, by their ids, with settled hits that other rules have
// graded.
func (s *Store) toRegrade(ctx context.Context, tx *sql.Tx, after int64, o RegradeOptions) ([]hitSpan, error) {
	rules := grade.Version
	if o.All {
		rules = -1
	}
	rows, err := tx.QueryContext(ctx, `SELECT DISTINCT message_id FROM hits WHERE message_id > $1 AND settled AND rules <> $2 ORDER BY message_id LIMIT $3`, after, rules, o.Batch)
	spans, err := collect(rows, err, func(rows *sql.Rows) (hitSpan, error) {
		sp := hitSpan{read: math.MinInt64, since: math.MinInt64}
		return sp, rows.Scan(&sp.message)
	})
	if err != nil {
		return nil, fmt.Errorf("find hits: %w", err)
	}
	return spans, nil
}

func (r *Regraded) count(j *hitJudge, changes map[GradeChange]int) {
	mails := map[int64]bool{}
	for _, h := range j.judged {
		if !h.settled {
			continue // the first time, and not again
		}
		mails[h.message] = true
		r.Hits++
		if from := grade.Grade(h.grade); from != h.result.Grade {
			r.Changed++
			changes[GradeChange{Kind: h.kind, From: from, To: h.result.Grade}]++
		}
	}
	r.Mails += len(mails)
	made, gone := j.events()
	r.Events.Made += len(made)
	r.Events.Removed += len(gone)
}
