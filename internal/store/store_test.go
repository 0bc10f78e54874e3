package store_test

import (
	"context"
	"path/filepath"
	"sync"
	"testing"

	"tidings/internal/store"
	"tidings/internal/store/storetest"
)

func TestMigrateAtOnce(t *testing.T) {
	urls := map[string]func(t *testing.T) string{
		"sqlite":   func(t *testing.T) string { return "sqlite:" + filepath.Join(t.TempDir(), "a.db") },
		"postgres": func(t *testing.T) string { return storetest.BarePostgresURL(t) },
	}
	for name, address := range urls {
		t.Run(name, func(t *testing.T) {
			ctx := context.Background()
			u := address(t)
			var wg sync.WaitGroup
			ids := make([]string, 4)
			for i := range ids {
				wg.Go(func() {
					s, err := store.Open(ctx, u, store.Options{})
					if err != nil {
						t.Error(err)
						return
					}
					defer s.Close()
					if err := s.Migrate(ctx); err != nil {
						t.Error(err)
					}
					ids[i] = s.ID()
				})
			}
			wg.Wait()
			for _, id := range ids {
				if id == "" || id != ids[0] {
					t.Errorf("ids of one store differ: %q", ids)
				}
			}
		})
	}
}

func TestOpenRefuses(t *testing.T) {
	for _, u := range []string{"mysql://x", "sqlite:", "postgres://u:sesame@:notaport/x", ""} {
		s, err := store.Open(context.Background(), u, store.Options{})
		if err == nil {
			s.Close()
			t.Errorf("%q was opened", u)
		}
	}
}
