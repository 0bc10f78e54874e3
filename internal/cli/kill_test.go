package cli_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"tidings/internal/mail/smtptest"
)

// killConnections is how many lines the killed process has: as many mails can
// be in doubt.
const killConnections = 6

// killMails is how many mails the killed process has to send.
func killMails(t testing.TB) int {
	t.Helper()
	text := os.Getenv("TIDINGS_KILL_MAILS")
	if text == "" {
		return 1000
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 100 {
		t.Fatalf("TIDINGS_KILL_MAILS is %q; write a number from 100 on", text)
	}
	return n
}

// stores runs f on SQLite with its own queue, and on PostgreSQL with Redis where
// there are both.
func stores(t *testing.T, f func(t *testing.T, s *shop)) {
	onSQLite(t, f)
	t.Run("postgres-redis", func(t *testing.T) {
		t.Parallel()
		url := os.Getenv("TEST_REDIS_URL")
		if url == "" {
			t.Skip("TEST_REDIS_URL is not set")
		}
		s := newShop(t, postgresURL(t))
		s.env["REDIS_URL"] = url
		s.run(t, "migrate")
		var id string
		if err := s.open(t).QueryRow("SELECT value FROM meta WHERE key = 'store_id'").Scan(&id); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { sweepRedis(t, url, id) })
		f(t, s)
	})
}

func onSQLite(t *testing.T, f func(t *testing.T, s *shop)) {
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		f(t, newShop(t, sqliteURL(t)))
	})
}

// sweepRedis deletes what a store has left in Redis.
func sweepRedis(t testing.TB, url, store string) {
	o, err := redis.ParseURL(url)
	if err != nil {
		t.Error(err)
		return
	}
	c := redis.NewClient(o)
	defer c.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for keys := c.Scan(ctx, 0, "*"+store+"*", 1000).Iterator(); keys.Next(ctx); {
		c.Del(ctx, keys.Val())
	}
	c.SRem(ctx, "asynq:queues", "bulk-"+store, "transactional-"+store)
}

// killShop has n mails to send, due at killDue, to a server.
func killShop(t testing.TB, s *shop, n int) *smtptest.Server {
	t.Helper()
	server := smtptest.New(t, smtptest.WithoutBodies())
	s.env["SMTP_URL"] = server.URL()
	s.env["SMTP_CONNECTIONS"] = strconv.Itoa(killConnections)
	p := plan{name: "win-back", after: 90 * day, lateness: 30 * day, from: date(2025, 1, 1)}
	s.campaigns(t, map[string]string{p.name: p.campaign(inactivity)})
	customers, events := map[string]bool{}, [][]string{{"customer_id", "name", "occurred_at"}}
	for i := range n {
		id := fmt.Sprint(i)
		customers[id] = true
		events = append(events, []string{id, "Order Completed", "2025-01-02"})
	}
	s.importAll(t, customers, events)
	return server
}

var killDue = date(2025, 4, 3)

// strike runs a tick as a process and calls hit as soon as the server has taken
// n mails in this run; with held, no later mail is answered before hit is over.
func strike(t *testing.T, s *shop, server *smtptest.Server, at time.Time, n int, held bool, hit func(*os.Process)) error {
	t.Helper()
	cmd := s.process(program(t), "tick", "--json", "--drain", "--at", at.Format(time.RFC3339))
	var told bytes.Buffer
	cmd.Stderr = &told
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the tick at %s said:\n%s", at.Format(time.RFC3339), told.String())
		}
	})
	reached, over := make(chan struct{}), make(chan struct{})
	n += server.Total()
	var first sync.Once
	server.Fault(func(m smtptest.Moment) *smtptest.Fault {
		if m.Point != smtptest.Taken || server.Total() < n {
			return nil
		}
		first.Do(func() { close(reached) })
		if !held {
			return nil
		}
		return &smtptest.Fault{Until: over}
	})
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case <-reached:
	case err := <-ended:
		t.Fatalf("the tick was over after %d mails: %v\n%s", server.Total(), err, told.String())
	case <-time.After(time.Minute):
		_ = cmd.Process.Kill()
		t.Fatalf("%d mails in a minute\n%s", server.Total(), told.String())
	}
	hit(cmd.Process)
	close(over)
	err := <-ended
	server.Fault(nil)
	return err
}

