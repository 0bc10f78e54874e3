package queue_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"tidings/internal/campaign"
	"tidings/internal/queue"
)

func within(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// engine is a Redis to test on: the embedded one, or that of TEST_REDIS_URL.
type engine struct{ url, store string }

// each runs a test on both engines, each time for a store of its own.
func each(t *testing.T, f func(*testing.T, engine)) {
	t.Helper()
	t.Run("embedded", func(t *testing.T) {
		t.Parallel()
		f(t, engine{"", "test-" + rand.Text()})
	})
	t.Run("redis", func(t *testing.T) {
		t.Parallel()
		e := engine{os.Getenv("TEST_REDIS_URL"), "test-" + rand.Text()}
		if e.url == "" {
			t.Skip("TEST_REDIS_URL is not set")
		}
		t.Cleanup(func() { sweep(t, e) })
		f(t, e)
	})
}

// sweep deletes the keys of a test's store.
func sweep(t *testing.T, e engine) {
	o, err := redis.ParseURL(e.url)
	if err != nil {
		t.Fatal(err)
	}
	c := redis.NewClient(o)
	defer c.Close()
	ctx := within(t)
	for keys := c.Scan(ctx, 0, "*"+e.store+"*", 1000).Iterator(); keys.Next(ctx); {
		c.Del(ctx, keys.Val())
	}
	for _, lane := range []campaign.Lane{campaign.LaneBulk, campaign.LaneTransactional} {
		c.SRem(ctx, "asynq:queues", string(lane)+"-"+e.store)
	}
}

func (e engine) open(t testing.TB, options ...queue.Option) *queue.Queue {
	t.Helper()
	q, err := queue.Open(within(t), e.url, e.store, quiet(), options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := q.Close(); err != nil {
			t.Error(err)
		}
	})
	return q
}

func mustServe(t testing.TB, q *queue.Queue, h queue.Handlers) *queue.Server {
	t.Helper()
	s, err := q.Serve(context.Background(), h)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(within(t)); err != nil {
			t.Error(err)
		}
	})
	return s
}

func mustEnqueue(t testing.TB, q *queue.Queue, lane campaign.Lane, slices ...int64) {
	t.Helper()
	for _, n := range slices {
		if err := q.Enqueue(within(t), lane, n); err != nil {
			t.Fatal(err)
		}
	}
}

func mustDepth(t testing.TB, q *queue.Queue) map[campaign.Lane]int {
	t.Helper()
	d, err := q.Depth(within(t))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// collect is a handler that passes slices on.
func collect(to chan<- int64) queue.Handler {
	return func(_ context.Context, slice int64) error {
		to <- slice
		return nil
	}
}

func receive[T any](t testing.TB, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-within(t).Done():
		t.Fatal("nothing came")
	}
	panic("unreachable")
}

func TestLanes(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, e engine) {
		q := e.open(t)
		if q.Embedded() != (e.url == "") {
			t.Error("embedded:", q.Embedded())
		}
		mustEnqueue(t, q, campaign.LaneBulk, 1, 2, 3, 2, 1)
		mustEnqueue(t, q, campaign.LaneTransactional, 9)
		if d := mustDepth(t, q); d[campaign.LaneBulk] != 3 || d[campaign.LaneTransactional] != 1 {
			t.Error("depth", d)
		}
		bulk, transactional := make(chan int64, 9), make(chan int64, 9)
		s := mustServe(t, q, queue.Handlers{Bulk: collect(bulk), Transactional: collect(transactional), BulkWorkers: 2})
		seen := map[int64]int{}
		for range 3 {
			seen[receive(t, bulk)]++
		}
		if len(seen) != 3 || receive(t, transactional) != 9 {
			t.Error("seen", seen)
		}
		if err := s.Stop(within(t)); err != nil {
			t.Fatal(err)
		}
		if len(bulk)+len(transactional) != 0 {
			t.Error("a slice came twice")
		}
		if d := mustDepth(t, q); d[campaign.LaneBulk]+d[campaign.LaneTransactional] != 0 {
			t.Error("depth after all", d)
		}
		// What has been worked may come again: its id is free.
		mustEnqueue(t, q, campaign.LaneBulk, 1)
		if d := mustDepth(t, q); d[campaign.LaneBulk] != 1 {
			t.Error("depth", d)
		}
	})
}

func TestUnknownLane(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, e engine) {
		if err := e.open(t).Enqueue(within(t), "express", 1); err == nil {
			t.Error("no error")
		}
	})
}

// Who serves hears of what another process puts in: with an hour between two
// looks nothing else would find it.
func TestCall(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, e engine) {
		if e.url == "" {
			return // nobody else is there
		}
		relay, worker := e.open(t), e.open(t, queue.WithPoll(time.Hour))
		done := make(chan int64)
		mustServe(t, worker, queue.Handlers{Bulk: collect(done)})
		for n := range int64(5) {
			mustEnqueue(t, relay, campaign.LaneBulk, n)
			receive(t, done)
			for mustDepth(t, relay)[campaign.LaneBulk] > 0 { // not acknowledged yet
				if t.Context().Err() != nil {
					t.Fatal("never acknowledged")
				}
			}
			for range 100 { // it looks once more, and finds nothing
				mustDepth(t, relay)
			}
		}
	})
}

