package doctor

import (
	"context"
	"net"
	"net/netip"
)

// spfDNS lets the SPF library ask our resolver.
type spfDNS struct {
	ctx context.Context
	dns *Resolver
}

// none is how the standard library says that a name has nothing of a kind.
func none(name string) error {
	return &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
}

func failed(name string, err error) error {
	return &net.DNSError{Err: err.Error(), Name: name, IsTemporary: true}
}

func (d spfDNS) LookupTXT(_ context.Context, name string) ([]string, error) {
	all, err := d.dns.texts(d.ctx, name)
	if err != nil {
		return nil, failed(name, err)
	}
	if len(all) == 0 {
		return nil, none(name)
	}
	return all, nil
}

func (d spfDNS) LookupMX(_ context.Context, name string) ([]*net.MX, error) {
	all, err := d.dns.exchangers(d.ctx, name)
	if err != nil {
		return nil, failed(name, err)
	}
	if len(all) == 0 {
		return nil, none(name)
	}
	var out []*net.MX
	for _, x := range all {
		out = append(out, &net.MX{Host: x.host, Pref: x.preference})
	}
	return out, nil
}

func (d spfDNS) LookupIPAddr(_ context.Context, host string) ([]net.IPAddr, error) {
	all, _, err := d.dns.addresses(d.ctx, host)
	if err != nil {
		return nil, failed(host, err)
	}
	if len(all) == 0 {
		return nil, none(host)
	}
	var out []net.IPAddr
	for _, a := range all {
		out = append(out, net.IPAddr{IP: a.AsSlice()})
	}
	return out, nil
}

func (d spfDNS) LookupAddr(_ context.Context, addr string) ([]string, error) {
	a, err := netip.ParseAddr(addr)
	if err != nil {
		return nil, err
	}
	names, err := d.dns.names(d.ctx, a)
	if err != nil {
		return nil, failed(addr, err)
	}
	if len(names) == 0 {
		return nil, none(addr)
	}
	return names, nil
}
