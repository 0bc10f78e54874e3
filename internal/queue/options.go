package queue

import "time"

// TLSVerify says whether the certificate of a rediss:// server is checked.
type TLSVerify string

// The ways to verify. Auto checks, except on Heroku, whose Redis shows a
// certificate that nobody vouches for.
const (
	VerifyAuto TLSVerify = "auto"
	VerifyOn   TLSVerify = "on"
	VerifyOff  TLSVerify = "off"
)

type options struct {
	verify   TLSVerify
	heroku   bool
	poolSize int
	timeout  time.Duration // of a task
	grace    time.Duration
	poll     time.Duration // between two looks that nothing asks for; 0: as fits the server
}

// Option changes a queue's defaults.
type Option func(*options)

// WithTLSVerify sets how a rediss:// server is verified; heroku tells that the
// process runs there. skip_verify=true in the URL turns verification off too.
func WithTLSVerify(v TLSVerify, heroku bool) Option {
	return func(o *options) { o.verify, o.heroku = v, heroku }
}

// WithPoolSize sets the most connections to Redis, 6 by default, beside three for
// each Serve. Small plans allow 20 for all processes together.
func WithPoolSize(n int) Option { return func(o *options) { o.poolSize = max(n, 2) } }

// WithTaskTimeout sets how long a slice may take before its context ends and it
// is run again; 10 minutes by default, in whole seconds.
func WithTaskTimeout(d time.Duration) Option { return func(o *options) { o.timeout = d } }

// WithGrace sets how long handlers may take, once they have been told to stop,
// before their tasks go back to the queue; 20 s by default.
func WithGrace(d time.Duration) Option { return func(o *options) { o.grace = d } }
