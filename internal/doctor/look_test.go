package doctor

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// zone is a name server of the test's own: records as a zone file has them. Names
// that begin with "broken." are answered with SERVFAIL.
func zone(t testing.TB, text string) *Resolver {
	t.Helper()
	records := map[string][]dns.RR{}
	names := map[string]bool{}
	var flush []string
	for line := range strings.SplitSeq(text, "\n") {
		flush = append(flush, strings.TrimSpace(line))
	}
	parser := dns.NewZoneParser(strings.NewReader(strings.Join(flush, "\n")+"\n"), ".", "")
	parser.SetDefaultTTL(60)
	for rr, ok := parser.Next(); ok; rr, ok = parser.Next() {
		name := strings.ToLower(rr.Header().Name)
		key := fmt.Sprint(name, rr.Header().Rrtype)
		records[key] = append(records[key], rr)
		names[name] = true
	}
	if err := parser.Err(); err != nil {
		t.Fatal(err)
	}
	handler := dns.HandlerFunc(func(w dns.ResponseWriter, ask *dns.Msg) {
		m := new(dns.Msg)
		m.SetReply(ask)
		q := ask.Question[0]
		name := strings.ToLower(q.Name)
		m.Answer = records[fmt.Sprint(name, q.Qtype)]
		if alias := records[fmt.Sprint(name, dns.TypeCNAME)]; len(m.Answer) == 0 {
			m.Answer = alias
		}
		if !names[name] {
			m.Rcode = dns.RcodeNameError
		}
		if strings.HasPrefix(name, "broken.") {
			m.Answer, m.Rcode = nil, dns.RcodeServerFailure
		}
		if _, udp := w.RemoteAddr().(*net.UDPAddr); udp {
			m.Truncate(packet)
		}
		_ = w.WriteMsg(m)
	})
	return serve(t, handler)
}

// listen finds a port that is free for both: that of a new UDP socket may well be at
// the end of somebody's TCP connection.
func listen() (udp net.PacketConn, tcp net.Listener, err error) {
	for range 20 {
		if udp, err = net.ListenPacket("udp", "127.0.0.1:0"); err != nil {
			return nil, nil, err
		}
		if tcp, err = net.Listen("tcp", udp.LocalAddr().String()); err == nil {
			return udp, tcp, nil
		}
		udp.Close()
	}
	return nil, nil, err
}

