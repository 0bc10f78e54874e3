package store

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"tidings/internal/campaign"
	"tidings/worker"
)

const (
	// A slice that no worker has taken up for this long is lost with its task.
	queueGrace = 5 * time.Minute
	// A hand-over is given up this long after its lease: longer than any socket
	// deadline, so that a worker that was frozen cannot still be sending.
	handoffGrace = worker.ReplyLimit + 30*time.Second
	// Evidence (a bounce, an open, a click) gets this long to settle an uncertain
	// hand-over before the campaign's policy does.
	evidenceGrace = 15 * time.Minute
)

// left is one kind of what is left lying: where tells of which rows m of a table, by
// its own arguments.
type left struct {
	what, table, where string
	args               []any
	take               func(context.Context) (int, error)
}

// Sweep takes up what was left lying and returns how many messages it moved.
// Any process may run it at any time; it touches only what nobody holds.
func (s *Store) Sweep(ctx context.Context, now time.Time) (moved int, err error) {
	steps := s.lefts(now)
	there, err := s.looked(ctx, steps)
	if err != nil {
		return 0, fmt.Errorf("look for what was left lying: %w", err)
	}
	some := false
	for i, step := range steps {
		// What one kind becomes may be of a later one.
		if some = some || there[i]; !some {
			continue
		}
		n, err := step.take(ctx)
		if err != nil {
			return moved, fmt.Errorf("%s: %w", step.what, err)
		}
		moved += n
	}
	return moved, nil
}

// lefts are all kinds, in the order in which they are taken up.
func (s *Store) lefts(now time.Time) []left {
	us := func(d time.Duration) int64 { return campaign.Micros(now.Add(-d)) }
	steps := []left{
		// A pause takes back what moves once it is stored: a process may die in between.
		{what: "mail of campaigns that rest", where: `m.stage = 'moving' AND m.state IN ('queued', 'claimed') AND m.slice_id IS NOT NULL
			AND +m.campaign_id IN (SELECT k.id FROM campaigns k WHERE k.removed_at IS NULL AND NOT (` + campaignRuns("k") + `))`},
		{what: "slices that nobody took up", where: `m.stage = 'moving' AND m.state = 'queued' AND EXISTS
			(SELECT 1 FROM slices t WHERE t.id = m.slice_id AND (t.lease_until IS NULL AND t.queued_at < $1 OR t.lease_until < $2))`,
			args: []any{us(queueGrace), us(0)}},
		{what: "claims whose lease ran out", where: `m.stage = 'moving' AND m.state = 'claimed' AND m.slice_id IS NOT NULL AND m.lease_until < $1`, args: []any{us(0)}},
		{what: "hand-overs without an end", where: `m.stage = 'moving' AND m.state = 'handoff' AND m.slice_id IS NOT NULL AND m.lease_until < $1`, args: []any{us(handoffGrace)}},
		{what: "uncertain ones that came back", where: `m.stage = 'uncertain' AND (m.opened_at IS NOT NULL OR m.clicked_at IS NOT NULL OR m.machine_opened_at IS NOT NULL OR m.machine_clicked_at IS NOT NULL OR ` + verifiedReturn + `)`},
		{what: "uncertain ones to send again", where: `m.stage = 'uncertain' AND m.uncertain_at < $1 AND m.uncertain < $2
			AND +m.campaign_id IN (SELECT id FROM campaigns WHERE NOT hold_uncertain)`, args: []any{us(evidenceGrace), campaign.MaxUncertain}},
		{what: "expired messages", where: `m.stage = 'pending' AND m.expires_at < $1`, args: []any{us(0)}},
		// What was handed over when its campaign's file went comes back by a refusal or as
		// uncertain: few, of which this finds one of each campaign, by an index. Asked for in
		// one go PostgreSQL would read all that is pending, expecting to find some at once.
		{what: "mail of removed campaigns", where: `m.stage = 'pending' AND m.id IN (SELECT (SELECT n.id FROM messages n
			WHERE n.campaign_id = k.id AND n.stage = 'pending' ORDER BY n.done_at LIMIT 1) FROM campaigns k WHERE k.removed_at IS NOT NULL)`},
		{what: "old slices", table: "slices", where: `m.queued_at < $1 AND NOT EXISTS (SELECT 1 FROM messages n WHERE n.slice_id = m.id AND n.stage = 'moving')`, args: []any{us(sliceKept)}},
		{what: "pages of mails that are kept no longer", table: "sent_pages", where: `m.at <= $1`, args: []any{us(campaign.PageKept)}},
		{what: "what was asked for long ago", table: "asked", where: `m.at < $1`, args: []any{us(askWithin)}},
	}
	for i, take := range []func(context.Context, left) (int, error){
		func(ctx context.Context, l left) (int, error) { return s.unqueue(ctx, fenceOff, l) },
		func(ctx context.Context, l left) (int, error) { return s.unqueue(ctx, "", l) },
		// The token is raised, so that the worker whose lease ran out is fenced off.
		func(ctx context.Context, l left) (int, error) {
			return s.unqueue(ctx, `, lease_until = NULL, token = token + 1`, l)
		},
		// The token stays: should the worker still learn the outcome, it may tell.
		func(ctx context.Context, l left) (int, error) {
			return s.sweepStep(ctx, `UPDATE messages AS m SET state = 'uncertain', uncertain = uncertain + 1, uncertain_at = $2, reason = 'no_reply', slice_id = NULL
				WHERE `+l.where, append(l.args, campaign.Micros(now)))
		},
		func(ctx context.Context, l left) (int, error) { return s.settleSeen(ctx, l, now) },
		// They get their second and last try, once evidence has had its time.
		func(ctx context.Context, l left) (int, error) {
			return s.sweepStep(ctx, `UPDATE messages AS m SET state = 'pending', slice_id = NULL, due_at = $3, duplicate = TRUE, token = token + 1
				WHERE `+l.where, append(l.args, campaign.Micros(now)))
		},
		func(ctx context.Context, l left) (int, error) { return s.expire(ctx, l, now) },
		func(ctx context.Context, l left) (int, error) {
			for all := 0; ; {
				n, err := s.sweepStep(ctx, `UPDATE messages AS m SET state = 'cancelled', reason = '`+campaign.ExitCampaignRemoved+`', done_at = $1, token = token + 1
					WHERE `+l.where, []any{campaign.Micros(now)})
				if all += n; err != nil || n == 0 || all >= dropBatch {
					return all, err
				}
			}
		},
		func(ctx context.Context, l left) (int, error) {
			_, err := s.sweepStep(ctx, `DELETE FROM slices WHERE id IN (SELECT m.id FROM slices m WHERE `+l.where+` ORDER BY m.queued_at LIMIT $2)`, append(l.args, dropBatch))
			return 0, err
		},
		func(ctx context.Context, l left) (int, error) {
			_, err := s.sweepStep(ctx, `DELETE FROM sent_pages WHERE message_id IN (SELECT m.message_id FROM sent_pages m WHERE `+l.where+` ORDER BY m.at LIMIT $2)`, append(l.args, dropBatch))
			return 0, err
		},
		func(ctx context.Context, l left) (int, error) {
			_, err := s.sweepStep(ctx, `DELETE FROM asked AS m WHERE `+l.where, l.args)
			return 0, err
		},
	} {
		steps[i].take = func(ctx context.Context) (int, error) { return take(ctx, steps[i]) }
	}
	return steps
}

