package bench_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"tidings/internal/bench"
)

// All that is measured can be measured, on both engines, and gives the members
// that hand-written statements give.
func TestEvaluate(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) { evaluate(t, "sqlite:"+filepath.Join(t.TempDir(), "any.db")) })
	t.Run("postgres", func(t *testing.T) {
		address := os.Getenv("TEST_DATABASE_URL")
		if address == "" {
			t.Skip("TEST_DATABASE_URL is not set")
		}
		evaluate(t, address)
	})
}

func evaluate(t *testing.T, address string) {
	f, err := bench.Evaluate(context.Background(), bench.Options{DatabaseURL: address, Customers: 1000, Events: 20_000, Runs: 1, Explain: true})
	if err != nil {
		t.Fatal(err)
	}
	if f.Members == 0 || f.Hand == 0 || len(f.Forms) != 3 || len(f.Ticks) != 1 || f.Ticks[0].Entered == 0 || f.Entered == 0 || len(f.Plans) == 0 {
		t.Errorf("%+v", f)
	}
}
