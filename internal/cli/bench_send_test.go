package cli_test

import (
	"encoding/json"
	"os"
	"testing"

	"tidings/internal/bench"
)

// All mails that the benchmark decides are sent once, on both engines, and what
// they cost is told by part.
func TestBenchSend(t *testing.T) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		benchSend(t, sqliteURL(t), "", "--tls", "--bare", "0")
	})
	t.Run("postgres-redis", func(t *testing.T) {
		t.Parallel()
		address, redis := os.Getenv("TEST_DATABASE_URL"), os.Getenv("TEST_REDIS_URL")
		if address == "" || redis == "" {
			t.Skip("TEST_DATABASE_URL or TEST_REDIS_URL is not set")
		}
		benchSend(t, address, redis, "--workers", "2", "--delay", "1ms", "--bare", "50")
	})
}

func benchSend(t *testing.T, database, redis string, more ...string) {
	s := newShop(t, database)
	s.env["REDIS_URL"] = redis
	out, err := s.process(program(t), append([]string{"bench", "send", "--json", "--messages", "300", "--connections", "6"}, more...)...).Output()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var f bench.SendFigures
	if err := json.Unmarshal(out, &f); err != nil {
		t.Fatal(err)
	}
	sent := 0
	for _, e := range f.Each {
		sent += e.Messages
	}
	if f.Messages != 300 || f.Accepted != 300 || f.Proof.IDs != 300 || f.Proof.Mails != 300 || sent != 300 || f.PerSecond <= 0 ||
		f.Peak <= 0 || f.CPU.Worker <= 0 || f.MailBytes < 6000 || f.MailBytes > 9000 {
		t.Errorf("%s", out)
	}
	if bare := f.Baseline; (bare.Messages > 0) != (bare.PerSecond > 0) {
		t.Errorf("%+v", bare)
	}
}
