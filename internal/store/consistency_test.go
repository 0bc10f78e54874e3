package store_test

import (
	"strings"
	"testing"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/store"
	"tidings/internal/store/storetest"
)

// ledgerOfAll is a desk whose ledger has a message in every state, which breaks no
// rule, by the state.
func ledgerOfAll(t *testing.T, s *store.Store) (*desk, map[campaign.State]int64) {
	d := newDesk(t, s, map[string]string{"go": onGo("steps: [ { send: one } ]"), "more": onGo("holdout: 100%", "steps: [ { send: one } ]")})
	names := []string{"accepted", "failed", "cancelled", "uncertain", "handoff", "claimed", "queued", "pending"}
	d.join(names...)
	for _, name := range names[:6] {
		d.track(name, "Go", "")
	}
	for _, o := range d.work(0) {
		switch o.Customer.ExternalID {
		case "accepted":
			d.send(o)
		case "failed":
			d.result(o, campaign.WasFailed, func(r *campaign.Result) { r.Reason = "content" })
		case "cancelled":
			d.act(store.ActCancel, named(o.ID), 1)
		case "uncertain":
			d.doubt(o)
		case "handoff":
			d.handoff(o)
		}
	}
	d.track("queued", "Go", "")
	d.tick(0)
	d.relay()
	d.track("pending", "Go", "")
	d.tick(0)
	ids := map[campaign.State]int64{}
	for _, name := range names {
		id := d.id(name)
		if got := d.column(id, "state"); got != name {
			t.Fatalf("%s is %s", name, got)
		}
		ids[campaign.State(name)] = id
	}
	return d, ids
}