// settle ticks hour by hour until nothing waits and nothing is in doubt.
func settle(t *testing.T, s *shop, at time.Time) {
	t.Helper()
	for range 6 {
		at = at.Add(time.Hour)
		a := s.tick(t, at, "--drain")
		if a.Messages.Waiting == 0 && a.Messages.Uncertain == 0 {
			if a.Messages.Unresolved != 0 || a.Messages.Failed != 0 {
				t.Errorf("not settled: %+v", a.Messages)
			}
			return
		}
	}
	t.Fatal("mails still wait after six hours")
}

// allSent demands that every message was accepted at least once, more than once
// only if the ledger marks it, and so many of them at least and at most.
func allSent(t *testing.T, s *shop, server *smtptest.Server, mails, least, most int) {
	t.Helper()
	rows, err := s.open(t).Query("SELECT id, state, duplicate FROM messages")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	counts := server.Counts()
	twice, n := 0, 0
	for rows.Next() {
		var id int64
		var state string
		var duplicate bool
		if err := rows.Scan(&id, &state, &duplicate); err != nil {
			t.Fatal(err)
		}
		got := counts[fmt.Sprint(id)]
		delete(counts, fmt.Sprint(id))
		n++
		if state != "accepted" || got < 1 || got > 2 || got == 2 && !duplicate {
			t.Errorf("message %d is %s, marked as sent again: %v; accepted %d times", id, state, duplicate, got)
		}
		twice += got - 1
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	if n != mails || len(counts) != 0 || twice < least || twice > most {
		t.Errorf("%d messages of %d, %d unknown to the ledger, %d sent twice, want %d to %d", n, mails, len(counts), twice, least, most)
	}
}

// Killed in the middle, once and again, whatever was in doubt: nothing is lost,
// and what came twice is marked.
func TestKilled(t *testing.T) {
	t.Parallel()
	mails := killMails(t)
	for _, c := range []struct {
		name string
		on   func(*testing.T, func(*testing.T, *shop))
		held bool // every line stands between its mail and the reply
		at   []int
	}{
		{"first", onSQLite, true, []int{1}},
		{"middle", stores, true, []int{mails / 2}},
		{"running", onSQLite, false, []int{mails / 3}},
		{"twice", stores, true, []int{mails / 4, mails / 4}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.on(t, func(t *testing.T, s *shop) {
				server := killShop(t, s, mails)
				for i, n := range c.at {
					err := strike(t, s, server, killDue.Add(time.Duration(i)*time.Hour), n, c.held, func(p *os.Process) { _ = p.Kill() })
					if err == nil {
						t.Fatal("killed and yet done")
					}
				}
				if n := s.count(t, "SELECT count(*) FROM messages WHERE state = 'handoff'"); n > killConnections {
					t.Errorf("%d hand-overs under way over %d connections", n, killConnections)
				}
				settle(t, s, killDue.Add(time.Duration(len(c.at))*time.Hour))
				least := 0
				if c.held {
					least = len(c.at) // the mail that the signal came from was taken and never answered
				}
				allSent(t, s, server, mails, least, killConnections*len(c.at))
			})
		})
	}
}

// Asked to stop, even more than once, a tick ends its hand-overs, leaves nothing
// in doubt and says that it was stopped; the next one sends the rest.
func TestStopped(t *testing.T) {
	t.Parallel()
	mails := killMails(t)
	stores(t, func(t *testing.T, s *shop) {
		server := killShop(t, s, mails)
		err := strike(t, s, server, killDue, mails/2, true, func(p *os.Process) {
			for range 2 {
				if err := p.Signal(syscall.SIGTERM); err != nil {
					t.Error(err)
				}
			}
		})
		var failed *exec.ExitError
		if !errors.As(err, &failed) || failed.ExitCode() != 3 {
			t.Errorf("stopped with %v, want exit code 3", err)
		}
		sent := s.count(t, "SELECT count(*) FROM messages WHERE state = 'accepted'")
		open := s.count(t, "SELECT count(*) FROM messages WHERE state IN ('claimed', 'handoff', 'uncertain')")
		if sent != server.Total() || sent >= mails || open != 0 {
			t.Errorf("%d in the ledger, %d at the server, %d in doubt, of %d", sent, server.Total(), open, mails)
		}
		settle(t, s, killDue)
		allSent(t, s, server, mails, 0, 0)
	})
}

