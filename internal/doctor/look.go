package doctor

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"golang.org/x/net/idna"
)

// Sender is whom to look at.
type Sender struct {
	Domain    string       // of From
	Envelope  string       // the domain that bounces come back to; empty: Domain
	Keys      []Key        // that sign
	Addresses []netip.Addr // that mails come from, as far as they are known
	Server    *Server      // where they are handed over; nil: it is not known
	PublicURL string       // that links lead to
	// Fetch gets the policy of MTA-STS; nil: it is not looked at.
	Fetch Fetcher
	// Within bounds how long all looks take together; 0: a minute.
	Within time.Duration
}

// lookTime bounds a look: a domain's owner says how many questions there are to ask.
const lookTime = time.Minute

type look struct {
	findings
	Sender
	dns *Resolver
}

// Look looks at a sender. An error says that DNS did not answer; whatever else is
// wrong is in the report.
func Look(ctx context.Context, s Sender, dns *Resolver) (Report, error) {
	for _, domain := range []*string{&s.Domain, &s.Envelope} {
		if *domain == "" {
			*domain = s.Domain
		}
		var err error
		if *domain, err = Domain(*domain); err != nil {
			return Report{}, err
		}
	}
	l := &look{Sender: s, dns: dns}
	within := cmp.Or(s.Within, lookTime)
	bounded, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	err := l.all(bounded)
	switch {
	case err != nil && ctx.Err() == nil && over(bounded):
		l.add(checkTime, Warn, fmt.Sprintf("the look was broken off after %s; what follows was not looked at: %v", within, err), "look again, or ask another server with --resolver", nil)
	case err != nil:
		return Report{}, err
	}
	r := Report{OK: err == nil, Domain: s.Domain, Resolver: dns.Addr(), Findings: l.findings.all}
	for _, f := range r.Findings {
		r.OK = r.OK && f.Status != Fail
	}
	return r, nil
}

// over tells whether the time of ctx is up. A connection's own timer may say so before
// the context does.
func over(ctx context.Context) bool {
	until, bounded := ctx.Deadline()
	return ctx.Err() != nil || bounded && !time.Now().Before(until)
}

// Domain is a domain as DNS has it, from how a person writes it.
func Domain(domain string) (string, error) {
	out, err := idna.Lookup.ToASCII(strings.TrimSuffix(strings.ToLower(domain), "."))
	if err != nil || !strings.Contains(out, ".") || strings.HasPrefix(out, ".") || strings.Contains(out, "..") || len(out) > 253 {
		return "", fmt.Errorf("%q is no domain; write that of your mails' From, as mail.example.com", domain)
	}
	return out, nil
}

func (l *look) all(ctx context.Context) error {
	domains := []string{l.Domain}
	if l.Envelope != l.Domain {
		domains = append(domains, l.Envelope)
	}
	for _, d := range domains {
		if err := l.lookSPF(ctx, d); err != nil {
			return err
		}
	}
	if err := l.lookDKIM(ctx); err != nil {
		return err
	}
	p, err := l.lookDMARC(ctx)
	if err != nil {
		return err
	}
	l.lookAlignment(p)
	for _, d := range domains {
		if err := l.lookMX(ctx, d); err != nil {
			return err
		}
	}
	if err := l.lookPTR(ctx); err != nil {
		return err
	}
	if l.lookTLS(ctx); ctx.Err() != nil {
		return fmt.Errorf("speak with the mail server: %w", ctx.Err())
	}
	if err := l.lookInbound(ctx); err != nil {
		return err
	}
	l.lookUnsubscribe()
	return nil
}

const (
	checkUnsubscribe = "unsubscribe"
	checkTime        = "time"
)

// lookUnsubscribe looks whether mail programs can unsubscribe with one click, which
// they do over HTTPS alone (RFC 8058).
func (l *look) lookUnsubscribe() {
	switch {
	case l.PublicURL == "":
		return
	case strings.HasPrefix(l.PublicURL, "https://"):
		l.ok(checkUnsubscribe, "one click at "+l.PublicURL)
	default:
		l.add(checkUnsubscribe, Fail, "links lead to "+l.PublicURL+", and mail programs unsubscribe over https alone (RFC 8058); Gmail and Yahoo demand that they can", "set PUBLIC_URL to an https:// address", nil)
	}
}
