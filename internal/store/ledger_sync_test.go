package store_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/store"
	"tidings/internal/store/storetest"
)

// change loads another text of campaign x, and ticks.
func (d *desk) change(text string) {
	d.t.Helper()
	d.load(map[string]string{"x": text})
	d.tick(time.Minute)
}

// Passes in flight keep to their step, not to its place in the file.
func TestStepsChange(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newDesk(t, s, map[string]string{"x": onGo("steps: [ { send: one }, { wait: 1d }, { send: two } ]")})
		d.join("ana")
		d.track("ana", "Go", "")
		d.send(d.one(d.work(time.Minute)))
		d.tick(time.Minute)
		d.passes("ana x running at wait-1")
		woken := table(t, s, `SELECT wake_at FROM enrollments`)

		// A step before is not gone back to; one after is taken.
		d.change(onGo("steps: [ { send: three }, { send: one }, { wait: 1d }, { send: two }, { send: four } ]"))
		d.messages("ana one accepted")
		is(t, s, woken, `SELECT wake_at FROM enrollments`)

		// Its wait is gone: on to the next step that is there, at the moment that
		// it waited for.
		d.change(onGo("steps: [ { send: one }, { send: four } ]"))
		d.messages("ana one accepted")
		d.passes("ana x running at >four")
		is(t, s, woken, `SELECT wake_at FROM enrollments`)
		d.tick(24 * time.Hour)
		d.messages("ana one accepted", "ana four pending")
		d.passes("ana x running at four")

		// So is that one: the end.
		d.change(onGo("steps: [ { send: one } ]"))
		d.messages("ana one accepted", "ana four cancelled step_removed")
		d.passes("ana x finished")
		is(t, s, []string{"4"}, `SELECT count(*) FROM campaign_versions v JOIN campaigns k ON k.id = v.campaign_id WHERE k.name <> 'tidings.service'`)
	})
}

// A wait's length is edited while passes stand at it: they keep the moment that
// they wait for, whichever way it went, and those that come later have the new
// length.
func TestWaitEdited(t *testing.T) {
	t.Parallel()
	for name, length := range map[string]string{"longer": "8d", "shorter": "1h", "until": "{ until: 09:00 }"} {
		t.Run(name, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, s *store.Store) {
				d := newDesk(t, s, map[string]string{"x": onGo("steps: [ { send: one }, { wait: 7d }, { send: two } ]")})
				d.join("ana")
				d.track("ana", "Go", "")
				d.send(d.one(d.work(time.Minute)))
				d.tick(time.Minute)
				woken := table(t, s, `SELECT wake_at FROM enrollments`)
				d.change(onGo("steps: [ { send: one }, { wait: " + length + " }, { send: two } ]"))
				is(t, s, woken, `SELECT wake_at FROM enrollments`)
				d.tick(7*24*time.Hour - 3*time.Minute)
				d.messages("ana one accepted")
				d.passes("ana x running at wait-1")
				d.tick(3 * time.Minute)
				d.messages("ana one accepted", "ana two pending")
			})
		})
	}
}

// Where a wait is taken out before another, the places of those behind it move:
// nobody is mailed before the moment that they wait for.
func TestWaitTakenOut(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newDesk(t, s, map[string]string{"x": onGo("steps: [ { wait: 1m }, { send: one }, { wait: 7d }, { send: two } ]")})
		d.join("ana")
		d.track("ana", "Go", "")
		d.tick(time.Minute)
		d.send(d.one(d.work(time.Minute)))
		d.tick(time.Minute)
		d.passes("ana x running at wait-2")
		d.change(onGo("steps: [ { send: one }, { wait: 7d }, { send: two } ]"))
		d.tick(6 * 24 * time.Hour)
		d.messages("ana one accepted")
		d.tick(24 * time.Hour)
		d.messages("ana one accepted", "ana two pending")
	})
}

// Two changes in a row, the campaign being paused, so that no pass moves between.
func TestStepsChangeTwice(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		paused := func(text string) string { return strings.Replace(text, "status: active", "status: paused", 1) }
		d := newDesk(t, s, map[string]string{"x": onGo("steps: [ { send: one }, { send: two }, { send: three } ]")})
		d.join("ana")
		d.track("ana", "Go", "")
		d.tick(time.Minute)
		d.change(paused(onGo("steps: [ { send: two }, { send: three } ]")))
		d.passes("ana x running at >two")
		d.change(paused(onGo("steps: [ { send: three } ]")))
		d.passes("ana x running at >three")
		d.change(onGo("steps: [ { send: three } ]"))
		d.messages("ana one cancelled step_removed", "ana three pending")
		d.change(paused(onGo("steps: [ { send: three } ]")))
		d.change(paused(onGo("steps: [ { send: four } ]")))
		d.passes("ana x finished")
	})
}

// Steps that change places lead a pass to one whose mail it has had: it goes on.
func TestStepsChangePlaces(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newDesk(t, s, map[string]string{"x": onGo("steps: [ { send: one }, { send: two }, { send: three } ]")})
		d.join("ana")
		d.track("ana", "Go", "")
		d.send(d.one(d.work(time.Minute)))
		d.send(d.one(d.work(time.Minute)))
		d.change(onGo("steps: [ { send: two }, { send: one }, { send: three } ]"))
		d.passes("ana x running at one")
		d.tick(time.Minute)
		d.passes("ana x running at three")
		d.messages("ana one accepted", "ana two accepted", "ana three pending")
	})
}

