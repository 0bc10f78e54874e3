package store_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/store"
	"tidings/internal/store/storetest"
)

// A paused campaign decides nothing and sends nothing, takes back what is on its
// way, and wins over the file; once resumed it decides as a late tick would.
func TestPause(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		files := map[string]string{"go": onGo("max_lateness: 2d", "steps: [ { send: one } ]"), "other": onGo("steps: [ { send: one } ]")}
		d := newDesk(t, s, files)
		d.join("ada", "bob", "cyd")
		d.track("ada", "Go", "")
		d.track("bob", "Go", "")
		claimed := d.work(0)
		var mine []campaign.Outgoing
		for _, o := range claimed {
			if o.Campaign == "other" {
				d.send(o)
			} else {
				mine = append(mine, o)
			}
		}
		if !d.handoff(mine[0]) {
			t.Fatal("refused")
		}
		before, err := s.Pause(t.Context(), "go", "wrong price", "ann", d.now)
		if err != nil || !before.Since.IsZero() {
			t.Fatalf("before: %+v, %v", before, err)
		}
		if d.handoff(mine[1]) {
			t.Error("handed over after the pause")
		}
		d.commit(acceptedOf(mine[0])) // what was out is out
		since := d.now
		d.tick(time.Hour)
		if before, err = s.Pause(t.Context(), "go", "", "ann", d.now); err != nil || !before.Since.Equal(since) || before.Why != "wrong price" {
			t.Errorf("paused again: %+v, %v", before, err)
		}
		d.load(files) // a deploy
		d.track("cyd", "Go", "")
		for _, o := range d.work(0) {
			if o.Campaign != "other" {
				t.Errorf("sent by a paused campaign: %+v", o)
			}
			d.send(o)
		}
		pauses, err := s.Pauses(t.Context())
		if err != nil || len(pauses) != 1 || pauses["go"].Why != "wrong price" || !pauses["go"].Since.Equal(since) {
			t.Errorf("pauses: %+v, %v", pauses, err)
		}
		d.tick(0)
		d.sound()
		d.now = d.now.Add(24 * time.Hour)
		if before, err = s.Resume(t.Context(), "go", "ben", d.now); err != nil || before.Since.IsZero() {
			t.Errorf("resumed: %+v, %v", before, err)
		}
		d.send(d.work(0)...)
		d.messages("ada one accepted", "ada one accepted", "bob one accepted", "bob one accepted", "cyd one accepted", "cyd one accepted")
		if before, err = s.Resume(t.Context(), "go", "ben", d.now); err != nil || !before.Since.IsZero() {
			t.Errorf("resumed twice: %+v, %v", before, err)
		}
		d.tick(0)
		d.log("ann pause go 0: wrong price", "ben resume go 0: wrong price")
		d.sound()
	})
}

// What was due during a pause for longer than max_lateness does not enter.
func TestPauseTooLong(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newDesk(t, s, map[string]string{"go": onGo("max_lateness: 1h", "steps: [ { send: one } ]")})
		d.join("ada", "bob")
		if _, err := s.Pause(t.Context(), "go", "", "ann", d.now); err != nil {
			t.Fatal(err)
		}
		d.track("ada", "Go", "")
		d.tick(90 * time.Minute)
		d.track("bob", "Go", "")
		d.tick(30 * time.Minute)
		if _, err := s.Resume(t.Context(), "go", "ann", d.now); err != nil {
			t.Fatal(err)
		}
		if held := d.tick(0)["go"].Held; held[campaign.HeldTooLate] != 1 {
			t.Errorf("held: %v", held)
		}
		d.passes("bob go running at one")
	})
}

func TestPauseUnknown(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newDesk(t, s, map[string]string{"go": onGo("steps: [ { send: one } ]")})
		_, paused := s.Pause(t.Context(), "og", "", "ann", d.now)
		_, resumed := s.Resume(t.Context(), "og", "ann", d.now)
		if !errors.Is(paused, store.ErrNoCampaign) || !errors.Is(resumed, store.ErrNoCampaign) {
			t.Errorf("paused: %v, resumed: %v", paused, resumed)
		}
		if names, err := s.Loaded(t.Context()); err != nil || fmt.Sprint(names) != "[go]" {
			t.Errorf("loaded: %v, %v", names, err)
		}
		d.log()
	})
}
