package cli_test

import (
	"encoding/json"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"tidings/internal/doctor"
	"tidings/internal/mail/smtptest"
)

// nameServer answers with the records of a zone file, on loopback.
func nameServer(t *testing.T, text string) string {
	t.Helper()
	records := map[string][]dns.RR{}
	parser := dns.NewZoneParser(strings.NewReader(text), ".", "")
	parser.SetDefaultTTL(60)
	for rr, ok := parser.Next(); ok; rr, ok = parser.Next() {
		key := fmt.Sprint(strings.ToLower(rr.Header().Name), rr.Header().Rrtype)
		records[key] = append(records[key], rr)
	}
	if err := parser.Err(); err != nil {
		t.Fatal(err)
	}
	socket, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	up := make(chan struct{})
	s := &dns.Server{PacketConn: socket, NotifyStartedFunc: func() { close(up) }, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, ask *dns.Msg) {
		m := new(dns.Msg)
		m.SetReply(ask)
		m.Answer = records[fmt.Sprint(strings.ToLower(ask.Question[0].Name), ask.Question[0].Qtype)]
		_ = w.WriteMsg(m)
	})}
	go func() { _ = s.ActivateAndServe() }()
	<-up
	t.Cleanup(func() { _ = s.Shutdown() })
	return socket.LocalAddr().String()
}

// doctor DOMAIN asks the server that it is told to, says each mend with the record
// to write, and its exit code says whether mail would be refused. The keys, the line
// and the return path are those that mails would go out by.
func TestDoctorDomain(t *testing.T) {
	t.Parallel()
	server := smtptest.New(t)
	s := &shop{dir: t.TempDir(), env: map[string]string{"SMTP_URL": server.URL(), "PUBLIC_URL": "https://go.shop.example", "RETURN_ADDRESS": "back@bounce.shop.example"}}
	file := filepath.Join(s.dir, "key.pem")
	_, out, _ := s.command("dkim", "keygen", "--domain", "shop.example", "--selector", "s1", "--algorithm", "ed25519", "--out", file, "--json")
	var key struct{ Value string }
	if err := json.Unmarshal([]byte(out), &key); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	s.env["DKIM_KEYS"] = "s1@shop.example=" + file
	const sound = `mail.shop.example. IN TXT "v=spf1 ip4:192.0.2.7 -all"
bounce.shop.example. IN TXT "v=spf1 ip4:192.0.2.7 -all"
mail.shop.example. IN MX 5 mx.shop.example.
bounce.shop.example. IN MX 5 mx.shop.example.
mx.shop.example. IN A 192.0.2.9
_dmarc.shop.example. IN TXT "v=DMARC1; p=quarantine; rua=mailto:dmarc@shop.example"
7.2.0.192.in-addr.arpa. IN PTR out.shop.example.
out.shop.example. IN A 192.0.2.7
`
	resolver := nameServer(t, sound+`s1._domainkey.shop.example. IN TXT "`+key.Value+`"`+"\n")
	code, out, errs := s.command("doctor", "hello@Mail.shop.example", "--resolver", resolver, "--address", "192.0.2.7")
	for _, want := range []string{
		"mail.shop.example, as " + resolver + " knows it\n",
		"ok    dkim         the key of s1._domainkey.shop.example is there (ed25519)\n",
		"ok    alignment    mails from mail.shop.example are signed for shop.example\n",
		"ok    spf          192.0.2.7 may send for bounce.shop.example\n",
		"ok    tls          mails are handed over on this machine",
		"hint  tls          nobody hears of it when mail to mail.shop.example cannot be encrypted (TLS-RPT, RFC 8460)\n                   → write this\n                     _smtp._tls.mail.shop.example. IN TXT \"v=TLSRPTv1; rua=mailto:tls@mail.shop.example\"\n",
		"\nnothing for which mail is refused, 0 warnings\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("lacks %q:\n%s%s", want, out, errs)
		}
	}
	if code != 0 {
		t.Errorf("exit code %d", code)
	}

	// Without the key, and with a second selector that there is not.
	resolver = nameServer(t, sound)
	code, out, _ = s.command("doctor", "mail.shop.example", "--resolver", resolver, "--selector", "other", "--json")
	var found doctor.Report
	if err := json.Unmarshal([]byte(out), &found); err != nil || code != 1 || found.OK || found.Domain != "mail.shop.example" || found.Resolver != resolver {
		t.Fatalf("%d, %v: %s", code, err, out)
	}
	var missing []string
	for _, f := range found.Findings {
		if f.Status == doctor.Fail {
			record := "none"
			if f.Record != nil {
				record = f.Record.Name + " " + f.Record.Type + " " + f.Record.Value
			}
			missing = append(missing, f.Check+": "+record)
		}
	}
	if got, want := strings.Join(missing, "\n"), "dkim: s1._domainkey.shop.example TXT "+key.Value+"\ndkim: none"; got != want {
		t.Errorf("fails:\n%s\nwant\n%s", got, want)
	}

	for want, args := range map[string][]string{
		"is no domain":           {"doctor", "shop", "--resolver", resolver},
		"is no DNS server":       {"doctor", "mail.shop.example", "--resolver", "dns.example"},
		"is no IP address":       {"doctor", "mail.shop.example", "--address", "mx"},
		"go with a domain":       {"doctor", "--resolver", resolver},
		"look at what is stored": {"doctor", "mail.shop.example", "--ledger"},
	} {
		if code, _, errs := s.command(args...); code != 2 || !strings.Contains(errs, want) {
			t.Errorf("%v: %d %s", args, code, errs)
		}
	}
}