// A step that goes while its mail is handed over: the mail is sent, the pass has
// gone on.
func TestStepRemovedInHandoff(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newDesk(t, s, map[string]string{"x": onGo("steps: [ { send: one }, { send: two } ]")})
		d.join("ana", "ben")
		d.track("ana", "Go", "")
		d.track("ben", "Go", "")
		out := d.work(time.Minute)
		d.handoff(out[0])
		d.handoff(out[1])
		d.change(onGo("steps: [ { send: two } ]"))
		d.result(out[0], campaign.WasAccepted)
		d.result(out[1], campaign.WasUncertain)
		d.messages("ana one accepted", "ana two pending", "ben one uncertain", "ben two pending")
		d.sweep(16 * time.Minute)
		d.relay()
		if got := d.claim(); len(got) != 2 {
			t.Errorf("%d claimed, want the second step's", len(got))
		}
		d.messages("ana one accepted", "ana two claimed", "ben one cancelled step_removed", "ben two claimed")
	})
}

func TestRename(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		const shared = "re_entry: never\nholdout: 40%\n" + twoSteps
		d := newDesk(t, s, map[string]string{"old": onGo(shared)})
		who := names(12)
		d.join(who...)
		for _, name := range who {
			d.track(name, "Go", "")
		}
		d.tick(time.Minute)
		before := table(t, s, `SELECT customer_id, state FROM enrollments ORDER BY customer_id`)
		d.load(map[string]string{"new": onGo("was: old", shared), "other": onGo(shared)})
		d.tick(time.Minute)
		is(t, s, []string{"new old -", "other other -"}, `SELECT name, seed, removed_at FROM campaigns WHERE name <> 'tidings.service' ORDER BY name`)
		is(t, s, before, `SELECT customer_id, state FROM enrollments ORDER BY customer_id`)
		d.now = d.now.Add(time.Minute)
		for _, name := range who {
			d.track(name, "Go", "")
		}
		decided := d.tick(time.Minute)
		if decided["new"].Entered != 0 || decided["new"].Held[campaign.HeldReEntry] < 12 || decided["other"].Entered != 12 {
			t.Errorf("%+v", decided)
		}
		// The first name's lots hold: in the other campaign others are held out.
		held := table(t, s, `SELECT k.name, count(*) FROM enrollments e JOIN campaigns k ON k.id = e.campaign_id WHERE e.state = 'held_out' GROUP BY k.name ORDER BY k.name`)
		if len(held) != 2 {
			t.Errorf("held out %q", held)
		}
		d.relay()
		if out := d.claim(); len(out) == 0 || out[0].Campaign != "new" {
			t.Errorf("claimed %d", len(out))
		}
	})
}

// A file that goes takes its passes with it; coming back it starts anew, and
// nobody enters for what they have entered for.
func TestRemovedAndBack(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		text := onGo(twoSteps)
		d := newDesk(t, s, map[string]string{"x": text, "y": onGo("steps: [ { wait: 2d }, { send: two } ]")})
		d.join("ana")
		d.track("ana", "Go", "")
		d.tick(time.Minute)
		d.load(nil)
		d.tick(time.Minute)
		d.passes("ana x exited campaign_removed", "ana y exited campaign_removed")
		d.messages("ana one cancelled campaign_removed")
		d.change(text)
		d.messages("ana one cancelled campaign_removed")
		d.track("ana", "Go", "")
		d.tick(time.Minute)
		d.messages("ana one cancelled campaign_removed", "ana one pending")
		is(t, s, []string{"x -", "y gone"}, `SELECT name, CASE WHEN removed_at IS NOT NULL THEN 'gone' END FROM campaigns WHERE name <> 'tidings.service' ORDER BY name`)
	})
}

// A worker whose workspace is not the scheduler's judges nothing.
func TestClaimByAnotherVersion(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := pending(t, s, map[string]string{"x": onGo("steps: [ { send: one } ]")}, 1)
		d.relay()
		for _, other := range []map[string]string{nil, {"x": onGo("steps: [ { send: two } ]")}} {
			d.load(other) // not synced
			if out, err := s.Claim(t.Context(), d.queue.slices[0].ID, 5, d.now); err == nil {
				t.Errorf("%d claimed", len(out))
			}
			is(t, s, []string{"queued 0"}, `SELECT state, token FROM messages`)
		}
		d.load(map[string]string{"x": onGo("steps: [ { send: one }, { send: two } ]")})
		d.one(d.claim())
	})
}

// active_from is put off or brought forward as long as it has not come.
func TestActiveFromChanges(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		from := func(day int) string { return onGo(fmt.Sprintf("active_from: 2026-03-%02dT00:00:00Z", day), twoSteps) }
		d := newDesk(t, s, map[string]string{"x": from(20)})
		d.join("ana")
		d.change(from(3))
		d.track("ana", "Go", "")
		d.tick(40 * time.Hour) // 4 March
		d.messages()
		d.track("ana", "Go", "")
		d.tick(time.Minute)
		d.messages("ana one pending")
		is(t, s, []string{fmt.Sprint(campaign.Micros(time.Date(2026, 3, 3, 0, 0, 0, 0, time.UTC)))}, `SELECT activated_at FROM campaigns WHERE name <> 'tidings.service'`)
		d.change(onGo(twoSteps)) // once it was active the past stays
		is(t, s, []string{fmt.Sprint(campaign.Micros(time.Date(2026, 3, 3, 0, 0, 0, 0, time.UTC)))}, `SELECT activated_at FROM campaigns WHERE name <> 'tidings.service'`)
	})
}
