package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"strconv"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/mail"
	"tidings/internal/preview"
	"tidings/internal/web"
)

// serve shows the previews in a browser until the context ends.
func (c *previewCmd) serve(rt *runtime, files fs.FS, dir string) error {
	handler, done, err := c.pages(rt, files)
	if err != nil {
		return err
	}
	defer done()
	if handler, err = c.guarded(rt, handler); err != nil {
		return err
	}
	ln, err := net.Listen("tcp", net.JoinHostPort(c.Host, strconv.Itoa(c.Port)))
	if err != nil {
		return fmt.Errorf("listen for the preview: %w; --port names another port, 0 one that is free", err)
	}
	ctx, cancel := context.WithCancel(rt.ctx)
	defer cancel()
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: 10 * time.Second, BaseContext: func(net.Listener) context.Context { return ctx },
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(ln) }()
	rt.printf("preview of %s: http://%s/ (Ctrl-C ends it)\n", dir, ln.Addr())
	select {
	case <-ctx.Done():
	case err := <-failed:
		return fmt.Errorf("serve the preview: %w", err)
	}
	cancel() // the streams of changes end with it
	stop, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if err := server.Shutdown(stop); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("stop the preview: %w", err)
	}
	return nil
}

// pages makes the preview's pages. Each version of the files gets a studio of its own;
// the store stays open.
func (c *previewCmd) pages(rt *runtime, files fs.FS) (http.Handler, func(), error) {
	people, done, err := rt.previewStore()
	if err != nil {
		return nil, nil, err
	}
	var send func(context.Context, campaign.Email) error
	if rt.cfg.SMTPURL != "" {
		if _, err := mail.ParseURL(rt.cfg.SMTPURL); err != nil {
			done()
			return nil, nil, usage("%v", err)
		}
		send = rt.sendTest
	}
	s, err := preview.NewServer(preview.ServerOptions{
		Files: files, Load: func() preview.Loaded { return c.version(rt, files, people) }, Send: send, Now: time.Now,
	})
	if err != nil {
		done()
		return nil, nil, err
	}
	return s.Handler(), done, nil
}

// version loads the files as they are now.
func (c *previewCmd) version(rt *runtime, files fs.FS, people *openStore) preview.Loaded {
	cat, renderer, problems := load(files)
	if cat == nil {
		var wrong []campaign.Problem
		for _, p := range problems {
			if !p.Warning {
				wrong = append(wrong, p)
			}
		}
		return preview.Loaded{Errors: wrong}
	}
	studio, err := rt.studio(cat, renderer, problems, people, c.At.Time)
	if err != nil {
		return preview.Loaded{Errors: []campaign.Problem{{File: "tidings.yaml", Message: err.Error()}}}
	}
	return preview.Loaded{Studio: studio}
}

// guarded lets in who may see customers' mails: this machine, or the password.
func (c *previewCmd) guarded(rt *runtime, next http.Handler) (http.Handler, error) {
	if ip := net.ParseIP(c.Host); c.Host == "localhost" || ip != nil && ip.IsLoopback() {
		return web.LoopbackOnly(next), nil
	}
	if rt.cfg.AdminPassword == "" {
		return nil, usage("--host %s: a preview shows customers' data, so others than this machine need a password; set ADMIN_PASSWORD", c.Host)
	}
	return web.Guarded(next, rt.cfg.AdminPassword), nil
}

// sendTest signs one mail of ours as a worker's are and hands it over. It is recorded
// nowhere.
func (rt *runtime) sendTest(ctx context.Context, e campaign.Email) error {
	signer, err := rt.dkimSigner()
	if err != nil {
		return err
	}
	if e, err = signed(e, signer, time.Now()); err != nil {
		return fmt.Errorf("sign the test: %w", err)
	}
	return rt.handOver(ctx, e)
}

// handOver hands one mail over to SMTP_URL as it is and waits for the answer.
func (rt *runtime) handOver(ctx context.Context, e campaign.Email) error {
	pool, err := rt.newPool(rt.cfg.SMTPURL)
	if err != nil {
		return err
	}
	defer closePool(pool)
	conn, err := pool.Get(ctx)
	if err != nil {
		return err
	}
	defer pool.Put(conn)
	if err := conn.Begin(ctx, e); err != nil {
		return err
	}
	reply, err := conn.Finish(ctx)
	if err == nil && reply.Code/100 != 2 {
		err = fmt.Errorf("the mail server says %d %s", reply.Code, reply.Text)
	}
	return err
}
