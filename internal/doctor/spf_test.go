package doctor

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"

	"blitiri.com.ar/go/spf"
)

// What RFC 7208 calls a syntax error is one, with a word on which term; what it
// allows is not.
func TestParseSPF(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"v=spf1":      "",
		"v=spf1 -all": "",
		"V=SPF1 A MX:mail.shop.example/24//64 ~ALL":                      "",
		"v=spf1  a//64 +mx/0 ?ptr ptr:shop.example -all":                 "",
		"v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/32 ip6:::1":              "",
		"v=spf1 exists:%{ir}.%{v}._spf.%{d2} redirect=_spf.shop.example": "",
		"v=spf1 include:%{l1r-}.lp.%{d} exp=why.%{d} moo=%%_%-":          "",
		"v=spf1 a=b":                                   "", // an unknown modifier
		"v=spf10 -all":                                 "begins with",
		"spf1 -all":                                    "begins with",
		"v=spf1 ip:192.0.2.1 -all":                     `no mechanism "ip"`,
		"v=spf1 ip4:192.0.2.256":                       `"ip4:192.0.2.256" is no IPv4 network`,
		"v=spf1 ip4:192.0.2.0/33":                      "no IPv4 network",
		"v=spf1 ip4:2001:db8::1":                       "no IPv4 network",
		"v=spf1 ip4":                                   "no IPv4 network",
		"v=spf1 ip6:fe80::1%25eth0":                    "no IPv6 network",
		"v=spf1 ip6:192.0.2.1":                         "no IPv6 network",
		"v=spf1 a/33":                                  "no length of a network",
		"v=spf1 a/":                                    "no length of a network",
		"v=spf1 mx//129":                               "no length of a network",
		"v=spf1 a/24//":                                "no length of a network",
		"v=spf1 a/024":                                 "no length of a network",
		"v=spf1 include -all":                          "lacks its domain",
		"v=spf1 include: -all":                         "lacks its domain",
		"v=spf1 include:shop":                          `"shop" is no domain`,
		"v=spf1 include:shop..example":                 "is no domain",
		"v=spf1 include:shop.example/24":               "is no domain",
		"v=spf1 all:shop.example":                      "nothing may follow all",
		"v=spf1 -all.":                                 "no mechanism",
		"v=spf1 redirect=":                             "lacks its domain",
		"v=spf1 redirect=a.example redirect=b.example": "redirect stands there twice",
		"v=spf1 exists:%{x}.shop.example":              "begins no macro",
		"v=spf1 exists:%{ib}.shop.example":             "begins no macro",
		"v=spf1 exists:%i.shop.example":                "begins no macro",
		"v=spf1 exists:%{i":                            "begins no macro",
		"v=spf1 include:shöp.example":                  "characters that SPF does not know",
		"v=spf1 ptr/24":                                "no term",
		"v=spf1 =x":                                    "no term",
		"v=spf1 - all":                                 "no mechanism",
	} {
		_, err := parseSPF(text)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

// Every record is read or refused, and one that was read says the same when it is
// put together again.
func FuzzParseSPF(f *testing.F) {
	for _, text := range []string{"v=spf1 a mx:x.example/24//64 include:%{d} -all", "v=spf1 redirect=a.b", "v=spf1 %", "v=spf1 ip6:::/0 exp=%%"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		record, err := parseSPF(text)
		if err != nil {
			return
		}
		words := []string{"v=spf1"}
		for _, term := range record {
			words = append(words, term.text)
		}
		again, err := parseSPF(strings.Join(words, " "))
		if err != nil || fmt.Sprint(again) != fmt.Sprint(record) {
			t.Errorf("%q: %v, %v and %v", text, err, record, again)
		}
	})
}

// chain is a zone in which spf0 includes spf1 and so on, n deep.
func chain(n int) string {
	var b strings.Builder
	b.WriteString("shop.example. IN TXT \"v=spf1 include:spf0.example -all\"\n")
	for i := range n - 1 {
		fmt.Fprintf(&b, "spf%d.example. IN TXT \"v=spf1 include:spf%d.example -all\"\n", i, i+1)
	}
	fmt.Fprintf(&b, "spf%d.example. IN TXT \"v=spf1 ip4:192.0.2.7 -all\"\n", n-1)
	return b.String()
}

