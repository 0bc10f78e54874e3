package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"tidings/internal/campaign"
)

// campaignRuns is an SQL condition on a row of campaigns: it decides and sends. A
// pause by hand or by the breaker wins over what the file says.
func campaignRuns(alias string) string {
	return alias + `.status = 'active' AND ` + alias + `.removed_at IS NULL AND ` + alias + `.paused_at IS NULL`
}

// Pause is a pause by hand or by the breaker.
type Pause struct {
	Campaign string
	Status   string    // what the file says
	Since    time.Time // zero: it is not paused
	Who      string    // of the audit log
	Why      string
}

// pausedBy is an SQL expression: who has paused campaign k.
const pausedBy = `coalesce((SELECT a.who FROM audit a WHERE a.campaign_id = k.id AND a.action = '` + auditPause + `' ORDER BY a.id DESC LIMIT 1), '')`

// ErrNoCampaign tells that no campaign of that name is loaded.
var ErrNoCampaign = errors.New("no such campaign is loaded")

// Pause stops a campaign from now on: it decides nothing and sends nothing until
// it is resumed. What is queued or claimed goes back; what is handed over already
// can't be stopped. One that is paused already stays so, since then; a new reason
// replaces the old one, and without one nothing is written down. It returns the
// pause as it was before.
func (s *Store) Pause(ctx context.Context, name, why, who string, now time.Time) (before Pause, err error) {
	return s.pause(ctx, name, why, who, now, func(before Pause) bool {
		return why != "" || before.Since.IsZero() // else it stands as it was, and so does who paused it
	})
}

// trip is a pause by the breaker, and tells whether it is the first: of several
// processes that see the same failures one pauses, and of a campaign that a person
// has paused or removed meanwhile nothing is written.
func (s *Store) trip(ctx context.Context, name, why string, now time.Time) (first bool, err error) {
	before, err := s.pause(ctx, name, why, breakerName, now, func(before Pause) bool { return before.Since.IsZero() })
	if errors.Is(err, ErrNoCampaign) {
		return false, nil
	}
	return before.Since.IsZero(), err
}

// pause writes a pause down unless write says that the one before stands.
func (s *Store) pause(ctx context.Context, name, why, who string, now time.Time, write func(before Pause) bool) (before Pause, err error) {
	var id int64
	err = s.write(ctx, func(tx *sql.Tx) error {
		if id, before, err = s.lockPause(ctx, tx, name); err != nil || !write(before) {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE campaigns SET paused_at = coalesce(paused_at, $2),
			paused_why = CASE WHEN $3 <> '' OR paused_at IS NULL THEN $3 ELSE paused_why END WHERE id = $1`, id, campaign.Micros(now), clip(why)); err != nil {
			return err
		}
		return s.audit(ctx, tx, who, now, auditRow{action: auditPause, campaign: id, detail: why})
	})
	if err != nil {
		return before, fmt.Errorf("pause: %w", err)
	}
	// Only now does every look see the pause: what they have let through by then is
	// taken back, all of it.
	err = s.write(ctx, func(tx *sql.Tx) error { return s.takeBackCampaign(ctx, tx, id) })
	if err != nil {
		return before, fmt.Errorf("pause: %w", err)
	}
	return before, nil
}

// alarmEvery is how often a person is told of a transactional campaign whose mails
// bounce.
const alarmEvery = 24 * time.Hour

// alarm writes down what would have paused a campaign were it not transactional, and
// tells whether that is news.
func (s *Store) alarm(ctx context.Context, name, why string, now time.Time) (news bool, err error) {
	err = s.write(ctx, func(tx *sql.Tx) error {
		id, _, err := s.lockPause(ctx, tx, name)
		if errors.Is(err, ErrNoCampaign) {
			return nil
		}
		if err != nil {
			return err
		}
		err = tx.QueryRowContext(ctx, `SELECT NOT EXISTS (SELECT 1 FROM audit WHERE campaign_id = $1 AND action = $2 AND at > $3)`,
			id, auditAlarm, campaign.Micros(now.Add(-alarmEvery))).Scan(&news)
		if err != nil || !news {
			return err
		}
		return s.audit(ctx, tx, breakerName, now, auditRow{action: auditAlarm, campaign: id, detail: why})
	})
	if err != nil {
		return false, fmt.Errorf("note an alarm: %w", err)
	}
	return news, nil
}

// Resume ends a pause. It returns the pause as it was; one that was none is left
// as it is. What was due in the meantime is looked at as by a tick that comes late.
func (s *Store) Resume(ctx context.Context, name, who string, now time.Time) (before Pause, err error) {
	err = s.write(ctx, func(tx *sql.Tx) error {
		var id int64
		if id, before, err = s.lockPause(ctx, tx, name); err != nil || before.Since.IsZero() {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE campaigns SET paused_at = NULL, paused_why = '', resumed_at = $2 WHERE id = $1`, id, campaign.Micros(now)); err != nil {
			return err
		}
		if err := s.audit(ctx, tx, who, now, auditRow{action: auditResume, campaign: id, detail: before.Why}); err != nil {
			return err
		}
		return s.notify(ctx, tx)
	})
	if err != nil {
		return before, fmt.Errorf("resume: %w", err)
	}
	return before, nil
}

func (s *Store) lockPause(ctx context.Context, tx *sql.Tx, name string) (id int64, p Pause, err error) {
	var since sql.NullInt64
	p.Campaign = name
	err = tx.QueryRowContext(ctx, `SELECT id, status, paused_at, paused_why FROM campaigns WHERE name = $1 AND removed_at IS NULL`+s.forNoKeyUpdate(), name).
		Scan(&id, &p.Status, &since, &p.Why)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, p, ErrNoCampaign
	}
	if since.Valid {
		p.Since = campaign.FromMicros(since.Int64)
	}
	return id, p, err
}

// Loaded are the names of the campaigns that are loaded, in their order.
func (s *Store) Loaded(ctx context.Context) ([]string, error) {
	rows, err := s.reader().QueryContext(ctx, `SELECT name FROM campaigns WHERE removed_at IS NULL AND name <> $1 ORDER BY name`, campaign.ServiceCampaign)
	names, err := collect(rows, err, func(rows *sql.Rows) (name string, err error) { return name, rows.Scan(&name) })
	if err != nil {
		return nil, fmt.Errorf("list campaigns: %w", err)
	}
	return names, nil
}

// Pauses are the pauses that stand, by campaign.
func (s *Store) Pauses(ctx context.Context) (map[string]Pause, error) {
	rows, err := s.reader().QueryContext(ctx, `SELECT name, status, paused_at, paused_why, `+pausedBy+` FROM campaigns k
		WHERE removed_at IS NULL AND paused_at IS NOT NULL`)
	out := map[string]Pause{}
	_, err = collect(rows, err, func(rows *sql.Rows) (p Pause, err error) {
		var since int64
		err = rows.Scan(&p.Campaign, &p.Status, &since, &p.Why, &p.Who)
		p.Since = campaign.FromMicros(since)
		out[p.Campaign] = p
		return p, err
	})
	if err != nil {
		return nil, fmt.Errorf("list pauses: %w", err)
	}
	return out, nil
}

// Report is the pause as reports have it.
func (p Pause) Report() *campaign.PauseReport {
	return &campaign.PauseReport{Since: p.Since, Who: p.Who, Why: p.Why, Resume: "tidings resume " + p.Campaign}
}
