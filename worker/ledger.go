package worker

import (
	"context"
	"time"

	"tidings/internal/campaign"
)

// Ledger is what the worker needs of the database. Every call is one
// transaction.
type Ledger interface {
	// Claim takes up to n queued messages of a slice through the last look and
	// leases them to the caller for Lease. None left: an empty answer.
	Claim(ctx context.Context, slice int64, n int, now time.Time) ([]campaign.Outgoing, error)
	// GiveUp lets go of what is still queued of a slice, for others to take.
	GiveUp(ctx context.Context, slice int64) error
	// Commit records results and admits hand-overs, all in one transaction. The
	// answer has the claims whose final dot may be sent: those that nothing has
	// fenced off since.
	Commit(ctx context.Context, b Batch, now time.Time) (map[campaign.Claim]bool, error)
}

// Batch is what connections commit together: the result of each one's last
// message and the hand-over of its next.
type Batch struct {
	Results  []campaign.Result
	Handoffs []Handoff
}

// Handoff asks for the right to send a message's final dot.
type Handoff struct {
	campaign.Claim
	Customer int64 // whose the message is
	Links    []campaign.Link
	Page     campaign.Page // nil: none
}

// Lease is how long a claim holds. Within it a message is rendered, its
// transaction opened and its hand-over admitted; the wait for the server's
// reply to the dot comes on top and is bounded by ReplyLimit.
const (
	Lease      = 2 * time.Minute
	ReplyLimit = 90 * time.Second
)

// Renderer makes the email of a claimed message. Its errors are the message's
// own: the same call would fail again.
type Renderer interface {
	Render(o campaign.Outgoing) (campaign.Email, error)
}

// Line lends connections to the mail server.
type Line interface {
	Get(ctx context.Context) (Conn, error)
	Put(c Conn)
}

// Conn speaks one SMTP transaction at a time, in two phases. Its errors are
// *campaign.SendError.
type Conn interface {
	// Begin writes everything but the final dot. After an error the connection is
	// still good, or closed, as Put will find out.
	Begin(ctx context.Context, e campaign.Email) error
	// Finish writes the dot and reads the reply.
	Finish(ctx context.Context) (campaign.Reply, error)
	// FinishBegin is Finish and then Begin of the next message; where the server
	// allows it both take one round trip. The error is that of Begin.
	FinishBegin(ctx context.Context, next campaign.Email) (Ending, error)
	// Abort closes the connection hard, so that what was begun is not delivered.
	Abort()
}

// Ending is what Finish returns.
type Ending struct {
	Reply campaign.Reply
	Err   error
}