// One task after the other, each enqueued when the one before is done: with the
// poll alone each would take as long as that.
func TestWake(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, e engine) {
		q := e.open(t)
		done := make(chan int64)
		mustServe(t, q, queue.Handlers{Bulk: collect(done)})
		begun := time.Now()
		for n := range int64(40) {
			mustEnqueue(t, q, campaign.LaneBulk, n)
			if got := receive(t, done); got != n {
				t.Fatal(got, n)
			}
		}
		if took := time.Since(begun); took > 5*time.Second {
			t.Errorf("40 tasks one by one took %s", took)
		}
	})
}

func TestSharedRedis(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, e engine) {
		if e.url == "" {
			return // nobody shares the embedded one
		}
		other := engine{e.url, e.store + "-b"}
		t.Cleanup(func() { sweep(t, other) })
		a, b, c := e.open(t), other.open(t), e.open(t)
		mustEnqueue(t, a, campaign.LaneBulk, 1)
		mustEnqueue(t, b, campaign.LaneBulk, 1, 2)
		if da, db := mustDepth(t, a), mustDepth(t, b); da[campaign.LaneBulk] != 1 || db[campaign.LaneBulk] != 2 {
			t.Error(da, db)
		}
		got := make(chan int64, 9)
		mustServe(t, c, queue.Handlers{Bulk: collect(got)})
		if receive(t, got) != 1 {
			t.Error("wrong slice")
		}
		mustEnqueue(t, a, campaign.LaneBulk, 7)
		if receive(t, got) != 7 {
			t.Error("wrong slice")
		}
		ea, err := a.Epoch(within(t))
		eb, err2 := b.Epoch(within(t))
		if err != nil || err2 != nil || ea == eb {
			t.Error("epochs", ea, eb, err, err2)
		}
	})
}

func TestEpoch(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, e engine) {
		q := e.open(t)
		first, err := q.Epoch(within(t))
		if err != nil || len(first) < 20 {
			t.Fatal(first, err)
		}
		if again, err := q.Epoch(within(t)); err != nil || again != first {
			t.Fatal(again, err)
		}
		if err := q.Lose(within(t)); err != nil {
			t.Fatal(err)
		}
		if second, err := q.Epoch(within(t)); err != nil || second == first {
			t.Error(second, err)
		}
	})
}

func TestErrorsComeAgainAndTellNothing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, e engine) {
		q := e.open(t)
		called := make(chan int64, 9)
		s := mustServe(t, q, queue.Handlers{
			Bulk: func(_ context.Context, n int64) error {
				called <- n
				if n == 2 {
					panic("s3cret@shop.example")
				}
				return errors.New("database: s3cret@shop.example")
			},
		})
		mustEnqueue(t, q, campaign.LaneBulk, 1, 2)
		receive(t, called)
		receive(t, called)
		if err := s.Stop(within(t)); err != nil {
			t.Fatal(err)
		}
		if d := mustDepth(t, q); d[campaign.LaneBulk] != 2 {
			t.Error("depth", d)
		}
		all, err := q.Contents(within(t))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(all, `{"slice":1}`) || strings.Contains(all, "s3cret") || strings.Contains(all, "shop.example") {
			t.Errorf("redis holds %q", all)
		}
		delays, err := q.RetryDelays(within(t))
		if err != nil || len(delays) != 2 {
			t.Fatal(delays, err)
		}
		for _, d := range delays {
			if d < 5*time.Second || d > 31*time.Second {
				t.Errorf("comes again after %s", d)
			}
		}
	})
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ url, store, hint string }{
		{"", "", "store id"},
		{"", "a b", "store id"},
		{"redis://u:s3cret#@h:1", "x", "percent-encode"},
		{"http://u:s3cret@h", "x", "rediss://"},
		{"redis://u:s3cret@127.0.0.1:1", "x", "REDIS_URL"},
	} {
		q, err := queue.Open(within(t), tt.url, tt.store, quiet())
		if err == nil {
			_ = q.Close()
			t.Errorf("%q %q: no error", tt.url, tt.store)
			continue
		}
		if !strings.Contains(err.Error(), tt.hint) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%q %q: %v", tt.url, tt.store, err)
		}
	}
}

func BenchmarkTasks(b *testing.B) {
	q, err := queue.Open(b.Context(), "", "bench", quiet())
	if err != nil {
		b.Fatal(err)
	}
	done := make(chan int64, 100)
	s, err := q.Serve(b.Context(), queue.Handlers{Bulk: collect(done), BulkWorkers: 4})
	if err != nil {
		b.Fatal(err)
	}
	var n int64
	for b.Loop() {
		n++
		if err := q.Enqueue(b.Context(), campaign.LaneBulk, n); err != nil {
			b.Fatal(err)
		}
		<-done
	}
	if err := errors.Join(s.Stop(within(b)), q.Close()); err != nil {
		b.Fatal(fmt.Errorf("stop: %w", err))
	}
}
