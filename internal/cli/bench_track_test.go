package cli_test

import (
	"encoding/json"
	"testing"

	"tidings/internal/bench"
	"tidings/internal/store/storetest"
)

// The benchmark fails by itself unless every hit that it had an answer to is stored.
func TestBenchTrack(t *testing.T) {
	t.Parallel()
	for name, url := range map[string]func(testing.TB) string{
		"sqlite":   func(t testing.TB) string { return "sqlite:" + storetest.SQLiteFile(t) },
		"postgres": storetest.PostgresURL,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &shop{env: map[string]string{"DATABASE_URL": url(t)}}
			var f bench.TrackFigures
			if err := json.Unmarshal([]byte(s.run(t, "bench", "track", "--messages", "50", "--connections", "4", "--time", "50ms", "--json")), &f); err != nil {
				t.Fatal(err)
			}
			if f.Engine != name || f.OpensPerSecond <= 0 || f.ClicksPerSecond <= 0 || f.P99 <= 0 || f.Settled <= 0 ||
				f.Baseline.Bare.PerSecond <= 0 || f.Baseline.Insert.PerSecond <= 0 {
				t.Errorf("%+v", f)
			}
		})
	}
}
