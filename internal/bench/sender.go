package bench

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime/pprof"
	"sync"
	"time"
)

// Report is a line that a process under measurement writes.
type Report struct {
	Ready   bool    `json:"ready,omitempty"`
	Address string  `json:"address,omitempty"` // of a sink
	Sent    int     `json:"sent,omitempty"`    // recorded as accepted, so far
	At      int64   `json:"at,omitempty"`      // when the last of them was, in Unix microseconds
	Usage   *Usage  `json:"usage,omitempty"`   // at the end
	Taken   *Taken  `json:"taken,omitempty"`   // by a sink, when asked
	Seconds float64 `json:"seconds,omitempty"` // of the bare loop
}

// Usage is what a process has used since it was told to go.
type Usage struct {
	CPU   float64            `json:"cpu_seconds"`
	Parts map[string]float64 `json:"by_part"` // of CPU
	Peak  int64              `json:"peak_rss_bytes"`
}

// Reporter speaks with the process that measures this one: reports go out as
// lines of JSON, orders come in as lines.
type Reporter struct {
	mu  sync.Mutex
	out *json.Encoder
	in  *bufio.Scanner

	sent    int
	last    time.Time
	cpu     time.Duration
	profile bytes.Buffer
}

// NewReporter speaks over the given streams.
func NewReporter(in io.Reader, out io.Writer) *Reporter {
	return &Reporter{out: json.NewEncoder(out), in: bufio.NewScanner(in)}
}

// Say writes a report.
func (r *Reporter) Say(line Report) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.out.Encode(line)
}

// Await waits for an order, and fails when none comes any more.
func (r *Reporter) Await(order string) error {
	if !r.in.Scan() {
		return errors.Join(errors.New("the measuring process is gone"), r.in.Err())
	}
	if got := r.in.Text(); got != order {
		return fmt.Errorf("told to %q, expected %q", got, order)
	}
	return nil
}

// tellEvery is how often a process tells how far it is.
const tellEvery = 50 * time.Millisecond

// Sent counts mails that were recorded as accepted.
func (r *Reporter) Sent(n int, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.sent += n; n > 0 {
		r.last = now
	}
}

// Tell tells how far the process is, until stop.
func (r *Reporter) Tell() (stop func()) {
	every, done := time.NewTicker(tellEvery), make(chan struct{})
	go func() {
		told := 0
		for {
			select {
			case <-every.C:
			case <-done:
				return
			}
			r.mu.Lock()
			if r.sent > told {
				told = r.sent
				_ = r.out.Encode(Report{Sent: r.sent, At: r.last.UnixMicro()})
			}
			r.mu.Unlock()
		}
	}()
	return func() { every.Stop(); close(done) }
}

// Begin starts to measure this process.
func (r *Reporter) Begin() error {
	r.cpu = processorTime()
	if err := pprof.StartCPUProfile(&r.profile); err != nil {
		return fmt.Errorf("profile: %w", err)
	}
	return nil
}

// End ends the measuring and tells of it. The profile goes to raw too, if that
// is not nil.
func (r *Reporter) End(rules [][2]string, raw io.Writer) error {
	u := &Usage{CPU: (processorTime() - r.cpu).Seconds(), Peak: peakMemory(), Parts: map[string]float64{}}
	pprof.StopCPUProfile()
	if raw != nil {
		if _, err := raw.Write(r.profile.Bytes()); err != nil {
			return err
		}
	}
	shares, err := Parts(r.profile.Bytes(), rules)
	if err != nil {
		return err
	}
	for name, share := range shares {
		u.Parts[name] = share * u.CPU
	}
	return r.Say(Report{Usage: u})
}
