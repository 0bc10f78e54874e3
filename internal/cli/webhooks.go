package cli

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"text/tabwriter"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/hook"
	"tidings/internal/inbound"
)

type webhooksCmd struct{}

// webhookLine is a webhook as `webhooks` tells of it.
type webhookLine struct {
	Provider string `json:"provider"`
	URL      string `json:"url"`
	Keys     string `json:"keys"` // the variable
	SetUp    bool   `json:"set_up"`
}

// Run says which webhooks there are and what has come by them.
func (*webhooksCmd) Run(rt *runtime) error {
	if _, err := hook.New(hook.Options{Keys: rt.cfg.Webhooks}); err != nil {
		return usage("%v", err)
	}
	var lines []webhookLine
	for _, p := range hook.Providers {
		lines = append(lines, webhookLine{p.Name, rt.cfg.PublicURL + "/hooks/" + p.Name, p.Keys, len(rt.cfg.Webhooks[p.Name]) > 0})
	}
	s, err := rt.openExisting()
	if err != nil {
		return err
	}
	defer s.Close()
	counts, err := s.WebhookCounts(rt.ctx)
	if err != nil {
		return err
	}
	if rt.json {
		if counts == nil {
			counts = []campaign.WebhookCount{}
		}
		return rt.printJSON(map[string]any{"webhooks": lines, "reports": counts})
	}
	t := tabwriter.NewWriter(rt.stdout, 0, 0, 2, ' ', 0)
	for _, l := range lines {
		state := "off: set " + l.Keys
		if l.SetUp {
			state = "on"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\n", l.Provider, l.URL, state)
	}
	if len(counts) > 0 {
		fmt.Fprint(t, "\nprovider\tevent\ttaken as\tcount\tlast\n")
	}
	for _, c := range counts {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", c.Provider, c.Event, takenAs(c.TakenAs), thousands(int(c.Count)), c.At.Format(time.RFC3339))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if len(counts) == 0 {
		rt.printf("\nnothing has come by them yet\n")
	}
	return nil
}

// takenAs is what reports were taken as, in words.
func takenAs(as string) string {
	switch as {
	case "no_mail":
		return "about no mail of ours"
	case "unknown":
		return "unknown, passed over"
	}
	return as
}

// hooks makes the webhooks whose keys are in the environment; nil when there is none.
func (l *live) hooks() (http.Handler, error) {
	cfg := l.rt.cfg
	if len(cfg.Webhooks) == 0 {
		return nil, nil
	}
	o := hook.Options{
		Desk:  &inbound.Desk{Store: l.store, Tokens: l.machine.signer, StoreID: l.store.ID()},
		Store: l.store, Keys: cfg.Webhooks, ResendKey: cfg.ResendKey, Fetch: hook.NewFetcher(), Now: time.Now, Log: l.rt.log,
	}
	if cfg.InboundForward != "" {
		if !plainAddress(cfg.InboundForward) || cfg.SMTPURL == "" {
			return nil, usage("INBOUND_FORWARD is %q; write an address, as care@shop.example, and set SMTP_URL", cfg.InboundForward)
		}
		o.Forward = func(_ context.Context, t inbound.Taken, raw []byte) error {
			if !forwarded(t, raw) {
				return nil
			}
			return l.rt.forward(raw, cfg.InboundForward)
		}
	}
	h, err := hook.New(o)
	if err != nil {
		return nil, usage("%v", err)
	}
	l.shutdown = append(l.shutdown, h.Close)
	return h, nil
}

// smtpHost is the mail server's name; empty: there is none, or the address is none.
func smtpHost(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Hostname()
}
