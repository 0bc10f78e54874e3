package doctor

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
)

const checkMX = "mx"

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
	var good []string
	for _, x := range all {
		ok, err := l.goodExchanger(ctx, domain, x)
		if err != nil {
			return err
		}
		if ok {
			good = append(good, x.host)
		}
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

// lookInbound looks at what a domain says of how mail to it is to be encrypted. It is
// about mail to us, and nobody refuses ours for lack of it.
func (l *look) lookInbound(ctx context.Context) error {
	for _, h := range []struct{ name, version, missing, value string }{
		{"_mta-sts." + l.Domain, "v=STSv1", "nothing makes others encrypt mail to " + l.Domain + " (MTA-STS, RFC 8461)", "v=STSv1; id=1"},
		{"_smtp._tls." + l.Domain, "v=TLSRPTv1", "nobody hears of it when mail to " + l.Domain + " cannot be encrypted (TLS-RPT, RFC 8460)", "v=TLSRPTv1; rua=mailto:tls@" + l.Domain},
	} {
		all, err := l.dns.textsOf(ctx, h.name, h.version)
		if err != nil {
			return err
		}
		do := "write this"
		if h.version == "v=STSv1" {
			do += ", once https://mta-sts." + l.Domain + "/.well-known/mta-sts.txt has the policy"
		}
		switch len(all) {
		case 0:
			l.add(checkTLS, Hint, h.missing, do, txt(h.name, h.value))
		case 1:
			l.ok(checkTLS, fmt.Sprintf("%s: %q", h.name, all[0]))
		default:
			l.add(checkTLS, Warn, fmt.Sprintf("%d records at %s, where one may stand: none is heeded", len(all), h.name), "leave one", nil)
		}
	}
	return nil
}