// Every rule is seen to be broken by what breaks it, and by nothing else.
func TestConsistency(t *testing.T) {
	for _, c := range []struct {
		rule   string
		state  campaign.State // of the message that is changed
		change string         // its id is $1
		also   string         // other rules that break with it
		free   string         // the key that keeps it from happening, taken away on PostgreSQL
	}{
		{rule: "done", state: campaign.Accepted, change: `UPDATE messages SET done_at = NULL WHERE id = $1`},
		{rule: "done", state: campaign.Pending, change: `UPDATE messages SET done_at = 1 WHERE id = $1`},
		{rule: "accepted", state: campaign.Accepted, change: `UPDATE messages SET smtp_code = 451 WHERE id = $1`},
		{rule: "claimed", state: campaign.Claimed, change: `UPDATE messages SET lease_until = NULL WHERE id = $1`},
		{rule: "handoff", state: campaign.Handoff, change: `UPDATE messages SET handoff_at = NULL WHERE id = $1`},
		{rule: "queued", state: campaign.Queued, change: `UPDATE messages SET slice_id = 999 WHERE id = $1`},
		{rule: "pending", state: campaign.Pending, change: `UPDATE messages SET slice_id = 1 WHERE id = $1`},
		{rule: "uncertain", state: campaign.Uncertain, change: `UPDATE messages SET uncertain = 0 WHERE id = $1`},
		{rule: "reason", state: campaign.Cancelled, change: `UPDATE messages SET reason = '' WHERE id = $1`},
		{rule: "duplicate", state: campaign.Accepted, change: `UPDATE messages SET duplicate = TRUE WHERE id = $1`},
		{rule: "attempts", state: campaign.Accepted, change: `UPDATE messages SET attempt = 0 WHERE id = $1`},
		{rule: "once", state: campaign.Failed, free: "messages_enrollment_id_step_key", change: `INSERT INTO messages (enrollment_id, campaign_id, customer_id, step, topic, lane, state, reason, created_at, reached_at, due_at, expires_at, done_at)
			SELECT enrollment_id, campaign_id, customer_id, step, topic, lane, state, reason, created_at, reached_at, due_at, expires_at, done_at FROM messages WHERE id = $1`},
		{rule: "occurrence", state: campaign.Failed, free: "enrollments_campaign_id_key_key", also: "entries", change: `INSERT INTO enrollments (campaign_id, customer_id, key, anchor_at, entered_at, decided_at, anchor, state, ended_at)
			SELECT campaign_id, customer_id, key, anchor_at, entered_at, decided_at, anchor, 'finished', 1 FROM enrollments WHERE id = (SELECT enrollment_id FROM messages WHERE id = $1)`},
		{rule: "owner", state: campaign.Pending, change: `UPDATE messages SET customer_id = customer_id + 1000 WHERE id = $1`},
		{rule: "held_out", state: campaign.Pending, also: "owner, stuck", change: `UPDATE messages SET enrollment_id = (SELECT min(id) FROM enrollments WHERE state = 'held_out') WHERE id = $1`},
		{rule: "ended", state: campaign.Pending, change: `UPDATE enrollments SET ended_at = 1 WHERE id = (SELECT enrollment_id FROM messages WHERE id = $1)`},
		{rule: "stuck", state: campaign.Pending, change: `UPDATE messages SET state = 'failed', reason = 'content', done_at = 1 WHERE id = $1`},
		{rule: "sent_event", state: campaign.Accepted, change: `DELETE FROM events WHERE uid = 'sent:' || CAST(CAST($1 AS BIGINT) AS TEXT)`},
		{rule: "event_sent", state: campaign.Pending, change: `UPDATE events SET uid = 'sent:' || CAST(CAST($1 AS BIGINT) AS TEXT) WHERE name = 'Email Sent'`, also: "sent_event"},
		{rule: "waits", state: campaign.Pending, change: `UPDATE messages SET due_at = 1 WHERE id = $1`},
		{rule: "leases", state: campaign.Claimed, change: `UPDATE messages SET lease_until = 1 WHERE id = $1`},
		{rule: "leases", state: campaign.Queued, change: `UPDATE slices SET queued_at = 1 WHERE id = (SELECT slice_id FROM messages WHERE id = $1)`},
		{rule: "evidence", state: campaign.Uncertain, change: `UPDATE messages SET uncertain_at = 1 WHERE id = $1`},
		{rule: "entries", state: campaign.Pending, change: `UPDATE ticks SET entered = entered + 1 WHERE at = (SELECT max(at) FROM ticks WHERE campaign_id = (SELECT campaign_id FROM messages WHERE id = $1))
			AND campaign_id = (SELECT campaign_id FROM messages WHERE id = $1)`},
		{rule: "report", state: campaign.Pending, change: `UPDATE messages SET created_at = 9000000000000000 WHERE id = $1`},
	} {
		name := c.rule + " " + string(c.state)
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			each := storetest.Each
			if c.free != "" { // SQLite's keys can't be taken away
				each = func(t *testing.T, f func(*testing.T, *store.Store)) { f(t, storetest.Postgres(t)) }
			}
			each(t, func(t *testing.T, s *store.Store) {
				d, ids := ledgerOfAll(t, s)
				d.sound()
				if c.free != "" {
					table, _, _ := strings.Cut(c.free, "_")
					d.exec(`ALTER TABLE ` + table + ` DROP CONSTRAINT ` + c.free)
				}
				d.exec(c.change, ids[c.state])
				broken, rules, err := s.Consistency(t.Context(), d.now)
				if err != nil {
					t.Fatal(err)
				}
				found := false
				for _, v := range broken {
					found = found || v.Rule == c.rule
					if v.Rule != c.rule && !strings.Contains(c.also, v.Rule) {
						t.Errorf("%s is broken too: %+v", v.Rule, v)
					}
					if v.Count != 1 || len(v.IDs) != 1 || v.What == "" || v.Do == "" || v.Of == "" {
						t.Errorf("said of it: %+v", v)
					}
				}
				if !found || rules < 20 {
					t.Errorf("%s is not found broken, of %d rules: %+v", c.rule, rules, broken)
				}
			})
		})
	}
}

// Of what breaks a rule many times all are counted and the first are named. A long
// wait that something explains is none.
func TestConsistencyMany(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newDesk(t, s, map[string]string{"go": onGo("steps: [ { send: one } ]")})
		for _, name := range []string{"a", "b", "c", "d", "e", "f", "g"} {
			d.join(name)
			d.track(name, "Go", "")
		}
		d.tick(0)
		d.now = d.now.Add(61 * time.Minute)
		broken, _, err := s.Consistency(t.Context(), d.now)
		if err != nil {
			t.Fatal(err)
		}
		if len(broken) != 1 || broken[0].Rule != "waits" || broken[0].Count != 7 || len(broken[0].IDs) != 5 {
			t.Errorf("broken: %+v", broken)
		}
		if _, err := s.Pause(t.Context(), "go", "", "ann", d.now); err != nil {
			t.Fatal(err)
		}
		d.sound()
	})
}