var parameter = regexp.MustCompile(`\$[0-9]+`)

// looked tells of which kinds there is anything: one statement that only reads, and
// mostly finds nothing.
func (s *Store) looked(ctx context.Context, steps []left) ([]bool, error) {
	there, into := make([]bool, len(steps)), make([]any, len(steps))
	var query strings.Builder
	var args []any
	for i, step := range steps {
		where := parameter.ReplaceAllStringFunc(step.where, func(p string) string {
			n, _ := strconv.Atoi(p[1:])
			return "$" + strconv.Itoa(n+len(args))
		})
		args = append(args, step.args...)
		if i == 0 {
			query.WriteString("SELECT ")
		} else {
			query.WriteString(", ")
		}
		fmt.Fprintf(&query, "EXISTS (SELECT 1 FROM %s m WHERE %s)", cmp.Or(step.table, "messages"), where)
		into[i] = &there[i]
	}
	return there, s.reader().QueryRowContext(ctx, query.String(), args...).Scan(into...)
}

func (s *Store) unqueue(ctx context.Context, set string, l left) (int, error) {
	var n int64
	err := s.write(ctx, func(tx *sql.Tx) (err error) {
		n, err = s.putBack(ctx, tx, set, l.where, l.args...)
		return err
	})
	return int(n), err
}

const (
	// A slice whose messages are all done is kept for this long, for a person.
	sliceKept = 7 * 24 * time.Hour
	// One sweep deletes at most so many.
	dropBatch = 1000
)

// settleSeen settles uncertain messages that were opened or clicked, or came back,
// before they became uncertain: while their worker was dying, or in the first of two tries.
func (s *Store) settleSeen(ctx context.Context, l left, now time.Time) (n int, err error) {
	err = s.write(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, `SELECT m.id FROM messages m WHERE `+l.where)
		ids, err := collect(rows, err, scanID)
		if err != nil {
			return err
		}
		for _, id := range ids {
			m, ok, err := findMail(ctx, tx, id)
			if err != nil {
				return err
			}
			if !ok {
				continue
			}
			if err := s.arrived(ctx, tx, m, now); err != nil {
				return err
			}
		}
		n = len(ids)
		return nil
	})
	return n, err
}

func (s *Store) sweepStep(ctx context.Context, query string, args []any) (n int, err error) {
	err = s.write(ctx, func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, query, args...)
		if err != nil {
			return err
		}
		moved, err := res.RowsAffected()
		n = int(moved)
		return err
	})
	return n, err
}

// expire cancels pending messages that are too old to be sent; their passes go
// on.
func (s *Store) expire(ctx context.Context, l left, now time.Time) (n int, err error) {
	err = s.write(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, `UPDATE messages AS m SET state = 'cancelled', reason = 'expired', done_at = $1, token = token + 1
			WHERE `+l.where+` RETURNING id`, campaign.Micros(now))
		ids, err := collect(rows, err, scanID)
		if err != nil || len(ids) == 0 {
			return err
		}
		n = len(ids)
		return s.wake(ctx, tx, ids, now)
	})
	return n, err
}

// wake lets the passes of finished messages go on from now.
func (s *Store) wake(ctx context.Context, tx *sql.Tx, messages []int64, now time.Time) error {
	_, err := tx.ExecContext(ctx, `UPDATE enrollments SET wake_at = $2
		FROM messages m WHERE m.id IN `+s.ids("$1")+` AND enrollments.id = m.enrollment_id
		AND enrollments.state || '' = 'running' AND enrollments.step = m.step AND enrollments.wake_at IS NULL`, array(messages), campaign.Micros(now))
	if err != nil {
		return fmt.Errorf("wake passes: %w", err)
	}
	return nil
}
