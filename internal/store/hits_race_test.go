package store_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/store"
	"tidings/internal/store/storetest"
)

// letters are mails of three links that have just been delivered, one to each.
func letters(t *testing.T, s *store.Store, customers int) (*desk, []campaign.Outgoing) {
	t.Helper()
	d := newDesk(t, s, map[string]string{"x": onGo("steps: [ { send: one } ]")})
	for i := range customers {
		name := fmt.Sprintf("c%d", i)
		d.join(name)
		d.track(name, "Go", "")
	}
	out := d.work(time.Minute)
	if len(out) != customers {
		t.Fatalf("%d mails, want %d", len(out), customers)
	}
	d.send(out...)
	exec(t, s, `UPDATE messages SET links = 3`)
	return d, out
}

// Hits that come at once are each stored once, whatever becomes of the others: of mails
// that were opened before or are opened twice at once, that have just been accepted,
// that are in doubt, and that are gone.
func TestHitsOfAllKindsAtOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d, out := letters(t, s, 40)
		before, fresh, doubtful, gone := out[0], out[1], out[2], out[3]
		d.now = d.now.Add(time.Hour)
		d.openMail(before, 0, campaign.Hit{UserAgent: person})
		exec(t, s, `UPDATE messages SET done_at = $2, handoff_at = $2 WHERE id = $1`, fresh.ID, campaign.Micros(d.now))
		exec(t, s, `UPDATE messages SET state = 'uncertain', done_at = NULL WHERE id = $1`, doubtful.ID)
		exec(t, s, `DELETE FROM messages WHERE id = $1`, gone.ID)
		hit := campaign.Hit{At: d.now.Add(time.Second), UserAgent: person}
		var all sync.WaitGroup
		for range 3 {
			for _, o := range out {
				all.Go(func() {
					if err := s.Opened(t.Context(), o.ID, hit); err != nil {
						t.Error(err)
					}
				})
				all.Go(func() {
					if err := s.Clicked(t.Context(), o.ID, 1, hit); err != nil {
						t.Error(err)
					}
				})
			}
		}
		all.Wait()
		is(t, s, []string{"click 3 39", "open 3 38", "open 4 1"}, `SELECT kind, n, count(*) FROM (SELECT message_id, kind, count(*) AS n FROM hits GROUP BY message_id, kind) x GROUP BY kind, n ORDER BY kind, n`)
		is(t, s, []string{"click scanner", "open prefetch"}, `SELECT DISTINCT kind, grade FROM hits WHERE message_id = $1 ORDER BY kind`, fresh.ID)
		is(t, s, []string{"accepted evidence"}, `SELECT state, reason FROM messages WHERE id = $1`, doubtful.ID)
		at, earlier := campaign.Micros(hit.At), campaign.Micros(d.now)
		is(t, s, []string{fmt.Sprint(earlier, " ", at), fmt.Sprint(at, " ", at)}, `SELECT DISTINCT opened_at, clicked_at FROM messages WHERE id <> $1 ORDER BY opened_at`, fresh.ID)
		is(t, s, []string{fmt.Sprint("- ", at, " ", at)}, `SELECT CASE WHEN opened_at IS NULL AND clicked_at IS NULL THEN '-' END, machine_opened_at, machine_clicked_at FROM messages WHERE id = $1`, fresh.ID)
	})
}

// A hit that meets the erasure of its customer waits for it, and is not kept: nothing
// of one who was erased stays behind.
func TestHitMeetsErasure(t *testing.T) {
	t.Parallel()
	for name, opened := range map[string]bool{"the first": false, "another": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := storetest.Postgres(t)
			d, out := letters(t, s, 1)
			d.now = d.now.Add(time.Hour)
			if opened {
				d.openMail(out[0], 0, campaign.Hit{UserAgent: person})
			}
			tx, err := store.RawDB(s).BeginTx(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer tx.Rollback()
			var pid int
			if err := tx.QueryRow(`SELECT pg_backend_pid()`).Scan(&pid); err != nil {
				t.Fatal(err)
			}
			if _, err := tx.Exec(`DELETE FROM customers`); err != nil {
				t.Fatal(err)
			}
			stored := make(chan error, 1)
			go func() {
				stored <- s.Opened(context.WithoutCancel(t.Context()), out[0].ID, campaign.Hit{At: d.now, UserAgent: person})
			}()
			waitBlocked(t, s, pid)
			if err := tx.Commit(); err != nil {
				t.Fatal(err)
			}
			if err := <-stored; err != nil {
				t.Error(err)
			}
			is(t, s, []string{"0 0"}, `SELECT (SELECT count(*) FROM messages), (SELECT count(*) FROM hits)`)
		})
	}
}

// A hit relies on the mark of one before it, which is regraded at that moment: neither
// sees the other. The mark is made when the hit is settled.
func TestLostMarkIsMended(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d, o := letter(t, s, map[string]string{"x": onGo("steps: [ { send: one } ]")})
		d.openMail(o, time.Hour, campaign.Hit{UserAgent: person})
		exec(t, s, `UPDATE messages SET opened_at = NULL`) // what the other has done
		d.marks("")
		d.settle(time.Minute)
		d.marks("opened")
	})
}
