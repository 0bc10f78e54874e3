package worker_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"tidings/internal/campaign"
	"tidings/worker"
)

var errDown = errors.New("connection refused")

// row is a message in the bench's ledger.
type row struct {
	state   campaign.State
	reason  string
	token   int64
	attempt int
	result  campaign.Result // the last one that counted
}

// bench is a ledger, a renderer and a line in one, with switches for faults. It
// checks what must hold whatever fails: no dot without an admitted hand-over, no
// two hand-overs of one connection at a time.
type bench struct {
	t    *testing.T
	log  bytes.Buffer
	rows map[int64]*row

	mu      sync.Mutex
	dots    []int64 // whose final dot was written
	aborted []int64
	batches []worker.Batch
	gets    int
	puts    int
	givenUp int
	claims  int
	paused  int
	clocks  int

	// Faults; nil: none.
	onClock  func(n int) error
	onClaim  func(n int) error
	onRender func(id int64) error
	onGet    func(n int) error
	onBegin  func(id int64) error
	onCommit func(b worker.Batch) error // before anything is stored
	lost     func(b worker.Batch) bool  // stored, but the answer is lost
	onFinish func(id int64) (campaign.Reply, error)
}

var now = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// newBench has messages 1…n queued.
func newBench(t *testing.T, n int) *bench {
	b := &bench{t: t, rows: map[int64]*row{}}
	for id := range int64(n) {
		b.rows[id+1] = &row{state: campaign.Queued}
	}
	return b
}

func (b *bench) worker(claimSize int) *worker.Worker {
	return worker.New(worker.Options{
		Ledger: b, Renderer: b, Line: b, ClaimSize: claimSize, Log: slog.New(slog.NewTextHandler(&b.log, nil)),
		Clock: func(context.Context) (time.Time, error) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.clocks++
			if b.onClock != nil {
				return now, b.onClock(b.clocks)
			}
			return now, nil
		},
		Pause: func(context.Context, time.Duration) { b.paused++ },
	})
}

func (b *bench) Claim(_ context.Context, _ int64, n int, at time.Time) ([]campaign.Outgoing, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.claims++
	if b.onClaim != nil {
		if err := b.onClaim(b.claims); err != nil {
			return nil, err
		}
	}
	var out []campaign.Outgoing
	for id := range int64(len(b.rows)) {
		r := b.rows[id+1]
		if r.state != campaign.Queued || len(out) == n {
			continue
		}
		r.state, r.token, r.attempt = campaign.Claimed, r.token+1, r.attempt+1
		out = append(out, campaign.Outgoing{
			ID: id + 1, Token: r.token, Attempt: r.attempt, Now: at, LeaseTill: at.Add(worker.Lease), Campaign: "x",
			Customer: campaign.Customer{Email: fmt.Sprintf("c%d@kape.example", id+1)},
		})
	}
	return out, nil
}

func (b *bench) GiveUp(context.Context, int64) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.givenUp++
	return nil
}

func (b *bench) Commit(_ context.Context, batch worker.Batch, _ time.Time) (map[campaign.Claim]bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.batches = append(b.batches, batch)
	if b.onCommit != nil {
		if err := b.onCommit(batch); err != nil {
			return nil, err
		}
	}
	for _, r := range batch.Results {
		b.record(r)
	}
	admitted := map[campaign.Claim]bool{}
	for _, h := range batch.Handoffs {
		if m := b.rows[h.ID]; m.token == h.Token && m.state == campaign.Claimed {
			m.state = campaign.Handoff
			admitted[h.Claim] = true
		}
	}
	window := 0
	for _, m := range b.rows {
		if m.state == campaign.Handoff {
			window++
		}
	}
	if open := b.gets - b.puts; window > max(open, 1) {
		b.t.Errorf("%d messages in handoff on %d connections", window, open)
	}
	if b.lost != nil && b.lost(batch) {
		return nil, errDown
	}
	return admitted, nil
}

func (b *bench) record(r campaign.Result) {
	m := b.rows[r.ID]
	if m.token != r.Token || m.state != campaign.Claimed && m.state != campaign.Handoff {
		return
	}
	m.result, m.reason = r, r.Reason
	switch r.Verdict {
	case campaign.WasAccepted:
		m.state = campaign.Accepted
	case campaign.WasFailed:
		m.state = campaign.Failed
	case campaign.WasUncertain:
		m.state = campaign.Uncertain
	case campaign.WasRelease:
		m.state, m.attempt = campaign.Pending, m.attempt-1
	default:
		m.state = campaign.Pending
	}
}

func (b *bench) Render(o campaign.Outgoing) (campaign.Email, error) {
	if b.onRender != nil {
		if err := b.onRender(o.ID); err != nil {
			return campaign.Email{}, err
		}
	}
	return campaign.Email{To: o.Customer.Email, Body: []byte(strconv.FormatInt(o.ID, 10)), Links: []campaign.Link{{ID: o.ID, URL: "u"}}}, nil
}

func (b *bench) Get(ctx context.Context) (worker.Conn, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, &campaign.SendError{Stage: campaign.StageDial, Err: err}
	}
	b.gets++
	if b.onGet != nil {
		if err := b.onGet(b.gets); err != nil {
			b.puts++
			return nil, err
		}
	}
	return &conn{bench: b}, nil
}

func (b *bench) Put(worker.Conn) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.puts++
}

type conn struct {
	*bench
	open int64 // the message begun
}

func (c *conn) Begin(ctx context.Context, e campaign.Email) error {
	id, err := strconv.ParseInt(string(e.Body), 10, 64)
	if err != nil {
		return err
	}
	if c.open != 0 {
		c.t.Errorf("message %d begun while %d is open", id, c.open)
	}
	if c.onBegin != nil {
		if err := c.onBegin(id); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return &campaign.SendError{Stage: campaign.StageData, Err: err}
	}
	c.open = id
	return nil
}

func (c *conn) Finish(ctx context.Context) (campaign.Reply, error) {
	c.mu.Lock()
	id := c.open
	c.open = 0
	if m := c.rows[id]; m == nil || m.state != campaign.Handoff {
		c.t.Errorf("dot of message %d without a hand-over", id)
	}
	c.dots = append(c.dots, id)
	c.mu.Unlock()
	if ctx.Err() != nil {
		c.t.Errorf("the wait for the reply to message %d can be cut short", id)
	}
	if c.onFinish != nil {
		if reply, err := c.onFinish(id); err != nil || reply.Code != 0 {
			return reply, err
		}
	}
	return campaign.Reply{Code: 250, Enhanced: "2.0.0", Text: "ok"}, nil
}

func (c *conn) FinishBegin(ctx context.Context, next campaign.Email) (worker.Ending, error) {
	reply, err := c.Finish(ctx)
	return worker.Ending{Reply: reply, Err: err}, c.Begin(ctx, next)
}

func (c *conn) Abort() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.aborted = append(c.aborted, c.open)
	c.open = 0
}

// ends is the ledger in one line: "1 accepted · 2 failed render".
func (b *bench) ends() string {
	var out []string
	for id := range int64(len(b.rows)) {
		r := b.rows[id+1]
		one := fmt.Sprint(id+1, " ", r.state)
		if r.reason != "" {
			one += " " + r.reason
		}
		out = append(out, one)
	}
	return strings.Join(out, " · ")
}

func has(b worker.Batch, result, handoff int64) bool {
	return result != 0 && slices.ContainsFunc(b.Results, func(r campaign.Result) bool { return r.ID == result }) ||
		handoff != 0 && slices.ContainsFunc(b.Handoffs, func(h worker.Handoff) bool { return h.ID == handoff })
}
