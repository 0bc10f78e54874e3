package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"tidings/internal/mail/smtptest"
	"tidings/internal/store/storetest"
)

// ownRedis is a rig on PostgreSQL with a Redis that belongs to the test.
func ownRedis(t *testing.T) (*rig, *redisServer) {
	t.Helper()
	database := storetest.PostgresURL(t)
	s, err := newRedis(t.Context(), t.TempDir())
	if errors.Is(err, errNoRedis) {
		t.Skip(err)
	}
	must(t, err)
	t.Cleanup(s.close)
	r, err := newRig(t.Context(), t.TempDir(), database, s.url(), false)
	must(t, err)
	t.Cleanup(r.close)
	return r, s
}

// Redis is emptied, killed, filled up, made to evict and slowed down under two
// drains at work: nothing is lost, and nothing comes twice.
func TestRedisFails(t *testing.T) {
	t.Parallel()
	r, own := ownRedis(t)
	slow, err := newSlowLine("127.0.0.1:"+own.port, 40*time.Millisecond)
	must(t, err)
	t.Cleanup(slow.close)
	d := newDice(7)
	for _, c := range []struct {
		name string
		env  map[string]string
		do   func(ctx context.Context) error
	}{
		{name: "FLUSHALL", do: own.flush},
		{name: "restart", do: own.restart},
		{name: "full", do: func(ctx context.Context) error {
			if err := own.full(ctx, true); err != nil {
				return err
			}
			pause(ctx, time.Second)
			return own.full(ctx, false)
		}},
		{name: "evicts", do: func(ctx context.Context) error { return own.evict(ctx, d, 8) }},
		{name: "slow", env: map[string]string{"REDIS_URL": "redis://" + slow.addr() + "/0"}},
		{name: "cut off", env: map[string]string{"REDIS_URL": "redis://" + slow.addr() + "/0"}, do: func(context.Context) error {
			slow.cut()
			return nil
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx := t.Context()
			before := r.peer.Total()
			_, err := r.round(ctx, d, trouble{env: func(*dice) map[string]string { return c.env }, hit: func(ctx context.Context, r *rig, d *dice, _ []*process) error {
				if c.do == nil {
					return nil
				}
				ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
				defer cancel()
				if err := r.peer.Wait(ctx, before+3); err != nil {
					return err
				}
				return c.do(ctx)
			}}, 40, 2)
			must(t, err)
			if v := r.atRest(t); v.Twice > 0 {
				t.Errorf("%d mails came twice", v.Twice)
			}
		})
	}
}

// All connections to PostgreSQL are ended under two drains at work, as a restart
// of the server does.
func TestDatabaseCut(t *testing.T) {
	t.Parallel()
	r := rigOn(t, engine{database: storetest.PostgresURL(t), redis: redisURL(t)})
	d := newDice(3)
	for range 2 {
		_, err := r.round(t.Context(), d, trouble{hit: cutDatabase}, 40, 2)
		must(t, err)
	}
	if v := r.atRest(t); v.Twice > 0 {
		t.Errorf("%d mails came twice", v.Twice)
	}
}

// The disk is full amid a drain, and later has room again.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	r := rigOn(t, engine{})
	ctx := t.Context()
	for _, more := range []int{0, 15, 30} { // pages that are left
		t.Run(fmt.Sprint(more, " pages"), func(t *testing.T) {
			r.at = r.at.Add(10 * time.Minute)
			must(t, r.newcomers(ctx, 250))
			pages, err := r.count(ctx, "PRAGMA page_count")
			must(t, err)
			// The rest of the address, which the program adds, is read as before.
			full := fmt.Sprintf("%s?_pragma=max_page_count(%d)&", r.url, pages+more)
			p, err := r.drain(ctx, map[string]string{"DATABASE_URL": full})
			must(t, err)
			// What the server has taken is stored again and again until its lease would
			// be over. That takes longer than a test may.
			select {
			case <-p.ended:
			case <-time.After(5 * time.Second):
				p.kill()
				r.doubts += doubtful
				must(t, p.wait())
			}
			if !strings.Contains(p.words(), "full") {
				t.Errorf("the disk was not full: exit code %d: %s", p.code(), p.words())
			}
			r.at = r.at.Add(10 * time.Minute)
			r.atRest(t)
		})
	}
}

// Up to four drains work on one store at the same moment, and share the work.
func TestDrainsTogether(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, e engine) {
		r, d := rigOn(t, e), newDice(5)
		for _, n := range []int{2, 4} {
			_, err := r.round(t.Context(), d, trouble{}, 60, n)
			must(t, err)
		}
		v := r.atRest(t)
		// With a queue in each process, the one that comes later takes what is being
		// handed over for lost; it may be, and is marked.
		if e.redis != "" && v.Twice > 0 {
			t.Errorf("%d mails came twice", v.Twice)
		}
	})
}

// A clock that is set back is refused, and so is any on a live store; what was
// decided stays as it was.
func TestClockJumps(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, e engine) {
		r, ctx := rigOn(t, e), t.Context()
		must(t, r.newcomers(ctx, 5))
		r.at = r.at.Add(time.Hour)
		_, err := r.tick(ctx)
		must(t, err)
		sent := r.peer.Total()
		forward := r.at
		r.at = r.at.Add(-30 * time.Minute)
		if _, err := r.tick(ctx); err == nil {
			t.Error("a tick went back in time")
		}
		// A jump of weeks forward: what has not been sent by then is too old or goes
		// out, and nothing goes twice.
		r.at = forward.Add(20 * 24 * time.Hour)
		v := r.atRest(t)
		if v.Twice > 0 || r.peer.Total() < sent {
			t.Errorf("after the jump: %+v", v)
		}
	})
}

