package doctor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"
)

const (
	// A question is asked so often, each time for so long.
	asks    = 3
	askTime = 3 * time.Second
	// What fits into a packet on any way (DNS flag day 2020).
	packet = 1232
	// A record is followed through so many aliases at most.
	aliases = 8
)

// Resolver asks one DNS server, and remembers its answers. It is for one goroutine.
type Resolver struct {
	addr  string
	known map[question]answer
}

type question struct {
	name string
	kind uint16
}

// answer is what there is of a name: its records of the kind asked for, through
// aliases. No record and no error: there is none.
type answer struct {
	records []dns.RR
	alias   bool // the name is one
	missing bool // nothing at all is of this name
}

// NewResolver asks the server at addr, an address with or without a port; with an
// empty one, the system's.
func NewResolver(addr string) (*Resolver, error) {
	if addr == "" {
		system, err := dns.ClientConfigFromFile("/etc/resolv.conf")
		if err != nil || len(system.Servers) == 0 {
			return nil, errors.New("the system names no DNS server; name one with --resolver, as 9.9.9.9")
		}
		addr = net.JoinHostPort(system.Servers[0], system.Port)
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		host, port = strings.Trim(addr, "[]"), "53"
	}
	_, addrErr := netip.ParseAddr(host)
	if n, err := strconv.ParseUint(port, 10, 16); addrErr != nil || err != nil || n == 0 {
		return nil, fmt.Errorf("%q is no DNS server; write its address, as 9.9.9.9 or 127.0.0.1:5353", addr)
	}
	return &Resolver{net.JoinHostPort(host, port), map[question]answer{}}, nil
}

// Addr is whom it asks.
func (r *Resolver) Addr() string { return r.addr }

func (r *Resolver) lookup(ctx context.Context, name string, kind uint16) (answer, error) {
	q := question{dns.CanonicalName(name), kind}
	if a, ok := r.known[q]; ok {
		return a, nil
	}
	a, err := r.follow(ctx, q)
	if err != nil {
		return a, fmt.Errorf("look up %s of %s: %w", dns.TypeToString[kind], name, err)
	}
	r.known[q] = a
	return a, nil
}

// follow asks, and asks on where a server gives an alias without what it stands for.
func (r *Resolver) follow(ctx context.Context, q question) (a answer, err error) {
	for range aliases {
		reply, err := r.ask(ctx, q)
		if err != nil {
			return a, err
		}
		target := ""
		for _, rr := range reply.Answer {
			switch c, alias := rr.(*dns.CNAME); {
			case rr.Header().Rrtype == q.kind:
				a.records = append(a.records, rr)
			case alias:
				a.alias, target = true, dns.CanonicalName(c.Target)
			}
		}
		if len(a.records) > 0 || target == "" {
			a.missing = reply.Rcode == dns.RcodeNameError && !a.alias
			return a, nil
		}
		q.name = target
	}
	return a, fmt.Errorf("more than %d aliases stand behind each other", aliases)
}

func (r *Resolver) ask(ctx context.Context, q question) (*dns.Msg, error) {
	m := new(dns.Msg)
	m.SetQuestion(q.name, q.kind)
	m.SetEdns0(packet, false)
	var err error
	for range asks {
		var reply *dns.Msg
		client := dns.Client{Net: "udp", Timeout: askTime, UDPSize: packet}
		reply, _, err = client.ExchangeContext(ctx, m, r.addr)
		if err == nil && reply.Truncated {
			client.Net = "tcp"
			reply, _, err = client.ExchangeContext(ctx, m, r.addr)
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			continue
		}
		switch reply.Rcode {
		case dns.RcodeSuccess, dns.RcodeNameError:
			return reply, nil
		}
		err = fmt.Errorf("%s answers %s", r.addr, dns.RcodeToString[reply.Rcode])
	}
	return nil, err
}

// texts are the TXT records of a name, each joined from its strings.
func (r *Resolver) texts(ctx context.Context, name string) ([]string, error) {
	a, err := r.lookup(ctx, name, dns.TypeTXT)
	var out []string
	for _, rr := range a.records {
		out = append(out, strings.Join(rr.(*dns.TXT).Txt, ""))
	}
	return out, err
}

// textsOf are those that begin with a version, as v=DMARC1.
func (r *Resolver) textsOf(ctx context.Context, name, version string) (out []string, err error) {
	all, err := r.texts(ctx, name)
	for _, text := range all {
		if n := len(version); len(text) >= n && strings.EqualFold(text[:n], version) && (len(text) == n || strings.ContainsRune(" ;", rune(text[n]))) {
			out = append(out, text)
		}
	}
	return out, err
}

// addresses are the IPv4 and IPv6 addresses of a host; alias tells that it is one.
func (r *Resolver) addresses(ctx context.Context, name string) (out []netip.Addr, alias bool, err error) {
	for _, kind := range []uint16{dns.TypeA, dns.TypeAAAA} {
		a, err := r.lookup(ctx, name, kind)
		if err != nil {
			return nil, false, err
		}
		alias = alias || a.alias
		for _, rr := range a.records {
			var ip net.IP
			switch rr := rr.(type) {
			case *dns.A:
				ip = rr.A
			case *dns.AAAA:
				ip = rr.AAAA
			}
			if addr, ok := netip.AddrFromSlice(ip); ok {
				out = append(out, addr.Unmap())
			}
		}
	}
	return out, alias, nil
}

// names are what an address is called.
func (r *Resolver) names(ctx context.Context, addr netip.Addr) (out []string, err error) {
	reverse, err := dns.ReverseAddr(addr.String())
	if err != nil {
		return nil, err
	}
	a, err := r.lookup(ctx, reverse, dns.TypePTR)
	for _, rr := range a.records {
		out = append(out, bare(rr.(*dns.PTR).Ptr))
	}
	return out, err
}

// exchanger is one that takes mail for a domain.
type exchanger struct {
	host       string // empty: the null MX, which takes none (RFC 7505)
	preference uint16
}

func (r *Resolver) exchangers(ctx context.Context, name string) (out []exchanger, err error) {
	a, err := r.lookup(ctx, name, dns.TypeMX)
	for _, rr := range a.records {
		mx := rr.(*dns.MX)
		out = append(out, exchanger{bare(mx.Mx), mx.Preference})
	}
	return out, err
}

// bare is a name without the final dot, in lower case.
func bare(name string) string { return strings.TrimSuffix(dns.CanonicalName(name), ".") }
