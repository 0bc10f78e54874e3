package doctor

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	"blitiri.com.ar/go/spf"
)

const checkSPF = "spf"

// lookSPF looks at who may send mail whose bounces go to a domain.
func (l *look) lookSPF(ctx context.Context, domain string) error {
	all, err := l.dns.textsOf(ctx, domain, "v=spf1")
	if err != nil {
		return err
	}
	switch len(all) {
	case 0:
		l.add(checkSPF, Fail, "no SPF record at "+domain+": nobody is named who may send for it", "write this, with the name that your mail service gives instead of spf.SERVICE, or with your server's address as ip4:ADDRESS", txt(domain, l.newSPF()))
		return nil
	case 1:
		return l.oneSPF(ctx, domain, all[0])
	}
	l.add(checkSPF, Fail, fmt.Sprintf("%s has %d SPF records; receivers then go by none of them (permerror)", domain, len(all)), "put this one in their place", txt(domain, joinSPF(all)))
	return nil
}

func (l *look) newSPF() string {
	if len(l.Addresses) == 0 {
		return "v=spf1 include:spf.SERVICE ~all"
	}
	return "v=spf1" + terms(l.Addresses) + " ~all"
}

func terms(addresses []netip.Addr) string {
	var b strings.Builder
	for _, a := range addresses {
		if a.Is4() {
			b.WriteString(" ip4:" + a.String())
		} else {
			b.WriteString(" ip6:" + a.String())
		}
	}
	return b.String()
}

// joinSPF is one record for several: every term once, the mildest all at the end.
func joinSPF(all []string) string {
	var words []string
	end := ""
	for _, text := range all {
		for _, w := range strings.Fields(text)[1:] {
			switch name := strings.ToLower(strings.TrimLeft(w, "+-~?")); {
			case name == "all":
				if strings.HasPrefix(w, "~") || end == "" {
					end = w
				}
			case !slices.Contains(words, w):
				words = append(words, w)
			}
		}
	}
	return strings.Join(append(append([]string{"v=spf1"}, words...), cmp.Or(end, "~all")), " ")
}

func (l *look) oneSPF(ctx context.Context, domain, text string) error {
	record, err := parseSPF(text)
	if err != nil {
		l.add(checkSPF, Fail, fmt.Sprintf("the SPF record of %s cannot be read, so that receivers do not go by it (permerror): %v", domain, err), "mend it: "+text, nil)
		return nil
	}
	var c spfCount
	if err := c.count(ctx, l.dns, domain, record); err != nil {
		wrong, ok := errOf(err)
		if !ok {
			return err
		}
		l.add(checkSPF, Fail, fmt.Sprintf("the SPF record of %s leads to an error, so that receivers do not go by it (permerror): %s", domain, wrong.text), "mend or take out that term of: "+text, nil)
		return nil
	}
	l.costSPF(domain, text, c)
	l.weakSPF(domain, text, record)
	return l.sendSPF(ctx, domain, text, record)
}

// costSPF looks at how much a record asks of DNS.
func (l *look) costSPF(domain, text string, c spfCount) {
	slices.SortStableFunc(c.parts, func(a, b spfPart) int { return b.lookups - a.lookups })
	var parts []string
	for _, p := range c.parts {
		parts = append(parts, fmt.Sprintf("%s %d", p.term, p.lookups))
	}
	cost := strings.Join(parts, ", ")
	switch {
	case c.lookups > spfLookups:
		l.add(checkSPF, Fail, fmt.Sprintf("the SPF record of %s takes %s look-ups, and receivers give up after %d (permerror): %s", domain, c.many(), spfLookups, cost), "take out services that no longer send for you; move others to a subdomain of their own; write a or mx as ip4: of their addresses", nil)
	case c.voids > spfVoids:
		l.add(checkSPF, Fail, fmt.Sprintf("%d terms of the SPF record of %s lead to names that have nothing, and receivers give up after %d (permerror)", c.voids, domain, spfVoids), "take the names that are no more out of: "+text, nil)
	case c.lookups == spfLookups || c.voids > 0:
		l.add(checkSPF, Warn, fmt.Sprintf("the SPF record of %s takes %d of %d look-ups, %d of which find nothing (of at most %d): %s", domain, c.lookups, spfLookups, c.voids, spfVoids, cost), "leave room: take out what no longer sends for you", nil)
	default:
		l.ok(checkSPF, fmt.Sprintf("%s: %q, %d of %d look-ups", domain, text, c.lookups, spfLookups))
	}
}

// weakSPF looks at how a record ends.
func (l *look) weakSPF(domain, text string, record spfRecord) {
	end, ok := record.find("all")
	_, redirected := record.find("redirect")
	switch {
	case !ok && !redirected:
		l.add(checkSPF, Warn, "the SPF record of "+domain+" does not say what becomes of mail from elsewhere", "end it with ~all", txt(domain, text+" ~all"))
	case ok && end.qualifier == '+':
		l.add(checkSPF, Warn, "the SPF record of "+domain+" lets everybody send for it, which spam filters count against it", "end it with ~all instead of "+end.text, txt(domain, record.put(end, "~all")))
	case ok && end.qualifier == '?':
		l.add(checkSPF, Warn, "the SPF record of "+domain+" says nothing of mail from elsewhere (?all)", "end it with ~all", txt(domain, record.put(end, "~all")))
	}
	if t, ok := record.find("ptr"); ok {
		l.add(checkSPF, Warn, "the SPF record of "+domain+" uses ptr, which RFC 7208 tells not to, and which some receivers skip", "write the addresses instead: ip4:…", txt(domain, record.put(t)))
	}
}

// sendSPF looks whether the record lets the addresses send that mails come from.
func (l *look) sendSPF(ctx context.Context, domain, text string, record spfRecord) error {
	for _, addr := range l.Addresses {
		result, err := spf.CheckHostWithSender(net.IP(addr.AsSlice()), domain, "bounce@"+domain, spf.WithContext(ctx), spf.WithResolver(spfDNS{ctx, l.dns}))
		switch result {
		case spf.Pass:
			l.ok(checkSPF, fmt.Sprintf("%s may send for %s", addr, domain))
		case spf.TempError:
			return fmt.Errorf("check whether %s may send for %s: %w", addr, domain, err)
		default:
			l.add(checkSPF, Fail, fmt.Sprintf("%s may not send for %s: %s", addr, domain, result), "add the address", txt(domain, withTerm(text, record, strings.TrimSpace(terms([]netip.Addr{addr})))))
		}
	}
	return nil
}

// withTerm is a record with a term before its end.
func withTerm(text string, record spfRecord, term string) string {
	for _, t := range record {
		if t.name == "all" && !t.modifier || t.name == "redirect" && t.modifier {
			return record.put(t, term, t.text)
		}
	}
	return text + " " + term
}
