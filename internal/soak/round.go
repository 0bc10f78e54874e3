package main

import (
	"context"
	"fmt"
	"syscall"
	"time"

	"tidings/internal/fault"
)

// A round lets in customers, sets one or several drains to work at the same
// moment, has faults strike them, and leaves the rest to the next round.

// trouble is what a round does to its processes.
type trouble struct {
	name string
	// env arms the first process of the round.
	env func(d *dice) map[string]string
	// hit strikes from outside, while the processes work. It returns when it is
	// done with it.
	hit func(ctx context.Context, r *rig, d *dice, ps []*process) error
}

// troubles lists what can befall a rig with the services it has.
func (r *rig) troubles(own *redisServer) []trouble {
	all := []trouble{
		{name: "fail point: kill", env: armed(fault.Kill)},
		{name: "fail point: kill", env: armed(fault.Kill)},
		{name: "fail point: kill", env: armed(fault.Kill)},
		{name: "fail point: term", env: armed(fault.Term)},
		{name: "fail point: error", env: armed(fault.Fail)},
		{name: "kill -9", hit: killAll},
		{name: "kill -9, eight in a row", hit: storm},
		{name: "kill -9, eight in a row", hit: storm},
		{name: "kill -9, eight in a row", hit: storm},
		{name: "SIGTERM twice", hit: termAll},
		{name: "unsubscribe", hit: leave},
	}
	if r.env["REDIS_URL"] != "" {
		all = append(all, trouble{name: "SIGSTOP", hit: freeze}, trouble{name: "database connections cut", hit: cutDatabase})
	}
	if own != nil {
		all = append(all,
			trouble{name: "FLUSHALL", hit: func(ctx context.Context, r *rig, d *dice, _ []*process) error {
				r.amid(ctx, d)
				return own.flush(ctx)
			}},
			trouble{name: "Redis restarted", hit: func(ctx context.Context, r *rig, d *dice, _ []*process) error {
				r.amid(ctx, d)
				return own.restart(ctx)
			}},
			trouble{name: "Redis evicts", hit: func(ctx context.Context, r *rig, d *dice, _ []*process) error {
				r.amid(ctx, d)
				return own.evict(ctx, d, 5)
			}},
			trouble{name: "Redis full", hit: func(ctx context.Context, r *rig, d *dice, _ []*process) error {
				r.amid(ctx, d)
				if err := own.full(ctx, true); err != nil {
					return err
				}
				pause(ctx, time.Duration(d.of(1500))*time.Millisecond)
				return own.full(ctx, false)
			}})
	}
	return all
}

// armed makes the environment of a fault at a point and pass that dice choose.
func armed(action fault.Action) func(d *dice) map[string]string {
	return func(d *dice) map[string]string {
		points := fault.Points()
		point := pick(d, points)
		for action == fault.Fail && !fault.Errs(point) {
			point = pick(d, points)
		}
		return map[string]string{"TIDINGS_FAULT": fmt.Sprintf("%s:%d=%s", point, 1+d.of(2*passes(point)), action)}
	}
}

// passes is about the middle of the passes that a small drain makes of a point.
func passes(point string) int {
	switch point {
	case "store.before_commit", "store.after_commit", "redis.before", "redis.after":
		return 12
	case "worker.after_claim", "worker.before_ack", "eval.before_commit", "relay.after_commit", "relay.after_enqueue":
		return 2
	}
	return 7
}

// amid waits until the round's mails are on their way, or for a moment.
func (r *rig) amid(ctx context.Context, d *dice) {
	n := r.mail.Total() + 1 + d.of(20)
	ctx, cancel := context.WithTimeout(ctx, time.Duration(200+d.of(600))*time.Millisecond)
	defer cancel()
	_ = r.mail.Wait(ctx, n)
}