// Asked to stop while the mail server keeps silent, a tick waits for its replies
// no longer than it may. What it has no reply to is in doubt, in the ledger as on
// the wire, and is sent again later, marked.
func TestStoppedInSilence(t *testing.T) {
	t.Parallel()
	const mails = 100
	stores(t, func(t *testing.T, s *shop) {
		server := killShop(t, s, mails)
		s.env["STOP_GRACE"] = "1s"
		cmd := s.process(program(t), "tick", "--json", "--drain", "--at", killDue.Format(time.RFC3339))
		var told bytes.Buffer
		cmd.Stderr = &told
		silent := make(chan struct{})
		var first sync.Once
		server.Fault(func(m smtptest.Moment) *smtptest.Fault {
			if m.Point != smtptest.Taken {
				return nil
			}
			first.Do(func() { close(silent) })
			return &smtptest.Fault{Silent: true}
		})
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		receiveWithin(t, silent, time.Minute)
		begun := time.Now()
		for range 2 {
			if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
				t.Error(err)
			}
		}
		if err := receiveWithin(t, ended, time.Minute); err == nil {
			t.Error("asked to stop, and yet done")
		}
		if took := time.Since(begun); took > 20*time.Second {
			t.Errorf("it took %s to stop", took)
		}
		server.Fault(nil)
		open := s.count(t, "SELECT count(*) FROM messages WHERE state IN ('claimed', 'handoff')")
		doubt := s.count(t, "SELECT count(*) FROM messages WHERE state = 'uncertain'")
		if open != 0 || doubt == 0 || doubt > killConnections || doubt != server.Total() {
			t.Errorf("%d claimed or handed over, %d uncertain, %d at the server: %s", open, doubt, server.Total(), told.String())
		}
		settle(t, s, killDue)
		allSent(t, s, server, mails, doubt, doubt)
	})
}

// receiveWithin is what comes from a channel in time.
func receiveWithin[T any](t *testing.T, from <-chan T, d time.Duration) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(d):
		t.Fatalf("nothing came in %s", d)
	}
	panic("unreachable")
}

// A queue that has lost its tasks, and does not know, does not hold a drain up
// without end; a later one sends what was in them.
func TestLostTasks(t *testing.T) {
	t.Parallel()
	url := os.Getenv("TEST_REDIS_URL")
	if url == "" {
		t.Skip("TEST_REDIS_URL is not set")
	}
	s := newShop(t, "sqlite:"+filepath.Join(t.TempDir(), "shop.db"))
	s.env["REDIS_URL"] = url
	server := killShop(t, s, 100)
	a := s.tick(t, killDue)
	if a.Campaigns["win-back"].Entered != 100 || a.Messages.Waiting != 100 {
		t.Fatalf("before: %+v", a)
	}
	var id string
	if err := s.open(t).QueryRow("SELECT value FROM meta WHERE key = 'store_id'").Scan(&id); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { sweepRedis(t, url, id) })
	o, err := redis.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	c := redis.NewClient(o)
	defer c.Close()
	if err := c.Del(t.Context(), "asynq:{bulk-"+id+"}:pending").Err(); err != nil {
		t.Fatal(err)
	}
	if a := s.tick(t, killDue, "--drain"); a.Messages.Waiting != 100 || server.Total() != 0 {
		t.Errorf("the tasks were not lost: %+v", a.Messages)
	}
	settle(t, s, killDue)
	allSent(t, s, server, 100, 0, 0)
}
