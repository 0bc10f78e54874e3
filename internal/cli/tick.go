package cli

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"strings"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/mail"
	"tidings/internal/render"
	"tidings/internal/store"
	"tidings/scheduler"
)

type tickCmd struct {
	At            moment `help:"The moment that is now, for a store that is a simulation." placeholder:"TIME"`
	Drain         bool   `help:"Work the queue off before returning."`
	RemoveMissing bool   `help:"End the passes of campaigns whose files are gone, even of most of them." name:"remove-missing"`
}

// moment is a flag's time: RFC 3339, or without a zone in UTC, or a date.
type moment struct{ time.Time }

// minuteLayouts are the times to the minute that a flag takes beside those of the
// files.
var minuteLayouts = []string{"2006-01-02T15:04", "2006-01-02T15:04Z07:00", "2006-01-02 15:04Z07:00"}

// UnmarshalText reads what --at says.
func (m *moment) UnmarshalText(b []byte) error {
	t, ok := campaign.ParseMoment(string(b), time.UTC)
	for _, layout := range minuteLayouts {
		if ok {
			break
		}
		if at, err := time.Parse(layout, string(b)); err == nil {
			t, ok = campaign.Moment(at), true
		}
	}
	if !ok {
		return fmt.Errorf("%q is not a time; write 2026-12-01T09:00:00Z, or with your zone 2026-12-01T09:00+08:00, or a day, 2026-12-01; without a zone it is UTC", b)
	}
	m.Time = t
	return nil
}

// tickOutput is what `tick --json` prints.
type tickOutput struct {
	At        time.Time                    `json:"at"`
	Campaigns map[string]scheduler.Decided `json:"campaigns"`
	Messages  tickMessages                 `json:"messages"`
}

type tickMessages struct {
	Accepted   int            `json:"accepted"`
	Failed     int            `json:"failed"`
	Cancelled  map[string]int `json:"cancelled"`
	Uncertain  int            `json:"uncertain"`
	Unresolved int            `json:"unresolved"` // uncertain for good: they wait for a person
	Waiting    int            `json:"waiting"`    // due, and still to go
	Later      int            `json:"later"`      // put off: by an hour, a cap, a feed or a retry
}

// Run is one evaluation and relay by hand.
func (c *tickCmd) Run(rt *runtime) error {
	cat, renderer, err := rt.catalog()
	if err != nil {
		return err
	}
	s, err := rt.openMigrated()
	if err != nil {
		return err
	}
	defer s.Close()
	if c.RemoveMissing {
		s.RemoveMissing()
	}
	now, err := c.begin(rt, s)
	if err != nil {
		var past *store.PastError
		if errors.As(err, &past) {
			return usage("%v", err)
		}
		return err
	}
	out, err := c.tick(rt, s, cat, renderer, now)
	var failed *scheduler.FailedError
	if err != nil && !errors.As(err, &failed) {
		var wrong *store.RemovalError
		if errors.As(err, &wrong) {
			return usage("%v", wrong)
		}
		return err
	}
	if rt.json {
		if err := rt.printJSON(out); err != nil {
			return err
		}
	} else {
		printTick(rt, out)
	}
	if failed != nil { // the answer names it, and what the others did
		return failed
	}
	return nil
}

// begin tells the tick's moment and writes it down, with the store's mode if it
// has none. All that could refuse the tick comes before the first write.
func (c *tickCmd) begin(rt *runtime, s *store.Store) (time.Time, error) {
	now, mode, err := c.now(rt, s)
	if err != nil {
		return now, err
	}
	if c.Drain {
		if err := rt.drainable(mode); err != nil {
			return now, err
		}
	}
	if err := rt.fix(s, mode); err != nil {
		return now, err
	}
	return now, s.Advance(rt.ctx, now)
}

// now is the tick's moment and the mode that it asks for: --at makes a new store
// a simulation; a live one takes it only within a minute of the real time.
func (c *tickCmd) now(rt *runtime, s *store.Store) (time.Time, store.Mode, error) {
	real, err := s.Now(rt.ctx)
	if err != nil {
		return real, store.Live, err
	}
	mode, err := s.Mode(rt.ctx)
	if err != nil {
		return real, mode, err
	}
	if c.At.IsZero() {
		if mode == store.Simulated {
			return real, mode, usage("%v", &store.ModeError{Is: mode, Wanted: store.Live})
		}
		return real, store.Live, nil
	}
	if mode == store.Live {
		if off := c.At.Sub(real); off < -time.Minute || off > time.Minute {
			return real, mode, usage("%v", &store.ModeError{Is: store.Live, Wanted: store.Simulated})
		}
		return campaign.Moment(c.At.Time), mode, nil
	}
	return campaign.Moment(c.At.Time), store.Simulated, nil
}

func (rt *runtime) fix(s *store.Store, m store.Mode) error {
	err := s.Fix(rt.ctx, m)
	var wrong *store.ModeError
	if errors.As(err, &wrong) {
		return usage("%v", err)
	}
	return err
}

