package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/store"
)

// queueCmd is the queue, and what a person does with it.
type queueCmd struct {
	Show    queueShowCmd    `cmd:"" default:"withargs" help:"Say what every open mail waits for and when it is looked at next."`
	Release queueReleaseCmd `cmd:"" help:"Let mails go that wait: they are due now, and are looked at once more."`
	Retry   queueRetryCmd   `cmd:"" help:"Send mails again that failed, or that may have arrived."`
	Accept  queueAcceptCmd  `cmd:"" help:"Settle mails in doubt as sent: you know that they arrived."`
	Cancel  queueCancelCmd  `cmd:"" help:"Do not send mails that are open."`
	Log     queueLogCmd     `cmd:"" help:"Say what was done by hand, the latest first."`
}

type queueShowCmd struct {
	Campaign string `arg:"" optional:"" help:"Only of this one."`
	State    string `help:"Only in this state: pending, queued, claimed, handoff, uncertain." enum:",pending,queued,claimed,handoff,uncertain" default:"" placeholder:"STATE"`
	Limit    int    `help:"Mails to list, the oldest first; all are counted." default:"20" placeholder:"N"`
	All      bool   `help:"Also those that are due later and held by nothing."`
	Watch    bool   `help:"Look again every second, until Ctrl-C."`
	At       moment `help:"As of this moment, instead of now (a simulation's last tick)." placeholder:"TIME"`
}

// queueOutput is what `queue --json` prints.
type queueOutput struct {
	At      time.Time      `json:"at"`
	Summary []queueSummary `json:"summary"`
	Blocks  []queueBlock   `json:"blocks"` // what holds many at once
	Rows    []queueRow     `json:"rows"`
	More    int            `json:"more"` // open mails that are not in rows
}

// queueSummary counts the mails that are alike.
type queueSummary struct {
	Campaign string    `json:"campaign"`
	State    string    `json:"state"`
	Reason   string    `json:"reason"` // what they wait for: a gate, or a word of docs/queue.md
	By       string    `json:"by,omitempty"`
	Why      string    `json:"why"`
	Count    int       `json:"count"`
	Since    time.Time `json:"since"` // of the oldest
	Age      int64     `json:"age_seconds"`
}

// queueRow is an open mail.
type queueRow struct {
	ID        int64      `json:"id"`
	Campaign  string     `json:"campaign"`
	Step      string     `json:"step"`
	Customer  string     `json:"customer"` // the shop's id
	Lane      string     `json:"lane"`
	State     string     `json:"state"`
	Reason    string     `json:"reason"`
	By        string     `json:"by,omitempty"`
	Why       string     `json:"why"`
	Attempt   int        `json:"attempt"`
	Since     time.Time  `json:"since"` // when it first was due
	Age       int64      `json:"age_seconds"`
	Due       time.Time  `json:"due_at"`
	Expires   time.Time  `json:"expires_at"`
	Next      *time.Time `json:"next_look_at"` // null: a person must do something
	Duplicate bool       `json:"possible_duplicate"`
	Said      string     `json:"said,omitempty"` // by the mail server or the template, the last time
}

// queueBlock is what holds all mail of a campaign, to a domain or to the server.
type queueBlock struct {
	Gate     string     `json:"gate"`
	Campaign string     `json:"campaign,omitempty"`
	By       string     `json:"by,omitempty"`
	Why      string     `json:"why"`
	Since    *time.Time `json:"since,omitempty"`
	Until    *time.Time `json:"until,omitempty"`
	Do       string     `json:"do"`
}

// watchEvery is how often a watched queue is looked at.
const watchEvery = time.Second

// Run says what is open.
func (c *queueShowCmd) Run(rt *runtime) error {
	if c.Limit < 0 {
		return usage("--limit %d: write 0 or more", c.Limit)
	}
	s, err := rt.openExisting()
	if err != nil {
		return err
	}
	defer s.Close()
	rt.useIfSound(s)
	if err := rt.loadedCampaign(s, c.Campaign); err != nil {
		return err
	}
	if c.Watch {
		return c.watch(rt, s)
	}
	out, err := c.look(rt, s)
	if err != nil {
		return err
	}
	if rt.json {
		return rt.printJSON(out)
	}
	printQueue(rt.stdout, out)
	return nil
}