// serve answers over UDP and TCP at one port of loopback.
func serve(t testing.TB, h dns.Handler) *Resolver {
	t.Helper()
	udp, tcp, err := listen()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []*dns.Server{{PacketConn: udp, Handler: h}, {Listener: tcp, Handler: h}} {
		up := make(chan struct{})
		s.NotifyStartedFunc = func() { close(up) }
		go func() { _ = s.ActivateAndServe() }()
		<-up
		t.Cleanup(func() { _ = s.Shutdown() })
	}
	r, err := NewResolver(udp.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// rsaValue and edValue are DKIM records with keys of the test's own.
func rsaValue(t testing.TB, bits int) string {
	t.Helper()
	k, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&k.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return "v=DKIM1; k=rsa; p=" + base64.StdEncoding.EncodeToString(der)
}

func edValue(t testing.TB) string {
	t.Helper()
	public, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return "v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(public)
}

// lines are a report's findings of a check, one a line: status, text, mend, record.
func lines(r Report, check string) string {
	var b strings.Builder
	for _, f := range r.Findings {
		if f.Check != check {
			continue
		}
		fmt.Fprintf(&b, "%s: %s", f.Status, f.What)
		if f.Do != "" {
			b.WriteString(" → " + f.Do)
		}
		if f.Record != nil {
			b.WriteString(" ▸ " + f.Record.ZoneLine())
		}
		b.WriteString("\n")
	}
	return b.String()
}

func lookAt(t testing.TB, s Sender, text string) Report {
	t.Helper()
	r, err := Look(t.Context(), s, zone(t, text))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

const goodZone = `
shop.example. IN TXT "v=spf1 include:spf.service.example ip4:192.0.2.7 -all"
shop.example. IN TXT "another=1"
shop.example. IN MX 10 mx.shop.example.
mx.shop.example. IN A 192.0.2.9
spf.service.example. IN TXT "v=spf1 ip4:198.51.100.0/24 ~all"
_dmarc.shop.example. IN TXT "v=DMARC1; p=reject; rua=mailto:dmarc@shop.example"
_mta-sts.shop.example. IN TXT "v=STSv1; id=7"
_smtp._tls.shop.example. IN TXT "v=TLSRPTv1; rua=mailto:tls@shop.example"
7.2.0.192.in-addr.arpa. IN PTR out.shop.example.
out.shop.example. IN A 192.0.2.7
`

// A domain with which all is well: nothing but ok, and the figure of look-ups. One
// key comes in two strings through an alias, the other does not fit into a packet.
func TestAllIsWell(t *testing.T) {
	t.Parallel()
	long, ed := rsaValue(t, 2048), edValue(t)
	r := lookAt(t, Sender{
		Domain: "Shop.Example.", Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.7")}, PublicURL: "https://go.shop.example",
		Keys: []Key{{"shop.example", "a", long}, {"shop.example", "b", ed}},
	}, goodZone+`
a._domainkey.shop.example. IN CNAME a.keys.service.example.
a.keys.service.example. IN TXT "`+long[:200]+`" "`+long[200:]+`"
`+padding("b._domainkey.shop.example.")+"b._domainkey.shop.example. IN TXT \""+ed+"\"\n")
	if !r.OK || r.Domain != "shop.example" {
		t.Errorf("%+v", r)
	}
	for check, want := range map[string]string{
		checkSPF:         "ok: shop.example: \"v=spf1 include:spf.service.example ip4:192.0.2.7 -all\", 1 of 10 look-ups\nok: 192.0.2.7 may send for shop.example\n",
		checkDKIM:        "ok: the key of a._domainkey.shop.example is there (rsa, 2048 bits)\nok: the key of b._domainkey.shop.example is there (ed25519)\n",
		checkDMARC:       "ok: _dmarc.shop.example: \"v=DMARC1; p=reject; rua=mailto:dmarc@shop.example\"\n",
		checkAlignment:   "ok: mails from shop.example are signed for shop.example\n",
		checkMX:          "ok: mail to shop.example goes to mx.shop.example\n",
		checkPTR:         "ok: 192.0.2.7 is out.shop.example, and back\n",
		checkUnsubscribe: "ok: one click at https://go.shop.example\n",
	} {
		if got := lines(r, check); got != want {
			t.Errorf("%s\n got %s want %s", check, got, want)
		}
	}
	for _, f := range r.Findings {
		if f.Status != OK && f.Check != checkTLS {
			t.Errorf("%+v", f)
		}
	}
}

// padding makes an answer too long for a packet.
func padding(name string) string {
	var b strings.Builder
	for i := range 10 {
		fmt.Fprintf(&b, "%s IN TXT \"pad%d=%s\"\n", name, i, strings.Repeat("y", 200))
	}
	return b.String()
}

// A domain of which nothing is known: each thing that must be written, as it is to
// be written.
func TestNothingThere(t *testing.T) {
	t.Parallel()
	value := edValue(t)
	r := lookAt(t, Sender{
		Domain: "mail.shop.example", Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.7"), netip.MustParseAddr("2001:db8::7")},
		Keys: []Key{{"mail.shop.example", "s1", value}}, PublicURL: "http://mail.shop.example",
	}, "other.example. IN A 192.0.2.1\n")
	if r.OK {
		t.Error("it is well")
	}
	for check, want := range map[string]string{
		checkSPF:         `▸ mail.shop.example. IN TXT "v=spf1 ip4:192.0.2.7 ip6:2001:db8::7 ~all"`,
		checkDKIM:        `fail: no key at s1._domainkey.mail.shop.example: signatures by it count as none → write this ▸ s1._domainkey.mail.shop.example. IN TXT "` + value + `"`,
		checkDMARC:       `fail: no DMARC record at _dmarc.mail.shop.example nor at _dmarc.shop.example; Gmail, Yahoo and Microsoft refuse bulk mail of a domain without one → write this, with an address whose reports somebody looks at ▸ _dmarc.shop.example. IN TXT "v=DMARC1; p=none; rua=mailto:dmarc@shop.example"`,
		checkMX:          `▸ mail.shop.example. IN MX 10 mail.mail.shop.example.`,
		checkPTR:         `fail: 2001:db8::7 has no name (PTR)`,
		checkTLS:         `hint: nobody hears of it when mail to mail.shop.example cannot be encrypted (TLS-RPT, RFC 8460) → write this ▸ _smtp._tls.mail.shop.example. IN TXT "v=TLSRPTv1; rua=mailto:tls@mail.shop.example"`,
		checkUnsubscribe: `fail: links lead to http://mail.shop.example`,
	} {
		if got := lines(r, check); !strings.Contains(got, want) {
			t.Errorf("%s\n got %s want %s", check, got, want)
		}
	}
}

// What is no domain is refused; a server that fails is an error and no finding.
func TestErrors(t *testing.T) {
	t.Parallel()
	dns := zone(t, "shop.example. IN A 192.0.2.1\n")
	for _, domain := range []string{"shop", "a b.example", "-.example", "..", strings.Repeat("a.", 130) + "example"} {
		if _, err := Look(t.Context(), Sender{Domain: domain}, dns); err == nil || !strings.Contains(err.Error(), "is no domain") {
			t.Errorf("%s: %v", domain, err)
		}
	}
	if _, err := Look(t.Context(), Sender{Domain: "broken.example"}, dns); err == nil || !strings.Contains(err.Error(), "look up TXT of broken.example: "+dns.Addr()+" answers SERVFAIL") {
		t.Errorf("%v", err)
	}
	if r, err := Look(t.Context(), Sender{Domain: "bücher.example"}, dns); err != nil || r.Domain != "xn--bcher-kva.example" {
		t.Errorf("%v %v", r, err)
	}
	for addr, want := range map[string]string{"9.9.9.9": "9.9.9.9:53", "[::1]:5": "[::1]:5", "::1": "[::1]:53", "[::1]": "[::1]:53", "dns.example": "", "9.9.9.9:": ""} {
		r, err := NewResolver(addr)
		if want == "" && err == nil || want != "" && (err != nil || r.Addr() != want) {
			t.Errorf("%s: %v %v", addr, r, err)
		}
	}
}