func killAll(ctx context.Context, r *rig, d *dice, ps []*process) error {
	r.amid(ctx, d)
	for _, p := range ps {
		if d.percent(80) {
			p.kill()
		}
	}
	return nil
}

// storm kills one drain after the other, each soon after it has begun to send.
func storm(ctx context.Context, r *rig, d *dice, ps []*process) error {
	if err := killAll(ctx, r, d, ps); err != nil {
		return err
	}
	for range 7 {
		r.at = r.at.Add(time.Duration(d.of(300)) * time.Second)
		if err := r.newcomers(ctx, 4); err != nil {
			return err
		}
		p, err := r.drain(ctx, r.child(nil))
		if err != nil {
			return err
		}
		n := r.mail.Total() + 1 + d.of(6)
		wait, cancel := context.WithTimeout(ctx, time.Duration(500+d.of(2500))*time.Millisecond)
		_ = r.mail.Wait(wait, n)
		cancel()
		p.kill()
		if err := p.wait(); err != nil {
			return err
		}
		if p.killed() {
			r.struck++
			r.doubts += doubtful
		}
	}
	return nil
}

func termAll(ctx context.Context, r *rig, d *dice, ps []*process) error {
	r.amid(ctx, d)
	for range 2 {
		for _, p := range ps {
			p.signal(syscall.SIGTERM)
		}
	}
	return nil
}

// freeze stops a process, has its work taken for lost and done by another, and
// lets it go on.
func freeze(ctx context.Context, r *rig, d *dice, ps []*process) error {
	r.amid(ctx, d)
	p := ps[0]
	if p.gone() {
		return nil
	}
	p.signal(syscall.SIGSTOP)
	defer p.signal(syscall.SIGCONT)
	r.kills++
	r.doubts += doubtful
	for range 3 {
		r.at = r.at.Add(20 * time.Minute)
		other, err := r.drain(ctx, nil)
		if err != nil {
			return err
		}
		select {
		case <-other.ended:
		case <-time.After(3 * time.Second):
			// What is frozen may hold a lock that the other waits for.
			p.signal(syscall.SIGCONT)
			if err := other.wait(); err != nil {
				return err
			}
		}
	}
	return nil
}

// leave has a few customers unsubscribe while their mails are sent.
func leave(ctx context.Context, r *rig, d *dice, _ []*process) error {
	for range 3 {
		r.amid(ctx, d)
		if err := r.unsubscribe(ctx, 1+d.of(r.made)); err != nil {
			return err
		}
	}
	return nil
}

// cutDatabase ends all connections of the rig's processes to PostgreSQL, as a
// restart of the server does.
func cutDatabase(ctx context.Context, r *rig, d *dice, _ []*process) error {
	for range 1 + d.of(3) {
		r.amid(ctx, d)
		if _, err := r.db.ExecContext(ctx, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
			WHERE datname = current_database() AND application_name = $1 AND pid <> pg_backend_pid()`, r.mark()); err != nil {
			return err
		}
	}
	return nil
}

// round is one round of trouble t. It returns how many processes were killed.
func (r *rig) round(ctx context.Context, d *dice, t trouble, customers, drains int) (killed int, err error) {
	r.at = r.at.Add(time.Duration(1+d.of(20)) * time.Minute)
	if err := r.newcomers(ctx, customers); err != nil {
		return 0, err
	}
	ps := make([]*process, drains)
	for i := range ps {
		var env map[string]string
		if i == 0 && t.env != nil {
			env = t.env(d)
		}
		if ps[i], err = r.drain(ctx, r.child(env)); err != nil {
			return 0, err
		}
	}
	if t.hit != nil {
		err = t.hit(ctx, r, d, ps)
	}
	killed, r.struck = r.struck, 0
	for _, p := range ps {
		if werr := p.wait(); werr != nil && err == nil {
			err = werr
		}
		if p.killed() {
			killed++
			r.doubts += doubtful
		}
	}
	r.kills += killed
	return killed, err
}
