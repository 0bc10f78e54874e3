package store_test

import (
	"errors"
	"testing"
	"time"

	"tidings/internal/store"
	"tidings/internal/store/storetest"
)

// A workspace that lacks most of the campaigns in which customers are is refused and
// changes nothing, until somebody says that the files are gone for good. One file of
// a few, a rename and campaigns in which nobody is go without a word.
func TestSyncWrongWorkspace(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		files := map[string]string{"go": onGo(twoSteps), "more": onGo(twoSteps), "idle": "status: active\ntopic: offers\ntrigger: { event: { name: Never } }\nsteps: [ { send: one } ]\n"}
		d := newDesk(t, s, files)
		d.join("ada")
		d.track("ada", "Go", "")
		d.send(d.work(0)...)
		other := map[string]string{"cart": onGo(twoSteps), "letter": onGo(twoSteps), "news": onGo(twoSteps), "idle": files["idle"]}
		d.load(other)
		d.sched.Catalog.Workspace.Name = "Another shop"
		_, err := d.sched.Tick(t.Context(), d.now.Add(time.Minute))
		var wrong *store.RemovalError
		if !errors.As(err, &wrong) || wrong.Gone != 2 || wrong.Of != 3 || wrong.Passes != 2 || len(wrong.Missing) != 2 {
			t.Fatalf("another workspace: %v", err)
		}
		d.passes("ada go running at one", "ada more running at one")
		if names, err := s.Loaded(t.Context()); err != nil || len(names) != 3 {
			t.Errorf("loaded: %v, %v", names, err)
		}
		// The same workspace may lose what it likes.
		d.load(map[string]string{"was": onGo("was: go", twoSteps), "cart": onGo(twoSteps)})
		d.tick(2 * time.Minute)
		d.passes("ada was running at wait-1", "ada more exited campaign_removed")
	})
}

func TestSyncRemoveMissing(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newDesk(t, s, map[string]string{"go": onGo(twoSteps), "more": onGo(twoSteps)})
		d.join("ada")
		d.track("ada", "Go", "")
		d.tick(0)
		s.RemoveMissing()
		d.load(map[string]string{"cart": onGo(twoSteps)})
		d.sched.Catalog.Workspace.Name = "Another shop"
		d.tick(time.Minute)
		d.passes("ada go exited campaign_removed", "ada more exited campaign_removed")
		d.sound()
	})
}
