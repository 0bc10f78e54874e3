// Command soak is the long trial of the sending engine: it sets processes of
// Tidings to work on one store, strikes them with every fault there is, again and
// again, and compares in the end what the ledger says with what the mail server
// has taken. It exits 1 when a mail was lost, cut short, sent twice without a
// word about it, or sent to someone who had unsubscribed.
//
//	go run ./internal/soak --minutes 20 --seed 1
//	go run ./internal/soak --kills 1000 --database-url postgres://… --redis-url own
//
// It mails to a server of its own on loopback. The database given must be an
// empty one: the soak makes its tables there.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"text/tabwriter"
	"time"
)

// plan is what a soak was asked for.
type plan struct {
	Minutes   float64 `json:"minutes"`
	Kills     int     `json:"kills"` // that are enough; 0: however many fit
	Seed      uint64  `json:"seed"`
	Customers int     `json:"customers"` // of a round
	database  string
	redis     string
}

// summary is what a soak has found.
type summary struct {
	Plan      plan           `json:"plan"`
	Database  string         `json:"database"`
	Queue     string         `json:"queue"`
	Seconds   float64        `json:"seconds"`
	Rounds    int            `json:"rounds"`
	Kills     int            `json:"kills"`     // kill -9, from outside or at a point
	Troubles  map[string]int `json:"troubles"`  // rounds by what befell them
	Refusals  int            `json:"refusals"`  // faults of the mail server
	Unheard   int            `json:"unheard"`   // mails it took and never answered
	Customers int            `json:"customers"` // who came
	Left      int            `json:"left"`      // mails that an unsubscribe overtook
	verdict
}

func main() {
	beTidings()
	var p plan
	flag.Float64Var(&p.Minutes, "minutes", 10, "how long faults go on")
	flag.IntVar(&p.Kills, "kills", 0, "end sooner, after so many kills")
	flag.Uint64Var(&p.Seed, "seed", 1, "of all that is drawn")
	flag.IntVar(&p.Customers, "customers", 20, "who come in each round, two to three mails each")
	flag.StringVar(&p.database, "database-url", "", "an empty PostgreSQL database; without it a SQLite file")
	flag.StringVar(&p.redis, "redis-url", "", "a Redis, or \"own\" for one that the soak starts, fills, empties and kills; without it each process has its queue inside")
	asJSON := flag.Bool("json", false, "print the summary as JSON")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	s, err := soak(ctx, p, os.Stderr)
	if err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
	}
	if s != nil {
		if *asJSON {
			e := json.NewEncoder(os.Stdout)
			e.SetIndent("", "  ")
			_ = e.Encode(s)
		} else {
			s.print(os.Stdout)
		}
	}
	if err != nil || len(s.Problems) > 0 {
		os.Exit(1)
	}
}

// soak plays rounds of trouble until time or kills are reached, lets the store
// come to rest and looks at it.
func soak(ctx context.Context, p plan, progress io.Writer) (s *summary, err error) {
	dir, err := os.MkdirTemp("", "tidings-soak-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	address := p.redis
	var own *redisServer
	if address == "own" {
		if own, err = newRedis(ctx, dir); err != nil {
			return nil, err
		}
		defer own.close()
		address = own.url()
	}
	r, err := newRig(ctx, dir, p.database, address, false)
	if err != nil {
		return nil, err
	}
	defer r.close()
	s = &summary{Plan: p, Database: "sqlite", Queue: "embedded", Troubles: map[string]int{}}
	if p.database != "" {
		s.Database = "postgres"
	}
	if address != "" {
		s.Queue = "redis"
		if own == nil {
			defer func() { err = errors.Join(err, forget(context.WithoutCancel(ctx), address, r.store.ID())) }()
		}
	}
	begun := time.Now()
	err = s.rounds(ctx, r, own, progress)
	s.Seconds = time.Since(begun).Seconds()
	s.Customers, s.Left = r.made, len(r.left)
	s.Unheard, s.Refusals = r.peer.counts()
	if err != nil {
		return s, err
	}
	r.peer.suffer(nil)
	if err := r.settle(ctx); err != nil {
		s.problem("%v", err)
	}
	v, err := r.verify(ctx)
	if err != nil {
		return s, err
	}
	v.Problems = append(s.Problems, v.Problems...)
	s.verdict = *v
	return s, nil
}

// restEvery is after how many rounds the store comes to rest and is looked at, so
// that a fault is found near where it was made.
const restEvery = 25

func (s *summary) rounds(ctx context.Context, r *rig, own *redisServer, progress io.Writer) error {
	d := newDice(s.Plan.Seed)
	all := r.troubles(own)
	most := 3
	if own == nil && s.Queue == "embedded" {
		most = 2
	}
	end := time.Now().Add(time.Duration(s.Plan.Minutes * float64(time.Minute)))
	told := time.Now()
	for time.Now().Before(end) && ctx.Err() == nil && (s.Plan.Kills == 0 || s.Kills < s.Plan.Kills) {
		r.peer.suffer(nil)
		if d.percent(50) {
			r.peer.suffer(mishaps(d, 1+d.of(4)))
		}
		t := pick(d, all)
		killed, err := r.round(ctx, d, t, s.Plan.Customers, 1+d.of(most))
		s.Rounds++
		s.Kills += killed
		s.Troubles[t.name]++
		if err != nil {
			return fmt.Errorf("round %d, %s: %w", s.Rounds, t.name, err)
		}
		if s.Rounds%restEvery == 0 {
			if err := s.rest(ctx, r); err != nil {
				return err
			}
		}
		if time.Since(told) > 20*time.Second {
			told = time.Now()
			fmt.Fprintf(progress, "%d rounds, %d kills, %d mails taken, %d problems, %s left\n",
				s.Rounds, s.Kills, r.peer.Total(), len(s.Problems), time.Until(end).Round(time.Second))
		}
	}
	return ctx.Err()
}

// rest lets the store come to rest in between.
func (s *summary) rest(ctx context.Context, r *rig) error {
	r.peer.suffer(nil)
	if err := r.settle(ctx); err != nil {
		s.problem("after round %d: %v", s.Rounds, err)
	}
	v, err := r.verify(ctx)
	if err != nil {
		return err
	}
	for _, p := range v.Problems {
		s.problem("after round %d: %s", s.Rounds, p)
	}
	return nil
}

func (s *summary) print(to io.Writer) {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	row := func(what string, value any) { fmt.Fprintf(w, "%s\t%v\n", what, value) }
	row("database, queue", s.Database+", "+s.Queue)
	row("seed", s.Plan.Seed)
	row("seconds of faults", int(s.Seconds))
	row("rounds", s.Rounds)
	row("processes killed", s.Kills)
	names := make([]string, 0, len(s.Troubles))
	for name := range s.Troubles {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		row("  rounds of "+name, s.Troubles[name])
	}
	row("faults of the mail server", s.Refusals)
	row("mails decided", s.Messages)
	row("mails taken by the server", s.Taken)
	states := make([]string, 0, len(s.States))
	for state := range s.States {
		states = append(states, state)
	}
	slices.Sort(states)
	for _, state := range states {
		row("  "+state, s.States[state])
	}
	row("taken twice, each marked", fmt.Sprintf("%d, at most %d possible", s.Twice, s.Bound))
	row("left for a person", s.Unresolved)
	row("stopped by an unsubscribe in time", s.Left)
	row("problems", len(s.Problems))
	_ = w.Flush()
	for _, p := range s.Problems {
		fmt.Fprintln(to, " ", p)
	}
}