// useIfSound gives the store the workspace, if there is one without errors: its
// rates are part of what holds mail.
func (rt *runtime) useIfSound(s *store.Store) {
	files, dir, err := rt.workspace()
	if err != nil {
		return
	}
	cat, _, _ := load(files)
	if cat == nil {
		fmt.Fprintf(rt.stderr, "rates are not looked at: the workspace %s has errors, see `tidings check`\n", dir)
		return
	}
	s.Use(cat)
}

// loadedCampaign demands that the store has a campaign of that name, if one is
// named.
func (rt *runtime) loadedCampaign(s *store.Store, name string) error {
	if name == "" {
		return nil
	}
	names, err := s.Loaded(rt.ctx)
	if err != nil {
		return err
	}
	for _, n := range names {
		if n == name {
			return nil
		}
	}
	return noCampaign(name, names)
}

func noCampaign(name string, loaded []string) error {
	return &exitError{exitNo, fmt.Sprintf("no campaign %s is loaded; %s", name, nearest(name, loaded))}
}

// look is the queue as it is now.
func (c *queueShowCmd) look(rt *runtime, s *store.Store) (queueOutput, error) {
	at := campaign.Moment(c.At.Time)
	if c.At.IsZero() {
		var err error
		if at, err = rt.reportNow(s); err != nil {
			return queueOutput{}, err
		}
	}
	counts, rows, err := s.OpenMessages(rt.ctx, store.OpenQuestion{Campaign: c.Campaign, State: campaign.State(c.State), All: c.All, Limit: c.Limit}, at)
	if err != nil {
		return queueOutput{}, err
	}
	blocks, err := s.Blocks(rt.ctx, at)
	if err != nil {
		return queueOutput{}, err
	}
	out := queueOutput{At: at, Summary: []queueSummary{}, Blocks: []queueBlock{}, Rows: []queueRow{}, More: -len(rows)}
	for _, n := range counts {
		out.More += n.Count
		out.Summary = append(out.Summary, queueSummary{n.Campaign, string(n.State), n.Reason, n.By, whyWaits(n.Campaign, n.Waiting), n.Count, n.Since, seconds(at, n.Since)})
	}
	for _, r := range rows {
		one := queueRow{r.ID, r.Campaign, r.Step, r.Customer, string(r.Lane), string(r.State), r.Reason, r.By, whyWaits(r.Campaign, r.Waiting), r.Attempt,
			r.Since, seconds(at, r.Since), r.Due, r.Expires, nil, r.Duplicate, r.Detail}
		one.Next = given(r.Next)
		out.Rows = append(out.Rows, one)
	}
	for _, b := range blocks {
		if c.Campaign != "" && b.Campaign != "" && b.Campaign != c.Campaign {
			continue
		}
		out.Blocks = append(out.Blocks, queueBlock{b.Gate, b.Campaign, b.By, whyBlocked(b), given(b.Since), given(b.Until), doAbout(b)})
	}
	return out, nil
}

// given is a moment, or nothing for the zero one.
func given(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func seconds(at, since time.Time) int64 { return max(0, int64(at.Sub(since)/time.Second)) }

// watch looks again and again until it is stopped, which is no failure. A terminal
// shows the last look alone; with --json each look is a line.
func (c *queueShowCmd) watch(rt *runtime, s *store.Store) error {
	every := time.NewTicker(watchEvery)
	defer every.Stop()
	for {
		out, err := c.look(rt, s)
		if rt.ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		if err := rt.showLook(out); err != nil {
			return err
		}
		select {
		case <-rt.ctx.Done():
			return nil
		case <-every.C:
		}
	}
}

// showLook writes one look of many.
func (rt *runtime) showLook(out queueOutput) error {
	rt.answered = true
	if rt.json {
		enc := json.NewEncoder(rt.stdout)
		enc.SetEscapeHTML(false)
		return enc.Encode(out)
	}
	var b bytes.Buffer
	if isTerminal(rt.stdout) {
		b.WriteString(clearScreen + noWrap)
	}
	printQueue(&b, out)
	if isTerminal(rt.stdout) {
		b.WriteString(wrap)
	} else {
		b.WriteString("\n")
	}
	_, err := rt.stdout.Write(b.Bytes())
	return err
}

// clearScreen empties a terminal and goes to its upper left corner.
const clearScreen = "\x1b[H\x1b[2J"
