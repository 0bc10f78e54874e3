package worker_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tidings/internal/campaign"
	"tidings/worker"
)

func smtp(stage campaign.Stage, code int, enhanced string) error {
	e := &campaign.SendError{Stage: stage, Reply: campaign.Reply{Code: code, Enhanced: enhanced}}
	if code == 0 {
		e.Err = errDown
	}
	return e
}

// only gives err to one message or call.
func only[N int | int64](n N, err error) func(N) error {
	return func(got N) error {
		if got == n {
			return err
		}
		return nil
	}
}

// Three messages of one slice, claimed at once unless said otherwise; the fault
// strikes the second.
func TestFaults(t *testing.T) {
	t.Parallel()
	const all = "1 accepted · 2 accepted · 3 accepted"
	for _, c := range []struct {
		name  string
		size  int // of a claim; 0: 3
		fault func(b *bench, stop func())
		ends  string
		dots  string
		fails bool // the slice, as the database does not answer
		check func(b *bench) string
	}{
		{name: "none", ends: all, dots: "[1 2 3]", check: func(b *bench) string {
			// Claims and clock apart, one commit a message and one at the end; one connection.
			if len(b.batches) != 4 || b.gets != 1 || b.puts != 1 || b.claims != 2 {
				return fmt.Sprintf("%d commits, %d connections, %d given back, %d claims", len(b.batches), b.gets, b.puts, b.claims)
			}
			if h := b.batches[1]; len(h.Results) != 1 || h.Results[0].ID != 1 || h.Handoffs[0].ID != 2 || h.Handoffs[0].Links[0].ID != 2 {
				return fmt.Sprintf("the second commit is %+v", h)
			}
			return ""
		}},
		{name: "render", fault: func(b *bench, _ func()) { b.onRender = only(int64(2), errors.New("line 3: no name")) },
			ends: "1 accepted · 2 failed render · 3 accepted", dots: "[1 3]", check: func(b *bench) string {
				if r := b.rows[2].result; r.Detail != "line 3: no name" {
					return fmt.Sprintf("%+v", r)
				}
				return ""
			}},
		{name: "dial", fault: func(b *bench, _ func()) { b.onGet = only(1, smtp(campaign.StageDial, 0, "")) },
			ends: "1 pending connection · 2 accepted · 3 accepted", dots: "[2 3]", check: func(b *bench) string {
				if r := b.rows[1].result; r.RetryIn != time.Minute || r.Detail != "dial: connection refused" || b.rows[1].attempt != 0 {
					return fmt.Sprintf("%+v", r)
				}
				return ""
			}},
		{name: "dial, some other error", fault: func(b *bench, _ func()) { b.onGet = func(int) error { return errors.New("pool is closed") } },
			ends: "1 pending connection · 2 pending connection · 3 pending connection", dots: "[]"},
		{name: "mail, no reply", fault: func(b *bench, _ func()) { b.onBegin = only(int64(2), smtp(campaign.StageMail, 0, "")) },
			ends: "1 accepted · 2 pending connection · 3 accepted", dots: "[1 3]"},
		{name: "mail refused", fault: func(b *bench, _ func()) { b.onBegin = only(int64(2), smtp(campaign.StageMail, 550, "5.7.1")) },
			ends: "1 accepted · 2 pending refused_sender · 3 accepted", dots: "[1 3]"},
		{name: "rcpt later", fault: func(b *bench, _ func()) { b.onBegin = only(int64(2), smtp(campaign.StageRcpt, 450, "4.2.1")) },
			ends: "1 accepted · 2 pending temporary · 3 accepted", dots: "[1 3]"},
		{name: "rcpt unknown", fault: func(b *bench, _ func()) { b.onBegin = only(int64(2), smtp(campaign.StageRcpt, 550, "5.1.1")) },
			ends: "1 accepted · 2 failed bad_address · 3 accepted", dots: "[1 3]", check: func(b *bench) string {
				if r := b.rows[2].result; !r.Suppress || r.Reply.Code != 550 {
					return fmt.Sprintf("%+v", r)
				}
				return ""
			}},
		{name: "body", fault: func(b *bench, _ func()) { b.onBegin = only(int64(2), smtp(campaign.StageData, 0, "")) },
			ends: "1 accepted · 2 pending connection · 3 accepted", dots: "[1 3]"},
		{name: "hand-over refused", fault: func(b *bench, _ func()) {
			b.onBegin = func(id int64) error {
				if id == 2 { // an unsubscribe, while the body is written
					b.rows[2].state, b.rows[2].token = campaign.Cancelled, b.rows[2].token+1
				}
				return nil
			}
		}, ends: "1 accepted · 2 cancelled · 3 accepted", dots: "[1 3]", check: func(b *bench) string {
			if fmt.Sprint(b.aborted) != "[2]" || b.gets != 2 || b.puts != 2 {
				return fmt.Sprintf("aborted %v, %d connections, %d given back", b.aborted, b.gets, b.puts)
			}
			return ""
		}},
		{name: "hand-over not stored", fault: func(b *bench, _ func()) {
			b.onCommit = func(batch worker.Batch) error {
				if has(batch, 0, 2) {
					return errDown
				}
				return nil
			}
		}, ends: "1 accepted · 2 pending · 3 pending", dots: "[1]", fails: true, check: func(b *bench) string {
			if fmt.Sprint(b.aborted) != "[2]" {
				return fmt.Sprintf("aborted %v", b.aborted)
			}
			return released(2, 3)(b)
		}},
		{name: "hand-over stored, nobody knows", fault: func(b *bench, _ func()) {
			b.lost = func(batch worker.Batch) bool { return has(batch, 0, 2) }
		}, ends: "1 accepted · 2 pending · 3 pending", dots: "[1]", fails: true, check: released(2, 3)},
		{name: "hand-over stored, and nothing more", fault: func(b *bench, _ func()) {
			away := false
			b.onCommit = func(worker.Batch) error {
				if away {
					return errDown
				}
				return nil
			}
			b.lost = func(batch worker.Batch) bool { away = has(batch, 0, 1); return away }
		}, ends: "1 handoff · 2 claimed · 3 claimed", dots: "[]", fails: true},
		{name: "reply later", fault: func(b *bench, _ func()) { b.onFinish = finish(2, smtp(campaign.StageDot, 451, "4.7.1")) },
			ends: "1 accepted · 2 pending throttled · 3 accepted", dots: "[1 2 3]"},
		{name: "reply never", fault: func(b *bench, _ func()) { b.onFinish = finish(2, smtp(campaign.StageDot, 554, "5.7.1")) },
			ends: "1 accepted · 2 failed policy · 3 accepted", dots: "[1 2 3]"},
		{name: "no reply", fault: func(b *bench, _ func()) { b.onFinish = finish(2, smtp(campaign.StageDot, 0, "")) },
			ends: "1 accepted · 2 uncertain no_reply · 3 accepted", dots: "[1 2 3]"},
		{name: "dot not written", fault: func(b *bench, _ func()) { b.onFinish = finish(2, smtp(campaign.StageData, 0, "")) },
			ends: "1 accepted · 2 pending connection · 3 accepted", dots: "[1 2 3]"},
		{name: "last result fails once", fault: func(b *bench, _ func()) { b.onCommit = failing(1, 3) },
			ends: all, dots: "[1 2 3]", check: func(b *bench) string {
				if b.paused != 1 {
					return fmt.Sprintf("tried again after %d pauses", b.paused)
				}
				return ""
			}},
		{name: "last result is stored, nobody knows", fault: func(b *bench, _ func()) {
			once := false
			b.lost = func(batch worker.Batch) bool {
				lost := !once && has(batch, 3, 0)
				once = once || lost
				return lost
			}
		}, ends: all, dots: "[1 2 3]"},
		{name: "result fails for a while", fault: func(b *bench, _ func()) { b.onCommit = failing(8, 1) },
			// With it the hand-over of the second was refused.
			ends: "1 accepted · 2 pending · 3 pending", dots: "[1]", fails: true},
		{name: "last result fails for long", fault: func(b *bench, _ func()) { b.onCommit = failing(1000, 3) },
			ends: "1 accepted · 2 accepted · 3 handoff", dots: "[1 2 3]", fails: true, check: func(b *bench) string {
				if log := b.log.String(); !strings.Contains(log, `"result not stored" message=3 token=1 verdict=accepted code=250`) || strings.Contains(log, "kape") {
					return log
				}
				return ""
			}},
		{name: "release fails", fault: func(b *bench, stop func()) {
			b.onRender = func(id int64) error {
				if id == 2 {
					stop()
				}
				return nil
			}
			b.onCommit = failing(1000, 3)
		}, ends: "1 accepted · 2 claimed · 3 claimed", dots: "[1]", fails: true, check: func(b *bench) string {
			if b.paused > 30 {
				return fmt.Sprintf("%d pauses for what comes back by itself", b.paused)
			}
			return ""
		}},
		{name: "next claim fails", fault: func(b *bench, _ func()) { b.onClaim = only(2, errDown) },
			ends: all, dots: "[1 2 3]", fails: true},
		{name: "clock fails", size: 2, fault: func(b *bench, _ func()) { b.onClock = only(5, errDown) },
			ends: "1 accepted · 2 accepted · 3 queued", dots: "[1 2]", fails: true},
		{name: "stopped at render", fault: func(b *bench, stop func()) {
			b.onRender = func(id int64) error {
				if id == 2 {
					stop()
				}
				return nil
			}
		}, ends: "1 accepted · 2 pending · 3 pending", dots: "[1]", check: released(2, 3)},
		{name: "stopped at render of the first", fault: func(b *bench, stop func()) {
			b.onRender = func(id int64) error { stop(); return nil }
		}, ends: "1 pending · 2 pending · 3 pending", dots: "[]", check: released(1, 2, 3)},
		{name: "stopped in the body", fault: func(b *bench, stop func()) {
			b.onBegin = func(id int64) error {
				if id == 2 {
					stop()
				}
				return nil
			}
		}, ends: "1 accepted · 2 pending · 3 pending", dots: "[1]", check: released(2, 3)},
		{name: "stopped at the hand-over", fault: func(b *bench, stop func()) {
			b.onCommit = func(batch worker.Batch) error {
				if has(batch, 0, 2) {
					stop()
				}
				return nil
			}
		}, ends: "1 accepted · 2 accepted · 3 pending", dots: "[1 2]", check: released(3)},
		{name: "stopped before the reply", fault: func(b *bench, stop func()) {
			b.onFinish = func(id int64) (campaign.Reply, error) {
				if id == 2 {
					stop()
				}
				return campaign.Reply{}, nil
			}
		}, ends: "1 accepted · 2 accepted · 3 pending", dots: "[1 2]", check: func(b *bench) string {
			// The third was begun behind the dot, and is taken back.
			if fmt.Sprint(b.aborted) != "[3]" {
				return fmt.Sprintf("aborted %v", b.aborted)
			}
			return released(3)(b)
		}},
		{name: "begun behind a dot, then cancelled", fault: func(b *bench, _ func()) {
			b.onCommit = func(batch worker.Batch) error {
				if has(batch, 0, 3) { // an order, while it lay with the server
					b.rows[3].state, b.rows[3].token = campaign.Cancelled, b.rows[3].token+1
				}
				return nil
			}
		}, ends: "1 accepted · 2 accepted · 3 cancelled", dots: "[1 2]", check: func(b *bench) string {
			if fmt.Sprint(b.aborted) != "[3]" {
				return fmt.Sprintf("aborted %v", b.aborted)
			}
			return ""
		}},
		{name: "no reply, and the next is begun elsewhere", fault: func(b *bench, _ func()) {
			b.onFinish = finish(1, smtp(campaign.StageDot, 0, ""))
			b.onCommit = func(batch worker.Batch) error {
				// What is in doubt is stored before the next is handed over.
				if has(batch, 0, 2) && b.rows[1].state != campaign.Uncertain {
					b.t.Errorf("message 2 is handed over while 1 is %s", b.rows[1].state)
				}
				return nil
			}
		}, ends: "1 uncertain no_reply · 2 accepted · 3 accepted", dots: "[1 2 3]"},
		{name: "the next cannot be rendered, and nothing is stored", fault: func(b *bench, _ func()) {
			b.onRender = only(int64(2), errors.New("line 3: no name"))
			b.onCommit = func(batch worker.Batch) error {
				if has(batch, 0, 1) {
					return errDown
				}
				return nil
			}
		}, ends: "1 pending · 2 pending · 3 pending", dots: "[]", fails: true},
		{name: "stopped between claims", size: 1, fault: func(b *bench, stop func()) {
			b.onFinish = func(id int64) (campaign.Reply, error) {
				if id == 2 {
					stop()
				}
				return campaign.Reply{}, nil
			}
		}, ends: "1 accepted · 2 accepted · 3 queued", dots: "[1 2]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, 3)
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			if c.fault != nil {
				c.fault(b, stop)
			}
			size := c.size
			if size == 0 {
				size = 3
			}
			err := b.worker(size).Slice(ctx, 7)
			want := error(nil)
			switch {
			case c.fails:
				want = errDown
			case ctx.Err() != nil: // the task is to be taken up again elsewhere
				want = context.Canceled
			}
			if !errors.Is(err, want) {
				t.Errorf("slice ended with %v", err)
			}
			if got := b.ends(); got != c.ends {
				t.Errorf("ledger: %s\nwant:   %s", got, c.ends)
			}
			if got := fmt.Sprint(b.dots); got != c.dots {
				t.Errorf("dots of %s, want %s", got, c.dots)
			}
			if b.gets != b.puts {
				t.Errorf("%d connections taken, %d given back", b.gets, b.puts)
			}
			if c.check != nil {
				if wrong := c.check(b); wrong != "" {
					t.Error(wrong)
				}
			}
		})
	}
}

