package cli

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"tidings/internal/grade"
	"tidings/internal/store/storetest"
)

// The scheduler looks once the hits that have come can be settled, and not for every
// one of them.
func TestSchedulerLooksOnceHitsCanBeSettled(t *testing.T) {
	t.Parallel()
	s := storetest.SQLite(t)
	synctest.Test(t, func(t *testing.T) {
		looks := 0
		tr := newTracking(s, func() { looks++ })
		want := func(n int, after time.Duration) {
			t.Helper()
			time.Sleep(after)
			synctest.Wait()
			if looks != n {
				t.Errorf("%d looks, want %d", looks, n)
			}
		}
		if err := tr.told(errors.New("not stored")); err == nil {
			t.Error("the error is lost")
		}
		want(0, time.Minute)
		for range 100 {
			if err := tr.told(nil); err != nil {
				t.Error(err)
			}
		}
		want(0, grade.Burst)
		tr.told(nil) // the first look comes too soon for this one
		want(1, 2*time.Second)
		want(2, grade.Burst+time.Second)
		want(2, time.Hour)
		tr.told(nil)
		want(3, time.Hour)
	})
}
