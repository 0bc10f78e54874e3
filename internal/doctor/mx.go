package doctor

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

const checkMX = "mx"

// maxExchangers are looked at of a domain; nobody tries more.
const maxExchangers = 10

// lookMX looks whether mail to a domain arrives: replies go to it, and what bounces.
func (l *look) lookMX(ctx context.Context, domain string) error {
	all, err := l.dns.exchangers(ctx, domain)
	if err != nil {
		return err
	}
	if len(all) == 0 {
		return l.withoutMX(ctx, domain)
	}
	for _, x := range all {
		if x.host != "" {
			continue
		}
		if len(all) == 1 {
			l.add(checkMX, Fail, domain+" says that it takes no mail (a null MX), and Gmail refuses mail from such a domain (5.7.27)", "write the name of the server that takes its mail", &Record{domain, "MX", "10 mail." + domain + "."})
		} else {
			l.add(checkMX, Fail, domain+" has a null MX beside others, which RFC 7505 forbids", "take out the record \"0 .\"", nil)
		}
		return nil
	}
	slices.SortStableFunc(all, func(a, b exchanger) int { return cmp.Compare(a.preference, b.preference) })
	asked := all[:min(len(all), maxExchangers)]
	var good []string
	for _, x := range asked {
		ok, err := l.goodExchanger(ctx, domain, x)
		if err != nil {
			return err
		}
		if ok {
			good = append(good, x.host)
		}
	}
	if len(asked) < len(all) {
		l.add(checkMX, Hint, fmt.Sprintf("%s has %d MX records; the first %d by preference were looked at", domain, len(all), len(asked)), "", nil)
	}
	if len(good) == 0 {
		l.add(checkMX, Fail, "mail to "+domain+" arrives nowhere: no server of its MX records has an address", "name one that has", &Record{domain, "MX", "10 mail." + domain + "."})
		return nil
	}
	l.ok(checkMX, "mail to "+domain+" goes to "+strings.Join(good, ", "))
	return nil
}

func (l *look) withoutMX(ctx context.Context, domain string) error {
	addresses, _, err := l.dns.addresses(ctx, domain)
	if err != nil {
		return err
	}
	record := &Record{domain, "MX", "10 mail." + domain + "."}
	if len(addresses) == 0 {
		l.add(checkMX, Fail, domain+" has neither MX nor an address: replies and bounces go nowhere, and many receivers refuse such a sender", "write the name of the server that takes its mail", record)
		return nil
	}
	l.add(checkMX, Warn, domain+" has no MX; mail to it goes to its web address, where few listen", "write the name of the server that takes its mail", record)
	return nil
}

func (l *look) goodExchanger(ctx context.Context, domain string, x exchanger) (bool, error) {
	if _, err := netip.ParseAddr(x.host); err == nil {
		l.add(checkMX, Warn, fmt.Sprintf("an MX of %s is the address %s, where the name of a server belongs", domain, x.host), "name the server", nil)
		return false, nil
	}
	addresses, alias, err := l.dns.addresses(ctx, x.host)
	if err != nil {
		return false, err
	}
	if len(addresses) == 0 {
		l.add(checkMX, Warn, fmt.Sprintf("%s, an MX of %s, has no address", x.host, domain), "take it out, or give it one", nil)
		return false, nil
	}
	if alias {
		l.add(checkMX, Warn, fmt.Sprintf("%s, an MX of %s, is an alias, which RFC 5321 forbids", x.host, domain), "name what it stands for", nil)
	}
	return true, nil
}
