package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/demo"
	"tidings/internal/inbox"
	"tidings/internal/render"
	"tidings/internal/store"
	"tidings/internal/web"
)

// theatre is the whole of Tidings around a show: a store, the queue, a worker,
// an inbox and the web server, all in this process and by the show's clock.
type theatre struct {
	rt      *runtime
	url     string // of the pages, without a final slash
	history *demo.History
	people  []*demo.Person
	clock   *demo.Clock
	store   *store.Store
	machine *machine
	send    *sender
	box     *inbox.Inbox
	show    *demo.Show
	screen  *screen
	closers []func() error // run from the last to the first
}

// open sets the stage. What fails leaves nothing behind.
func (c *demoCmd) open(rt *runtime, cat *campaign.Catalog, renderer *render.Renderer) (*theatre, error) {
	t := &theatre{screen: newScreen(rt.stderr, rt.terminal)}
	err := c.build(rt, t, cat, renderer)
	if err != nil {
		return nil, errors.Join(err, t.close())
	}
	return t, nil
}

func (c *demoCmd) build(rt *runtime, t *theatre, cat *campaign.Catalog, renderer *render.Renderer) error {
	if err := t.load(c.Days); err != nil {
		return err
	}
	ln, err := c.listen(rt)
	if err != nil {
		return err
	}
	t.closers = append(t.closers, func() error { ln.Close(); return nil })
	t.url = fmt.Sprintf("http://localhost:%d", ln.Addr().(*net.TCPAddr).Port)
	dir, err := tempDir()
	if err != nil {
		return err
	}
	t.closers = append(t.closers, func() error { return os.RemoveAll(dir) })
	t.rt = rt.own(dir, t.url)
	// A tick's lines would drown the show; warnings go above its line.
	t.rt.log = newLogger(t.screen, max(rt.cfg.LogLevel, slog.LevelWarn), rt.terminal)
	if err := t.openMachine(rt.ctx, cat, renderer); err != nil {
		return err
	}
	if err := importList(rt.ctx, t.store, t.people, t.clock.Now()); err != nil {
		return err
	}
	if err := t.openInbox(rt.ctx); err != nil {
		return err
	}
	key, err := t.openWeb(rt.ctx, ln, cat)
	if err != nil {
		return err
	}
	shop := demo.NewShop(ln.Addr().String(), key)
	t.closers = append(t.closers, func() error { shop.Close(); return nil })
	o := demo.Options{History: t.history, People: t.people, Clock: t.clock, Stage: t, Shop: shop, Wall: time.Now, Progress: t.screen.show}
	if !c.Once {
		o.Length = showLength
	}
	t.show = demo.New(o)
	t.box.OnMail(func(m inbox.Mail) { t.show.Deliver(received(m, t.url)) })
	return nil
}

func (t *theatre) load(days int) (err error) {
	if t.history, err = demo.Load(); err != nil {
		return err
	}
	if days > 0 {
		t.history = t.history.Until(t.history.Begin().AddDate(0, 0, days))
	}
	t.people = demo.People(t.history)
	t.clock = demo.NewClock(t.history.Begin())
	return nil
}

func (t *theatre) openMachine(ctx context.Context, cat *campaign.Catalog, renderer *render.Renderer) (err error) {
	if t.store, err = t.rt.openStore(ctx); err != nil {
		return err
	}
	t.closers = append(t.closers, t.store.Close)
	t.machine, err = t.rt.newMachine(t.store, cat, renderer, func(context.Context) (time.Time, error) { return t.clock.Now(), nil })
	if err != nil {
		return err
	}
	t.closers = append(t.closers, t.machine.Close)
	return nil
}

// openInbox starts the inbox and the worker that sends to it. Both outlive the
// signal to stop: what is being handed over is seen through.
func (t *theatre) openInbox(ctx context.Context) error {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	t.closers = append(t.closers, func() error { cancel(); return nil })
	box, address, err := t.rt.startInbox(ctx, t.clock.Now)
	if err != nil {
		return err
	}
	t.box = box
	pool, err := t.rt.newPool(address)
	if err != nil {
		return err
	}
	t.closers = append(t.closers, func() error { closePool(pool); return nil })
	if t.send, err = t.machine.startSender(ctx, pool); err != nil {
		return err
	}
	t.closers = append(t.closers, func() error { t.send.stop(ctx); return nil })
	return nil
}

// pagesRefresh is how often the pages show the news while the show plays.
const pagesRefresh = 3 * time.Second

// openWeb serves ln, and returns the key with which events may come in.
func (t *theatre) openWeb(ctx context.Context, ln net.Listener, cat *campaign.Catalog) (string, error) {
	key, err := t.store.Secret(ctx, "write")
	if err != nil {
		return "", err
	}
	pages, err := t.box.Handler("/inbox")
	if err != nil {
		return "", err
	}
	server, err := web.NewServer(web.Config{
		Log: t.rt.log, Now: t.clock.Now, Workspace: cat.Workspace, WriteKeys: []string{key},
		AdminPassword: t.rt.cfg.AdminPassword, Refresh: pagesRefresh, DrainTime: time.Second,
	})
	if err != nil {
		return "", err
	}
	err = server.Open(web.Backend{
		Tokens: t.machine.signer, Intake: t.store, Tracker: t.store, Subscriptions: t.store,
		Preferences: t.store, Confirmations: t.store, Links: t.machine.signer,
		Reporter: t.store, Health: t.store, Inbox: pages,
	})
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	served := make(chan struct{})
	go func() {
		defer close(served)
		if err := server.Run(ctx, ln); err != nil {
			t.rt.log.Warn("web server ended", "error", err)
		}
	}()
	t.closers = append(t.closers, func() error { cancel(); <-served; return nil })
	return key, nil
}

// Tick is a round of the scheduler, seen through to the last mail.
func (t *theatre) Tick(ctx context.Context, now time.Time) error {
	sched := t.machine.scheduler()
	sched.Relay.SliceSize, sched.Relay.Workers = demoSlice, 1
	if _, err := sched.Tick(ctx, now); err != nil {
		return err
	}
	n, err := sched.RelayDue(ctx, now)
	if err != nil || n == 0 {
		return err
	}
	_, err = t.send.settle(ctx, now)
	return err
}

// Bought adds up the conversions of all campaigns.
func (t *theatre) Bought(ctx context.Context, now time.Time) (int, error) {
	r, err := t.store.Report(ctx, "", now)
	n := 0
	for _, c := range r.Campaigns {
		n += c.Converted
	}
	return n, err
}

func (t *theatre) report(ctx context.Context) (campaign.Report, error) {
	return t.store.Report(ctx, "", t.clock.Now())
}

// close ends everything, the last opened first.
func (t *theatre) close() error {
	var err error
	for i := len(t.closers) - 1; i >= 0; i-- {
		err = errors.Join(err, t.closers[i]())
	}
	return err
}

// received is a mail with what its reader can follow: the pixel, the tracked
// links and the one-click address, each known by its path.
func received(m inbox.Mail, url string) demo.Mail {
	out := demo.Mail{To: m.To, At: m.At, Campaign: m.Campaign}
	for _, link := range m.Links {
		if strings.HasPrefix(link, url+"/c/") {
			out.Links = append(out.Links, link)
		}
	}
	for _, image := range m.Images {
		if strings.HasPrefix(image, url+"/o/") {
			out.Pixel = image
		}
	}
	for part := range strings.SplitSeq(m.Header.Get("List-Unsubscribe"), ",") {
		if target := strings.Trim(part, " <>"); strings.HasPrefix(target, url+"/u/") {
			out.Unsubscribe = target
		}
	}
	return out
}
