package doctor

import (
	"context"
	"fmt"
	"strings"

	"golang.org/x/net/publicsuffix"
)

const (
	checkDMARC     = "dmarc"
	checkAlignment = "alignment"
)

// policy is what DMARC asks receivers to do with mail that is not proven to be ours.
type policy struct {
	found        bool
	strictDKIM   bool
	strictSPF    bool
	organisation string // the domain above which others register
}

// organisation is the registered domain that a name belongs to.
func organisation(domain string) string {
	if org, err := publicsuffix.EffectiveTLDPlusOne(domain); err == nil {
		return org
	}
	return domain
}

// lookDMARC looks at the policy for a domain: its own, or that of its organisation.
func (l *look) lookDMARC(ctx context.Context) (policy, error) {
	p := policy{organisation: organisation(l.Domain)}
	for _, at := range []string{l.Domain, p.organisation} {
		all, err := l.dns.textsOf(ctx, "_dmarc."+at, "v=DMARC1")
		if err != nil {
			return p, err
		}
		switch len(all) {
		case 0:
			if at == p.organisation {
				l.noDMARC(p)
				return p, nil
			}
		case 1:
			return l.readDMARC(ctx, p, at, all[0])
		default:
			l.add(checkDMARC, Fail, fmt.Sprintf("%d records at _dmarc.%s; receivers then go by none", len(all), at), "leave one of them", txt("_dmarc."+at, all[0]))
			return p, nil
		}
	}
	return p, nil
}

func (l *look) noDMARC(p policy) {
	where := "_dmarc." + l.Domain
	if p.organisation != l.Domain {
		where += " nor at _dmarc." + p.organisation
	}
	l.add(checkDMARC, Fail, "no DMARC record at "+where+"; Gmail, Yahoo and Microsoft refuse bulk mail of a domain without one",
		"write this, with an address whose reports somebody looks at", txt("_dmarc."+p.organisation, "v=DMARC1; p=none; rua=mailto:dmarc@"+p.organisation))
}

func (l *look) readDMARC(ctx context.Context, p policy, at, text string) (policy, error) {
	t := tags(text)
	p.strictDKIM, p.strictSPF = t["adkim"] == "s", t["aspf"] == "s"
	name, action := "p", strings.ToLower(t["p"])
	if sp := strings.ToLower(t["sp"]); at != l.Domain && sp != "" {
		name, action = "sp", sp
	}
	switch action {
	case "none", "quarantine", "reject":
		p.found = true
	default:
		l.add(checkDMARC, Fail, fmt.Sprintf("the record at _dmarc.%s has %s=%s, and there are none, quarantine and reject; receivers do not go by it", at, name, t[name]),
			"write a policy", txt("_dmarc."+at, "v=DMARC1; p=none; rua=mailto:dmarc@"+p.organisation))
		return p, nil
	}
	l.ok(checkDMARC, fmt.Sprintf("_dmarc.%s: %q", at, text))
	if action == "none" {
		l.add(checkDMARC, Hint, name+"=none lets others write in your name", "once the reports show that all of your own mail passes: "+name+"=quarantine, later reject", nil)
	}
	if pct := t["pct"]; pct != "" && pct != "100" {
		l.add(checkDMARC, Hint, "pct="+pct+" is no longer heeded by all receivers", "take it out", nil)
	}
	return p, l.lookReports(ctx, p, at, t)
}

// lookReports looks whether the reports on a domain reach somebody.
func (l *look) lookReports(ctx context.Context, p policy, at string, t map[string]string) error {
	if t["rua"] == "" {
		l.add(checkDMARC, Warn, "nobody gets the reports on who sends in your name (no rua=)", "add rua=mailto:dmarc@"+p.organisation, nil)
		return nil
	}
	for uri := range strings.SplitSeq(t["rua"], ",") {
		to, ok := strings.CutPrefix(strings.ToLower(strings.TrimSpace(uri)), "mailto:")
		_, domain, named := strings.Cut(to, "@")
		domain, _, _ = strings.Cut(domain, "!") // a limit of size may follow
		if !ok || !named || domain == "" {
			l.add(checkDMARC, Warn, "rua="+strings.TrimSpace(uri)+" is no mailto: address", "write rua=mailto:dmarc@"+p.organisation, nil)
			continue
		}
		if organisation(domain) == p.organisation {
			continue
		}
		permit := at + "._report._dmarc." + domain
		if all, err := l.dns.textsOf(ctx, permit, "v=DMARC1"); err != nil {
			return err
		} else if len(all) == 0 {
			l.add(checkDMARC, Warn, domain+" does not say that it takes reports on "+at+", so that none are sent to it", "have this written there", txt(permit, "v=DMARC1"))
		}
	}
	return nil
}

// lookAlignment looks whether what proves a mail, its signature or its return path,
// is of the domain in From, which DMARC demands of one of them.
func (l *look) lookAlignment(p policy) {
	signed, signer := false, ""
	for _, k := range l.signers() {
		if signer = k.Domain; aligned(k.Domain, l.Domain, p.strictDKIM) {
			signed = true
			break
		}
	}
	returned := aligned(l.Envelope, l.Domain, p.strictSPF)
	switch {
	case signed:
		l.ok(checkAlignment, fmt.Sprintf("mails from %s are signed for %s", l.Domain, signer))
	case returned && len(l.Keys) == 0:
		l.add(checkAlignment, Warn, fmt.Sprintf("only the return path (%s) is of the domain in From, and forwarding breaks what SPF proves by it", l.Envelope), "have mails signed for "+l.Domain+": at your mail service, or with DKIM_KEYS", nil)
	case returned:
		l.add(checkAlignment, Warn, fmt.Sprintf("no key of DKIM_KEYS signs for %s; only the return path (%s) is of the domain in From", l.Domain, l.Envelope), "tidings dkim keygen --domain "+l.Domain+" --selector NAME", nil)
	default:
		l.add(checkAlignment, Fail, fmt.Sprintf("neither a signature nor the return path (%s) is of %s, the domain in From: DMARC fails, and Gmail, Yahoo and Microsoft refuse such mail", l.Envelope, l.Domain),
			"sign for it: tidings dkim keygen --domain "+l.Domain+" --selector NAME; or let RETURN_ADDRESS be below "+p.organisation, nil)
	}
}

// signers are the keys that sign mails from the domain: its own, or those of the
// nearest domain above it.
func (l *look) signers() (out []Key) {
	for domain := l.Domain; domain != "" && len(out) == 0; _, domain, _ = strings.Cut(domain, ".") {
		for _, k := range l.Keys {
			if k.Domain == domain {
				out = append(out, k)
			}
		}
	}
	return out
}

// aligned tells whether DMARC takes two domains for the same sender's.
func aligned(a, b string, strict bool) bool {
	return a == b || !strict && organisation(a) == organisation(b)
}