// The limits of RFC 7208, and whatever else makes receivers go by no record at all.
func TestSPF(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, zone, want string }{
		{"nine look-ups", chain(9), `ok: shop.example: "v=spf1 include:spf0.example -all", 9 of 10 look-ups`},
		{"ten", chain(10), "warn: the SPF record of shop.example takes 10 of 10 look-ups"},
		{"eleven", chain(11), "fail: the SPF record of shop.example takes 11 look-ups, and receivers give up after 10 (permerror): include:spf0.example 11 →"},
		{"behind all nothing counts", `shop.example. IN TXT "v=spf1 a:h.example -all include:none.example redirect=none.example"
			h.example. IN A 192.0.2.1`, "1 of 10 look-ups"},
		{"a redirect beside all counts nowhere", `shop.example. IN TXT "v=spf1 redirect=none.example a:h.example ~all"
			h.example. IN A 192.0.2.1`, "1 of 10 look-ups"},
		{"every kind counts", `shop.example. IN TXT "v=spf1 a mx:h.example exists:%{i}.x.example ptr redirect=r.example"
			shop.example. IN A 192.0.2.1
			h.example. IN MX 5 h.example.
			r.example. IN TXT "v=spf1 a:h.example ip4:192.0.2.1 a=b -all"
			h.example. IN A 192.0.2.1`, `, 6 of 10 look-ups`},
		{"a forest", forest(), "fail: the SPF record of shop.example takes 100 or more look-ups, and receivers give up after 10"},
		{"two that find nothing", `shop.example. IN TXT "v=spf1 a:x.example mx:y.example ~all"`, "takes 2 of 10 look-ups, 2 of which find nothing (of at most 2): a:x.example 1, mx:y.example 1 → leave room"},
		{"three", `shop.example. IN TXT "v=spf1 a:x.example a:y.example a:z.example ~all"`, "fail: 3 terms of the SPF record of shop.example lead to names that have nothing, and receivers give up after 2"},
		{"a loop", `shop.example. IN TXT "v=spf1 include:a.example -all"
			a.example. IN TXT "v=spf1 include:SHOP.example. -all"`, "leads to an error, so that receivers do not go by it (permerror): shop.example leads back to itself: shop.example → a.example → SHOP.example"},
		{"includes nothing", `shop.example. IN TXT "v=spf1 include:a.example -all"`, "include:a.example names a.example, which has no SPF record → mend or take out that term of: v=spf1 include:a.example -all"},
		{"includes an error", `shop.example. IN TXT "v=spf1 include:a.example -all"
			a.example. IN TXT "v=spf1 ipv4:1.2.3.4 -all"`, `the record of a.example: "ipv4:1.2.3.4": there is no mechanism "ipv4"`},
		{"includes two", `shop.example. IN TXT "v=spf1 redirect=a.example"
			a.example. IN TXT "v=spf1 -all"
			a.example. IN TXT "v=spf1 ~all"`, "a.example has 2 SPF records, where one may stand"},
		{"an error", `shop.example. IN TXT "v=spf1 include -all"`, `fail: the SPF record of shop.example cannot be read, so that receivers do not go by it (permerror): "include" lacks its domain, as in include:example.com → mend it: v=spf1 include -all`},
		{"two records", `shop.example. IN TXT "v=spf1 include:a.example -all"
			shop.example. IN TXT "v=spf1 include:b.example include:a.example ~all"`, `▸ shop.example. IN TXT "v=spf1 include:a.example include:b.example ~all"`},
		{"everybody", `shop.example. IN TXT "v=spf1 +all"`, `warn: the SPF record of shop.example lets everybody send for it, which spam filters count against it → end it with ~all instead of +all ▸ shop.example. IN TXT "v=spf1 ~all"`},
		{"nobody says", `shop.example. IN TXT "v=spf1 ip4:192.0.2.1 ?all"`, `▸ shop.example. IN TXT "v=spf1 ip4:192.0.2.1 ~all"`},
		{"no end", `shop.example. IN TXT "v=spf1 ip4:192.0.2.1"`, `→ end it with ~all ▸ shop.example. IN TXT "v=spf1 ip4:192.0.2.1 ~all"`},
		{"ptr", `shop.example. IN TXT "v=spf1 ip4:192.0.2.1 ptr ~all"`, `→ write the addresses instead: ip4:… ▸ shop.example. IN TXT "v=spf1 ip4:192.0.2.1 ~all"`},
		{"a service by the name of all", `shop.example. IN TXT "v=spf1 include:spf.mailall.example all"
			spf.mailall.example. IN TXT "v=spf1 -all"`, `instead of all ▸ shop.example. IN TXT "v=spf1 include:spf.mailall.example ~all"`},
		{"a service by the name of ptr", `shop.example. IN TXT "v=spf1 include:ptr.example ptr ~all"
			ptr.example. IN TXT "v=spf1 -all"`, `ip4:… ▸ shop.example. IN TXT "v=spf1 include:ptr.example ~all"`},
		{"many exchangers", `shop.example. IN TXT "v=spf1 mx ~all"` + "\n" + exchangers(11), "mx: shop.example has 11 MX records, and a receiver gives up at more than 10"},
	} {
		r := lookAt(t, Sender{Domain: "shop.example"}, c.zone+"\n")
		if got := lines(r, checkSPF); !strings.Contains(got, c.want) {
			t.Errorf("%s\n got %s want %s", c.name, got, c.want)
		}
	}
}

