package scheduler

import (
	"context"
	"time"

	"tidings/internal/campaign"
)

// Store is what the scheduler needs of the database.
type Store interface {
	// Advance notes a tick at now and refuses one into the past.
	Advance(ctx context.Context, now time.Time) error
	// Sync makes the store's campaigns those of the catalog.
	Sync(ctx context.Context, cat *campaign.Catalog, now time.Time) error
	// Settle makes events of what people did with mails, once all is known by which
	// they are told from machines. It returns how many hits it has settled.
	Settle(ctx context.Context, now time.Time) (int, error)
	// InCampaign runs f in a transaction that no other tick of the campaign
	// shares; what f did is kept whole or not at all.
	InCampaign(ctx context.Context, c *campaign.Campaign, now time.Time, f func(Books) error) error
	// Sweep takes up what was left lying: leases run out, hand-overs without a
	// reply, expired messages. It returns how many rows it moved.
	Sweep(ctx context.Context, now time.Time) (int, error)
	// Watch pauses campaigns that must not go on, and tells what a person must know.
	Watch(ctx context.Context, now time.Time) (Watched, error)
	// Relay marks due messages as queued, with at most what o allows in the queue at
	// once and what rates, quotas and throttles let out, and returns the slices to
	// enqueue.
	Relay(ctx context.Context, now time.Time, o RelayOptions) (Relayed, error)
	// Return puts the messages of slices back that the queue did not take.
	Return(ctx context.Context, slices []Slice) error
	// Requeue puts back what is queued when the queue of that epoch is another
	// than the one it was queued in. It returns how many messages it put back.
	Requeue(ctx context.Context, epoch string) (int, error)
}

// Books are one campaign's passes and messages within a transaction.
type Books interface {
	Ledger() Ledger
	// Fresh lists running passes that fresh facts may end or wake.
	Fresh(ctx context.Context, w Window) ([]campaign.Pass, error)
	// Exits tells which of the passes have ended, when and why.
	Exits(ctx context.Context, passes []campaign.Pass, asOf time.Time) (map[int64]Exit, error)
	// ExitedBefore tells whether a pass begun by earlier has ended as of later.
	ExitedBefore(ctx context.Context, earlier, later campaign.Candidate) (bool, error)
	Candidates(ctx context.Context, w Window) ([]campaign.Candidate, error)
	// Standings answers for each candidate, in order.
	Standings(ctx context.Context, cs []campaign.Candidate) ([]campaign.Standing, error)
	// Enter inserts passes; those that exist already come back with ID 0.
	Enter(ctx context.Context, es []campaign.Entry, now time.Time) ([]campaign.Pass, error)
	// Open lists the running passes of customers.
	Open(ctx context.Context, customers []int64) ([]campaign.Pass, error)
	// Due lists running passes whose wake moment has come.
	Due(ctx context.Context, now time.Time) ([]campaign.Pass, error)
	// Holds tells for which passes the condition holds, each as of its moment.
	Holds(ctx context.Context, c campaign.Condition, looks []Look) (map[int64]bool, error)
	// FirstHeld tells for each span the first moment at which the condition held.
	// Spans in which it never did are not in the answer, which is by pass.
	FirstHeld(ctx context.Context, c campaign.Condition, spans []Span) (map[int64]time.Time, error)
	// Save stores where passes stand, and the messages that they have come to.
	Save(ctx context.Context, moves []Move, messages []Message, now time.Time) error
	// Hold notes what the fuse holds of what is due up to a moment; nil: nothing any
	// more, and what was released has been let in.
	Hold(ctx context.Context, f *Fuse, through, now time.Time) error
	// Watermark stores how far the campaign is evaluated and what was decided.
	Watermark(ctx context.Context, w Window, entered int, held map[string]int, advance bool) error
}

// Ledger is a campaign's row.
type Ledger struct {
	Seed      string
	Active    bool // runs as of this moment
	Activated time.Time
	Watermark time.Time // zero: never evaluated
	Cursor    string    // of the last evaluation
	Next      string    // the cursor to store with this one
	Usual     float64   // mean of entries of earlier ticks that had any
	Held      bool      // by the fuse
	HeldSince time.Time // the first tick that was held
	Release   *Release  // what a person lets in of what is held
}

// Release lets in, once, what the fuse held as of a tick.
type Release struct {
	Entries int       // at most so many
	Through time.Time // that tick
}

// Window is what a tick evaluates: (From, To], and facts that became visible
// since Cursor whose due moment lies in (LateFrom, From].
type Window struct {
	From, To, LateFrom time.Time
	Cursor, Next       string
}

// Exit is the end of a pass by its trigger's cancel or exit_on.
type Exit struct {
	At     time.Time
	Reason string
}

// Look is a pass to be judged as of a moment.
type Look struct {
	Pass campaign.Pass
	AsOf time.Time
}

// Span is a pass and the moments [From, To] to be looked at.
type Span struct {
	Pass     campaign.Pass
	From, To time.Time
}

// Move is where a pass stands after a tick.
type Move struct {
	Pass     int64
	State    campaign.PassState
	Reason   string
	Step     string
	Wake     time.Time // zero: when its message is done
	Deadline time.Time // of a wait for a condition
	Since    time.Time // when such a wait began
	Ended    time.Time // zero: it goes on
}

// Message is a message to be written into the ledger.
type Message struct {
	Pass, Customer int64
	Step, Topic    string
	Reached        time.Time // when the pass came to the step
	Due, Expires   time.Time
}

// RelayOptions bound what is in the queue, each lane by itself.
type RelayOptions struct {
	MaxQueued int // messages queued or claimed at once
	MaxSlices int // slices that they are in; 0: as many as there are messages
	SliceSize int // messages a task carries at most
	Workers   int // slices that are worked on at once: fewer messages are spread over them
}

// Relayed is what a round of the relay let out.
type Relayed struct {
	At     time.Time // when
	Slices []Slice
	Next   time.Time // when more of what is due may go; zero: nothing waits for a moment
	Full   bool      // more may be due than the queue has room for
	// Lasts is how long what waits in a full queue keeps the workers busy at the speed
	// seen; 0: no speed was seen yet.
	Lasts     time.Duration
	Throttles []Throttled // who has asked for less, by key
}

// Throttled is a throttle that stands.
type Throttled struct {
	Key string // provider:NAME, domain:NAME, sender:NAME
	campaign.Throttle
}

// Slice is one task for the queue.
type Slice struct {
	ID   int64
	Lane campaign.Lane
}

// Queue takes slices for the workers.
type Queue interface {
	Enqueue(ctx context.Context, lane campaign.Lane, slice int64) error
	// Epoch names the queue's life; it changes when the queue was lost.
	Epoch(ctx context.Context) (string, error)
}