func finish(id int64, err error) func(int64) (campaign.Reply, error) {
	return func(got int64) (campaign.Reply, error) {
		if got == id {
			return campaign.Reply{}, err
		}
		return campaign.Reply{}, nil
	}
}

// failing refuses the first n commits with a result of message id, and with
// nothing of the others.
func failing(n int, id int64) func(worker.Batch) error {
	return func(b worker.Batch) error {
		if has(b, id, 0) && n > 0 {
			n--
			return errDown
		}
		return nil
	}
}

// released checks that messages went back at no cost.
func released(ids ...int64) func(*bench) string {
	return func(b *bench) string {
		for _, id := range ids {
			if r := b.rows[id]; r.attempt != 0 || r.result.Verdict != campaign.WasRelease {
				return fmt.Sprintf("message %d: %+v", id, r)
			}
		}
		return ""
	}
}

// While one commit is on its way, what the other connections ask for collects
// for the next.
func TestCommitsAreGrouped(t *testing.T) {
	t.Parallel()
	const lanes = 8
	b := newBench(t, lanes)
	gate, begun := make(chan struct{}), make(chan struct{})
	var turn atomic.Int32
	first := true
	b.onCommit = func(worker.Batch) error {
		if first {
			first = false
			close(begun)
			b.mu.Unlock()
			<-gate
			b.mu.Lock()
		}
		return nil
	}
	b.onBegin = func(int64) error {
		if turn.Add(1) > 1 {
			<-begun // the first one commits alone
		}
		return nil
	}
	w := b.worker(1)
	var done sync.WaitGroup
	for range lanes {
		done.Go(func() {
			if err := w.Slice(t.Context(), 1); err != nil {
				t.Error(err)
			}
		})
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := worker.WaitFor(ctx, w, lanes-1); err != nil {
		t.Error(err)
	}
	close(gate)
	done.Wait()
	if len(b.batches[0].Handoffs) != 1 || len(b.batches[1].Handoffs) != lanes-1 {
		t.Errorf("hand-overs of the first commit %d, of the second %d", len(b.batches[0].Handoffs), len(b.batches[1].Handoffs))
	}
	if len(b.dots) != lanes {
		t.Errorf("%d dots", len(b.dots))
	}
}

// A slice that has had its time lets go of what it has claimed and of what it has
// not, at no cost to either, so that a slow server holds nobody's mail.
func TestSliceTime(t *testing.T) {
	t.Parallel()
	b := newBench(t, 5)
	w := worker.New(worker.Options{
		Ledger: b, Renderer: b, Line: b, ClaimSize: 3, SliceTime: time.Nanosecond, Log: slog.New(slog.DiscardHandler),
		Clock: func(context.Context) (time.Time, error) { return now, nil },
	})
	// The time is over before the first claim: nothing is begun.
	if err := w.Slice(t.Context(), 7); err != nil || b.claims != 0 || b.givenUp != 1 {
		t.Errorf("%v, %d claims, given up %d times", err, b.claims, b.givenUp)
	}
	// It ends amid the first batch: what was begun is seen through.
	w = worker.New(worker.Options{
		Ledger: b, Renderer: b, Line: b, ClaimSize: 3, SliceTime: time.Hour, Log: slog.New(slog.DiscardHandler),
		Clock: func(context.Context) (time.Time, error) { return now, nil },
	})
	b.onFinish = func(int64) (campaign.Reply, error) {
		worker.SpendSlice(w)
		return campaign.Reply{}, nil
	}
	if err := w.Slice(t.Context(), 7); err != nil {
		t.Error(err)
	}
	if got := b.ends(); got != "1 accepted · 2 pending · 3 pending · 4 queued · 5 queued" || b.givenUp != 2 {
		t.Errorf("%s, given up %d times", got, b.givenUp)
	}
	if wrong := released(2, 3)(b); wrong != "" {
		t.Error(wrong)
	}
}