// forest is a zone in which counting all would never end.
func forest() string {
	var b strings.Builder
	for i, name := range []string{"shop", "a", "b", "c", "d"} {
		fmt.Fprintf(&b, "%s.example. IN TXT \"v=spf1", name)
		for range 12 {
			fmt.Fprintf(&b, " include:%s.example", []string{"a", "b", "c", "d", "e"}[i])
		}
		b.WriteString(" -all\"\n")
	}
	b.WriteString("e.example. IN TXT \"v=spf1 a:h.example -all\"\nh.example. IN A 192.0.2.1\n")
	return b.String()
}

func exchangers(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "shop.example. IN MX %d m%d.shop.example.\nm%d.shop.example. IN A 192.0.2.1\n", i, i, i)
	}
	return b.String()
}

// Whether an address may send is what the record says of it, and the mend is the
// record with the address. The return path's domain is looked at beside that of From.
func TestMaySend(t *testing.T) {
	t.Parallel()
	r := lookAt(t, Sender{Domain: "shop.example", Envelope: "bounce.shop.example", Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.7"), netip.MustParseAddr("2001:db8::7")}}, `
shop.example. IN TXT "v=spf1 include:a.x~all.example ~all"
a.x~all.example. IN TXT "v=spf1 ip4:192.0.2.0/24 -all"
bounce.shop.example. IN TXT "v=spf1 redirect=b.example"
b.example. IN TXT "v=spf1 mx ip6:2001:db8::/64 -all"
b.example. IN MX 5 mx.example.
mx.example. IN A 192.0.2.7
`)
	want := []string{
		"ok: 192.0.2.7 may send for shop.example",
		`fail: 2001:db8::7 may not send for shop.example: softfail → add the address ▸ shop.example. IN TXT "v=spf1 include:a.x~all.example ip6:2001:db8::7 ~all"`,
		"ok: 192.0.2.7 may send for bounce.shop.example",
		"ok: 2001:db8::7 may send for bounce.shop.example",
	}
	got := lines(r, checkSPF)
	for _, w := range want {
		if !strings.Contains(got, w+"\n") {
			t.Errorf("%s\nlacks %s", got, w)
		}
	}
}

// Where we count too many look-ups, another implementation gives up, and not before.
func TestLimitIsTheirs(t *testing.T) {
	t.Parallel()
	for n := 8; n <= 12; n++ {
		dns := zone(t, chain(n))
		record, err := parseSPF("v=spf1 include:spf0.example -all")
		if err != nil {
			t.Fatal(err)
		}
		var c spfCount
		if err := c.count(t.Context(), dns, "shop.example", record); err != nil {
			t.Fatal(err)
		}
		result, err := spf.CheckHostWithSender(net.IPv4(192, 0, 2, 7), "shop.example", "a@shop.example", spf.WithResolver(spfDNS{t.Context(), dns}))
		want := spf.Pass
		if c.lookups > spfLookups {
			want = spf.PermError
		}
		if c.lookups != n || result != want {
			t.Errorf("%d look-ups of %d, and theirs is %s: %v", c.lookups, n, result, err)
		}
	}
}