func (c *tickCmd) tick(rt *runtime, s *store.Store, cat *campaign.Catalog, renderer *render.Renderer, now time.Time) (tickOutput, error) {
	out := tickOutput{At: now}
	m, err := rt.newMachine(s, cat, renderer, func(context.Context) (time.Time, error) { return now, nil })
	if err != nil {
		return out, err
	}
	defer m.Close()
	before, err := s.Totals(rt.ctx, now)
	if err != nil {
		return out, err
	}
	if c.Drain {
		out.Campaigns, err = m.drain(rt.ctx, now)
	} else {
		out.Campaigns, err = m.tickOnce(rt.ctx, now)
	}
	var failed *scheduler.FailedError
	if err != nil && !errors.As(err, &failed) {
		return out, err
	}
	after, err := s.Totals(rt.ctx, now)
	if err != nil {
		return out, err
	}
	t := after.Since(before)
	out.Messages = tickMessages{t.Accepted, t.Failed, t.Cancelled, t.Uncertain, t.Unresolved, t.Waiting, t.Later}
	if failed != nil {
		return out, failed
	}
	return out, nil
}

// tickOnce decides, and leaves the sending to workers. An in-process queue would
// be gone with this process, so then messages stay in the ledger.
func (m *machine) tickOnce(ctx context.Context, now time.Time) (map[string]scheduler.Decided, error) {
	sched := m.scheduler()
	decided, failed := sched.Tick(ctx, now)
	if decided == nil || m.queue.Embedded() {
		return decided, failed
	}
	if _, err := sched.RelayDue(ctx, now); err != nil {
		return decided, err
	}
	return decided, failed
}

// drainable tells what a drain of a store in a mode lacks: a live one's mails
// need a mail server, and a simulation never leaves the machine.
func (rt *runtime) drainable(mode store.Mode) error {
	if rt.cfg.SMTPURL == "" {
		if mode != store.Simulated {
			return usage("SMTP_URL is not set; a live store's mails need a mail server. Set it to smtp://user:password@host:587")
		}
		return nil
	}
	server, err := mail.ParseURL(rt.cfg.SMTPURL)
	if err != nil {
		return usage("%v", err)
	}
	if mode == store.Simulated && !server.Loopback() {
		return usage("this store is simulated and sends only to a mail server on this machine; %s is not. Set SMTP_URL to smtp://127.0.0.1:PORT", server.Addr())
	}
	return nil
}

// drainPool is where a drain sends: SMTP_URL, or for a simulation without one an
// inbox that lives as long as the drain.
func (m *machine) drainPool(ctx context.Context) (pool *mail.Pool, stop func(), err error) {
	mode, err := m.store.Mode(ctx)
	if err == nil {
		err = m.rt.drainable(mode)
	}
	if err != nil {
		return nil, nil, err
	}
	if m.rt.cfg.SMTPURL == "" {
		return m.rt.ownInbox(ctx)
	}
	pool, err = m.rt.newPool(m.rt.cfg.SMTPURL)
	return pool, func() {}, err
}

func printTick(rt *runtime, out tickOutput) {
	rt.printf("tick at %s\n", out.At.Format(time.RFC3339))
	names := make([]string, 0, len(out.Campaigns))
	for name := range out.Campaigns {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		d := out.Campaigns[name]
		rt.printf("  %-24s entered %s%s\n", name, thousands(d.Entered), reasons(" · held", d.Held))
		if f := d.Fuse; f != nil {
			if f.Released > 0 {
				rt.printf("  %-24s held again: %s were released, and it has become more\n", "", thousands(f.Released))
			}
			rt.printf("  %-24s %s\n", "", heldByFuse(name, f.Decided, f.Allowed, f.Usual))
		}
		if d.Error != "" {
			rt.printf("  %-24s decided nothing: %s\n", "", d.Error)
		}
	}
	rt.printf("%s\n", out.Messages)
}

// String has the figures of --json, by the same names; those that are seldom, where
// they are not 0.
func (t tickMessages) String() string {
	out := fmt.Sprintf("messages  accepted %s · failed %s · waiting %s", thousands(t.Accepted), thousands(t.Failed), thousands(t.Waiting))
	if t.Later > 0 {
		out += " · later " + thousands(t.Later)
	}
	out += reasons(" · cancelled", t.Cancelled)
	if t.Uncertain > 0 {
		out += " · uncertain " + thousands(t.Uncertain)
	}
	if t.Unresolved > 0 {
		out += " · unresolved " + thousands(t.Unresolved) + " (for a person: `tidings queue --state uncertain`)"
	}
	return out
}

// reasons lists counts by reason, the largest first.
func reasons(title string, by map[string]int) string {
	if len(by) == 0 {
		return ""
	}
	keys := make([]string, 0, len(by))
	for k := range by {
		keys = append(keys, k)
	}
	sort.Slice(keys, func(i, j int) bool {
		if by[keys[i]] != by[keys[j]] {
			return by[keys[i]] > by[keys[j]]
		}
		return keys[i] < keys[j]
	})
	parts := make([]string, len(keys))
	for i, k := range keys {
		parts[i] = k + " " + thousands(by[k])
	}
	return title + ": " + strings.Join(parts, ", ")
}
