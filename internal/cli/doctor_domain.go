package cli

import (
	"net/netip"
	"strings"

	"tidings/internal/doctor"
	"tidings/internal/mail"
)

// lookAtDomain looks at a sender's domain as mailbox providers do.
func (c *doctorCmd) lookAtDomain(rt *runtime) error {
	if c.Ledger || !c.At.IsZero() {
		return usage("--ledger and --at look at what is stored; a domain is looked at on its own")
	}
	sender, err := c.sender(rt)
	if err != nil {
		return err
	}
	dns, err := doctor.NewResolver(c.Resolver)
	if err != nil {
		return usage("%v", err)
	}
	found, err := doctor.Look(rt.ctx, sender, dns)
	if err != nil {
		return err
	}
	if rt.json {
		if err := rt.printJSON(found); err != nil {
			return err
		}
	} else {
		printDomainDoctor(rt, found)
	}
	if !found.OK {
		return &exitError{code: exitNo}
	}
	return nil
}

// sender is what the command line and the environment say of who sends.
func (c *doctorCmd) sender(rt *runtime) (doctor.Sender, error) {
	domain, err := doctor.Domain(c.Domain[strings.LastIndexByte(c.Domain, '@')+1:])
	if err != nil {
		return doctor.Sender{}, usage("%v", err)
	}
	s := doctor.Sender{Domain: domain, Fetch: doctor.NewFetcher()}
	if _, after, ok := strings.Cut(rt.cfg.ReturnAddress, "@"); ok {
		s.Envelope = after
	}
	// Without one, links lead to this machine: a trial, of which nothing is to be said.
	if rt.cfg.SMTPURL != "" {
		s.PublicURL = rt.cfg.PublicURL
		server, err := mail.ParseURL(rt.cfg.SMTPURL)
		if err != nil {
			return s, usage("%v", err)
		}
		s.Server = &doctor.Server{
			Host: server.Host, Port: server.Port, Implicit: server.Security == mail.Implicit, Loopback: server.Loopback(), Helo: helo(server, domain),
		}
	}
	for _, a := range c.Address {
		addr, err := netip.ParseAddr(a)
		if err != nil {
			return s, usage("--address %q is no IP address", a)
		}
		s.Addresses = append(s.Addresses, addr.Unmap())
	}
	signer, err := rt.dkimSigner()
	if err != nil {
		return s, err
	}
	if signer != nil {
		for _, k := range signer.Keys() {
			s.Keys = append(s.Keys, doctor.Key{Domain: k.Domain, Selector: k.Selector, Value: k.Record()})
		}
	}
	for _, name := range c.Selector {
		s.Keys = append(s.Keys, doctor.Key{Domain: domain, Selector: name})
	}
	return s, nil
}

func helo(s mail.Server, domain string) string {
	if s.Helo != "" {
		return s.Helo
	}
	return domain
}

// statusWords are how findings are marked; what must be mended stands out.
var statusWords = map[doctor.Status]string{doctor.OK: "ok", doctor.Hint: "hint", doctor.Warn: "warn", doctor.Fail: "FAIL"}

func printDomainDoctor(rt *runtime, r doctor.Report) {
	rt.printf("%s, as %s knows it\n\n", r.Domain, r.Resolver)
	var fails, warns int
	for _, f := range r.Findings {
		rt.printf("%-5s %-12s %s\n", statusWords[f.Status], f.Check, f.What)
		if f.Do != "" {
			rt.printf("%18s → %s\n", "", f.Do)
		}
		if f.Record != nil {
			rt.printf("%18s   %s\n", "", f.Record.ZoneLine())
		}
		switch f.Status {
		case doctor.Fail:
			fails++
		case doctor.Warn:
			warns++
		}
	}
	switch {
	case fails > 0:
		rt.printf("\n%s for which Gmail, Yahoo or Microsoft refuse mail, %s\n", count(fails, "reason"), count(warns, "warning"))
	case !r.OK:
		rt.printf("\nnot all was looked at, %s\n", count(warns, "warning"))
	default:
		rt.printf("\nnothing for which mail is refused, %s\n", count(warns, "warning"))
	}
}
