package store

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tidings/internal/campaign"
)

// A round of the relay costs no more for a pace over a day than for one over a minute,
// and what was let out counts for no less than its time.
func TestLongPaceIsReadInParts(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "db"), Options{Throwaway: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 3, 0, 0, 0, 0, time.UTC)
	begin, rows := now.Add(-20*time.Hour), 40_000
	values := make([]string, rows)
	for i := range values {
		values[i] = fmt.Sprintf("('%s', %d, 2)", providerKey, campaign.Micros(begin.Add(time.Duration(i)*time.Second)))
	}
	if _, err := s.db.Exec(`INSERT INTO spent (key, at, n) VALUES ` + strings.Join(values, ", ")); err != nil {
		t.Fatal(err)
	}
	l := &limits{now: now}
	l.provider = l.allow(providerKey, campaign.Pace{Max: 2 * rows, Per: 24 * time.Hour}, campaign.Throttle{})
	if err := l.read(t.Context(), s, s.db); err != nil {
		t.Fatal(err)
	}
	if n := len(l.provider.spent); n > parts+1 {
		t.Errorf("%d entries read, want at most %d", n, parts+1)
	}
	first, open := begin.Add(24*time.Hour), l.provider.opens(now)
	if l.provider.room != 0 || open.Before(first) || open.After(first.Add(24*time.Hour/parts)) {
		t.Errorf("room %d, open at %s, want none before %s and not long after", l.provider.room, open, first)
	}
}