// Whatever the mail server does at any verb, on either side of the dot: all is
// settled in the end, and what came twice is marked.
func TestPeerFails(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, e engine) {
		r := rigOn(t, e)
		for i, c := range peerFaults() {
			if e.redis != "" && i%2 == 1 {
				continue // what the server does is the same to both: half of it will do
			}
			t.Run(c.name, func(t *testing.T) {
				ctx := t.Context()
				r.at = r.at.Add(10 * time.Minute)
				must(t, r.newcomers(ctx, 10))
				left := c.times
				d := newDice(1) // for its lock
				r.peer.suffer(func(m smtptest.Moment) *smtptest.Fault {
					f := c.plan(m)
					d.mu.Lock()
					defer d.mu.Unlock()
					if f == nil || left == 0 {
						return nil
					}
					left--
					return f
				})
				stop := make(chan struct{})
				if c.hangup {
					go r.hangUp(stop)
				}
				p, err := r.drain(ctx, r.child(nil))
				must(t, err, p.wait())
				close(stop)
				r.peer.suffer(nil)
				if p.code() != 0 {
					t.Errorf("exit code %d: %s", p.code(), p.words())
				}
				if i%5 == 0 {
					r.atRest(t)
				}
			})
		}
		r.atRest(t)
	})
}

type peerFault struct {
	name   string
	plan   smtptest.Plan
	times  int
	hangup bool // the server ends what it left without an answer
}

func peerFaults() []peerFault {
	var all []peerFault
	add := func(name string, times int, plan smtptest.Plan) {
		all = append(all, peerFault{name: name, plan: plan, times: times})
	}
	for _, p := range []smtptest.Point{smtptest.Greeting, smtptest.Ehlo, smtptest.Mail, smtptest.Rcpt, smtptest.Data, smtptest.Dot} {
		add(string(p)+" 421", 4, smtptest.At(p, smtptest.Fault{Reply: "421 4.3.2 closing"}))
		add(string(p)+" dropped", 4, smtptest.At(p, smtptest.Fault{Drop: true}))
	}
	for _, p := range []smtptest.Point{smtptest.Mail, smtptest.Rcpt, smtptest.Data, smtptest.Dot} {
		add(string(p)+" 4xx", 4, smtptest.At(p, smtptest.Fault{Reply: "451 4.3.0 later"}))
	}
	for _, p := range []smtptest.Point{smtptest.Rcpt, smtptest.Dot} {
		add(string(p)+" 5xx", 3, smtptest.At(p, smtptest.Fault{Reply: "550 5.6.0 no"}))
	}
	add("dropped in the body", 4, smtptest.At(smtptest.Body, smtptest.Fault{Drop: true}))
	add("dropped behind the dot", 4, smtptest.At(smtptest.Taken, smtptest.Fault{Drop: true}))
	add("421 after two", 1000, smtptest.PerSession(2))
	add("slow", 60, func(m smtptest.Moment) *smtptest.Fault { return &smtptest.Fault{After: 10 * time.Millisecond} })
	refused := smtptest.Fault{Reply: "500 5.5.1 not here"}
	add("RSET and QUIT refused", 1000, smtptest.Both(smtptest.At(smtptest.Rset, refused), smtptest.At(smtptest.Quit, refused),
		func(m smtptest.Moment) *smtptest.Fault {
			if m.Point == smtptest.Rcpt && m.Taken%3 == 2 {
				return &smtptest.Fault{Reply: "450 4.2.1 later"}
			}
			return nil
		}))
	for _, p := range []smtptest.Point{smtptest.Mail, smtptest.Body, smtptest.Dot, smtptest.Taken} {
		all = append(all, peerFault{name: string(p) + " silent", plan: smtptest.At(p, smtptest.Fault{Silent: true}), times: 2, hangup: true})
	}
	return all
}

// hangUp ends the server's connections now and then, until stopped: a client
// waits for an answer longer than a test may.
func (r *rig) hangUp(stop <-chan struct{}) {
	look := time.NewTicker(400 * time.Millisecond)
	defer look.Stop()
	for {
		select {
		case <-look.C:
			r.peer.hangUp()
		case <-stop:
			return
		}
	}
}

// A short soak, as the command does it, from one seed: kills, stops, weather.
func TestSoak(t *testing.T) {
	t.Parallel()
	rounds := 10
	if testing.Short() {
		rounds = 4
	}
	engines(t, func(t *testing.T, e engine) {
		r, d := rigOn(t, e), newDice(11)
		most := 3
		if e.redis == "" {
			most = 2
		}
		all := r.troubles(nil)
		for i := range rounds {
			r.peer.suffer(nil)
			if i%2 == 1 {
				r.peer.suffer(mishaps(d, 3))
			}
			tr := pick(d, all)
			_, err := r.round(t.Context(), d, tr, 20, 1+d.of(most))
			if err != nil {
				t.Fatalf("round %d, %s: %v", i, tr.name, err)
			}
		}
		r.peer.suffer(nil)
		v := r.atRest(t)
		t.Logf("%d kills, %d mails, %d twice of at most %d, %v", r.kills, v.Messages, v.Twice, v.Bound, v.States)
	})
}
