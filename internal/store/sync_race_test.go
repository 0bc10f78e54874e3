package store_test

import (
	"strings"
	"testing"

	"tidings/internal/store/storetest"
)

// While a deploy that pauses a campaign is being stored, the relay lets out more of it
// and a worker claims that: it is taken back too, and not handed over.
func TestPauseByFileMeetsClaim(t *testing.T) {
	t.Parallel()
	s := storetest.Postgres(t)
	files := map[string]string{"x": onGo(sendOne)}
	d := pending(t, s, files, 2)
	d.sched.Relay.MaxQueued = 1
	tx, pid := other(t, s, `SELECT id FROM campaigns FOR NO KEY UPDATE`)
	files["x"] = strings.Replace(files["x"], "status: active", "status: paused", 1)
	old := d.sched.Catalog
	d.load(files)
	paused := d.sched.Catalog
	d.Use(old) // the worker's process has the old files
	done := make(chan error, 1)
	go func() { done <- s.Sync(t.Context(), paused, d.now) }()
	waitBlocked(t, s, pid)
	d.relay()
	o := d.one(d.claim())
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if d.handoff(o) {
		t.Error("handed over by a campaign that its file has paused")
	}
	is(t, s, []string{"pending 0 2"}, `SELECT state, max(attempt), count(*) FROM messages GROUP BY state`)
}
