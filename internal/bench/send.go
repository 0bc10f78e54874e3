package bench

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"time"
)

//go:embed mailing
var mailing embed.FS

// Mailing is the workspace of Send: one letter to everybody.
func Mailing() (fs.FS, error) { return fs.Sub(mailing, "mailing") }

// SendOptions say what is sent, and how.
type SendOptions struct {
	DatabaseURL, RedisURL string
	Messages, Connections int
	Workers               int // processes that send
	SMTPURL               string
	TLS                   bool          // of the sink
	Delay                 time.Duration // added to each round trip to the database
	Bare                  int           // mails of the bare loop
	// Self makes a process of this program: a sink, a bare loop, a sender.
	Self func(args ...string) *exec.Cmd
	Tell func(string)
}

// SendFigures are what was measured.
type SendFigures struct {
	Engine      string  `json:"engine"`
	Queue       string  `json:"queue"`
	Messages    int     `json:"messages"`
	Connections int     `json:"connections"`
	Workers     int     `json:"workers"`
	MailBytes   int     `json:"mail_bytes"`
	Seconds     float64 `json:"seconds"` // from the first look for due mails until the last was recorded
	PerSecond   float64 `json:"per_second"`
	// Peak is the largest sending process.
	Peak     int64        `json:"peak_rss_bytes"`
	CPU      SendCPU      `json:"cpu_seconds"`
	Micros   SendCPU      `json:"cpu_us_per_mail"`
	Baseline BareFigures  `json:"baseline"`
	Decided  DecidedIn    `json:"decided"`
	Each     []EachSender `json:"each"`
	// Proof is what the sink counted; without a sink of our own only the ledger is
	// looked at.
	Accepted int    `json:"accepted"` // in the ledger
	Proof    *Taken `json:"taken,omitempty"`
}

// SendCPU is processor time: of the sending processes together, of the tick that
// decided, of the database's for our connections, of the sink's.
type SendCPU struct {
	Worker   float64            `json:"worker"`
	Tick     float64            `json:"tick"`
	Database float64            `json:"database"`
	Sink     float64            `json:"sink"`
	Parts    map[string]float64 `json:"by_part"` // of worker and tick
}

// BareFigures are those of the bare loop.
type BareFigures struct {
	Messages  int     `json:"messages"`
	PerSecond float64 `json:"per_second"`
	Micros    float64 `json:"cpu_us_per_mail"`
	Sink      float64 `json:"sink_cpu_us_per_mail"`
}

// DecidedIn is what the tick took that decided all mails.
type DecidedIn struct {
	Seconds float64 `json:"seconds"`
}

// EachSender is one sending process.
type EachSender struct {
	Messages  int     `json:"messages"`
	PerSecond float64 `json:"per_second"`
	CPU       float64 `json:"cpu_seconds"`
	Peak      int64   `json:"peak_rss_bytes"`
}

// Send decides so many mails, sends them by the machine itself to a sink, and
// proves that each arrived once.
func Send(ctx context.Context, o SendOptions) (SendFigures, error) {
	if o.Tell == nil {
		o.Tell = func(string) {}
	}
	p, err := newPlace(ctx, o.DatabaseURL)
	if err != nil {
		return SendFigures{}, err
	}
	defer p.close()
	m := &mailingRun{SendOptions: o, place: p}
	m.out = SendFigures{Engine: p.engine.String(), Queue: "in process", Messages: o.Messages, Connections: o.Connections, Workers: o.Workers}
	if o.RedisURL != "" {
		m.out.Queue = "redis"
	}
	defer m.stop()
	for _, part := range []struct {
		name string
		do   func(context.Context) error
	}{{"decide", m.decide}, {"sink", m.startSink}, {"bare loop", m.bare}, {"send", m.send}, {"check", m.check}} {
		begun := time.Now()
		if err := part.do(ctx); err != nil {
			return m.out, fmt.Errorf("%s: %w", part.name, err)
		}
		o.Tell(fmt.Sprintf("%s: %.1f s", part.name, time.Since(begun).Seconds()))
	}
	return m.out, nil
}

// mailingRun is one run of Send.
type mailingRun struct {
	SendOptions
	place *place
	sink  *child
	all   []*child
	out   SendFigures
}

// stop ends what still runs.
func (m *mailingRun) stop() {
	for _, c := range m.all {
		c.kill()
	}
}

var errEnded = errors.New("a process of the benchmark ended early")
