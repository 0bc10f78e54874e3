package cli

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"tidings/internal/inbox"
	"tidings/internal/mail"
)

// startInbox opens the built-in inbox on a free port of this machine and returns
// the SMTP address to send to. It ends with ctx.
func (rt *runtime) startInbox(ctx context.Context, clock func() time.Time) (*inbox.Inbox, string, error) {
	box, err := inbox.New(inbox.Options{Log: rt.log, Now: clock})
	if err != nil {
		return nil, "", err
	}
	ln, err := inbox.Listen()
	if err != nil {
		return nil, "", err
	}
	go func() {
		if err := box.Serve(ctx, ln); err != nil && ctx.Err() == nil {
			rt.log.Error("inbox ended", "error", err)
		}
	}()
	return box, fmt.Sprintf("smtp://%s", ln.Addr()), nil
}

// ownInbox is a pool that sends to an inbox of its own, until stop.
func (rt *runtime) ownInbox(ctx context.Context) (pool *mail.Pool, stop func(), err error) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	_, address, err := rt.startInbox(ctx, time.Now)
	if err == nil {
		pool, err = rt.newPool(address)
	}
	if err != nil {
		cancel()
		return nil, nil, err
	}
	return pool, cancel, nil
}

// heloName is what mail servers are greeted with: the host of PUBLIC_URL, never
// the random name of a machine on a platform.
func (rt *runtime) heloName() string {
	if u, err := url.Parse(rt.cfg.PublicURL); err == nil && u.Hostname() != "" {
		return u.Hostname()
	}
	return "localhost"
}

// closePool says goodbye to the mail server.
func closePool(p *mail.Pool) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	_ = p.Close(ctx)
}
