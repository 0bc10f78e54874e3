package doctor

import (
	"encoding/base64"
	"net/netip"
	"strings"
	"testing"
)

// Whatever makes a published key worthless, and the record that mends it.
func TestDKIM(t *testing.T) {
	t.Parallel()
	mine, other, short := edValue(t), edValue(t), rsaValue(t, 1024)
	key := func(v string) string { return strings.TrimPrefix(v, "v=DKIM1; k=ed25519; ") }
	for _, c := range []struct{ name, published, value, want string }{
		{"the key", mine, mine, "ok: the key of s._domainkey.shop.example is there (ed25519)"},
		{"with spaces", "k = ed25519 ; p= " + key(mine)[2:20] + " " + key(mine)[20:], mine, "ok:"},
		{"another", other, mine, `fail: the key at s._domainkey.shop.example is another than the one that signs: every signature fails → write this in its place ▸ s._domainkey.shop.example. IN TXT "` + mine + `"`},
		{"revoked", "v=DKIM1; p=", mine, "is revoked (an empty p=)"},
		{"no key", "v=DKIM1; k=rsa; p=" + base64.StdEncoding.EncodeToString([]byte("none")), "", "cannot be used: what p= holds is no key"},
		{"not base64", "v=DKIM1; p=???", "", "what p= holds is no key"},
		{"of another kind", "v=DKIM1; k=dsa; p=AAAA", "", "what p= holds is no key"},
		{"version", "v=DKIM2; k=ed25519; " + key(mine), mine, "begins with v=DKIM2 instead of v=DKIM1"},
		{"sha1", "h=sha1; k=ed25519; " + key(mine), mine, "allows h=sha1 alone"},
		{"not for mail", "s=tlsrpt; k=ed25519; " + key(mine), mine, "is not for mail: s=tlsrpt"},
		{"a trial", "t=y:s; k=ed25519; " + key(mine), mine, "warn: the key at s._domainkey.shop.example says that it is only tried out (t=y)"},
		{"short", short, "", "warn: the key at s._domainkey.shop.example has 1024 bits; 2,048 are usual"},
	} {
		r := lookAt(t, Sender{Domain: "shop.example", Keys: []Key{{"shop.example", "s", c.value}}},
			"s._domainkey.shop.example. IN TXT \""+strings.ReplaceAll(c.published, ";", `\;`)+"\"\n")
		if got := lines(r, checkDKIM); !strings.Contains(got, c.want) || strings.Count(got, "\n") != 1 {
			t.Errorf("%s\n got %s want %s", c.name, got, c.want)
		}
	}
	r := lookAt(t, Sender{Domain: "shop.example", Keys: []Key{{"shop.example", "s", mine}, {"shop.example", "theirs", ""}}},
		"s._domainkey.shop.example. IN TXT \""+mine+"\"\ns._domainkey.shop.example. IN TXT \""+other+"\"\n")
	for _, want := range []string{"fail: 2 keys at s._domainkey.shop.example", "→ write the record that your mail service gives for it, or look for another selector\n"} {
		if got := lines(r, checkDKIM); !strings.Contains(got, want) {
			t.Errorf("%s\nlacks %s", got, want)
		}
	}
	if got := lines(lookAt(t, Sender{Domain: "shop.example"}, "x.example. IN A 192.0.2.1\n"), checkDKIM); !strings.HasPrefix(got, "warn: whether mails are signed cannot be seen from here") {
		t.Error(got)
	}
}

// The policy is the domain's own, or its organisation's with what that says of
// subdomains; two records are none.
func TestDMARC(t *testing.T) {
	t.Parallel()
	const at = `_dmarc.mail.shop.example. IN TXT `
	for _, c := range []struct{ name, zone, want string }{
		{"its own", at + `"v=DMARC1; p=none; rua=mailto:d@shop.example"
			_dmarc.shop.example. IN TXT "v=DMARC1; p=bad"`, `ok: _dmarc.mail.shop.example: "v=DMARC1; p=none; rua=mailto:d@shop.example"` + "\nhint: p=none lets others write in your name → once the reports show that all of your own mail passes: p=quarantine, later reject\n"},
		{"the organisation's", `_dmarc.shop.example. IN TXT "v=DMARC1; p=reject; sp=none; rua=mailto:d@shop.example!10m"`, "ok: _dmarc.shop.example"},
		{"of subdomains", `_dmarc.shop.example. IN TXT "v=DMARC1; p=reject; sp=none; rua=mailto:d@shop.example"`, "hint: sp=none"},
		{"two", at + `"v=DMARC1; p=none"` + "\n" + at + `"v=DMARC1; p=reject"`, "fail: 2 records at _dmarc.mail.shop.example; receivers then go by none → leave one of them"},
		{"no policy", at + `"v=DMARC1; rua=mailto:d@shop.example"`, `fail: the record at _dmarc.mail.shop.example has p=, and there are none, quarantine and reject; receivers do not go by it → write a policy ▸ _dmarc.mail.shop.example. IN TXT "v=DMARC1; p=none; rua=mailto:dmarc@shop.example"`},
		{"misspelt", at + `"v=DMARC1; p=rejected"`, "has p=rejected"},
		{"nobody gets reports", at + `"v=DMARC1; p=reject"`, "warn: nobody gets the reports on who sends in your name (no rua=) → add rua=mailto:dmarc@shop.example"},
		{"no address", at + `"v=DMARC1; p=reject; rua=d@shop.example"`, "warn: rua=d@shop.example is no mailto: address"},
		{"elsewhere", at + `"v=DMARC1; p=reject; rua=mailto:d@reports.example, mailto:e@more.example"
			mail.shop.example._report._dmarc.more.example. IN TXT "v=DMARC1"`, `warn: reports.example does not say that it takes reports on mail.shop.example, so that none are sent to it → have this written there ▸ mail.shop.example._report._dmarc.reports.example. IN TXT "v=DMARC1"` + "\n"},
		{"not of all", at + `"v=DMARC1; p=reject; pct=20; rua=mailto:d@shop.example"`, "hint: pct=20"},
		{"not DMARC", at + `"v=DMARC10; p=reject"`, "fail: no DMARC record at _dmarc.mail.shop.example nor at _dmarc.shop.example"},
	} {
		r := lookAt(t, Sender{Domain: "mail.shop.example"}, strings.ReplaceAll(c.zone, "; ", `\; `)+"\n")
		got := lines(r, checkDMARC)
		if !strings.Contains(got, c.want) || strings.Contains(got, "more.example does not") {
			t.Errorf("%s\n got %s want %s", c.name, got, c.want)
		}
	}
}

// What proves a mail must be of the domain in From: of the same organisation, or the
// very same where the policy says so.
func TestAlignment(t *testing.T) {
	t.Parallel()
	key := func(domain string) []Key { return []Key{{domain, "s", "v=DMARC1; p="}} }
	for _, c := range []struct {
		name, policy, envelope string
		keys                   []Key
		want                   string
	}{
		{"its own key", "", "x.other.example", key("mail.shop.example"), "ok: mails from mail.shop.example are signed for mail.shop.example"},
		{"the key above", "", "x.other.example", key("shop.example"), "ok: mails from mail.shop.example are signed for shop.example"},
		{"the key above, strictly", "; adkim=s", "x.other.example", key("shop.example"), "fail: neither a signature nor the return path (x.other.example) is of mail.shop.example"},
		{"a key beside", "", "", key("other.example"), "warn: no key of DKIM_KEYS signs for mail.shop.example; only the return path (mail.shop.example)"},
		{"the return path", "", "bounce.shop.example", nil, "warn: only the return path (bounce.shop.example) is of the domain in From"},
		{"the return path, strictly", "; aspf=s", "bounce.shop.example", nil, "fail: neither"},
		{"none", "", "other.example", nil, "fail: neither a signature nor the return path (other.example) is of mail.shop.example, the domain in From: DMARC fails, and Gmail, Yahoo and Microsoft refuse such mail"},
		{"another registrant's", "", "shop2.example", key("example"), "fail: neither"},
	} {
		r := lookAt(t, Sender{Domain: "mail.shop.example", Envelope: c.envelope, Keys: c.keys},
			"_dmarc.mail.shop.example. IN TXT \""+strings.ReplaceAll("v=DMARC1; p=reject"+c.policy, "; ", `\; `)+"\"\n")
		if got := lines(r, checkAlignment); !strings.HasPrefix(got, c.want) || strings.Count(got, "\n") != 1 {
			t.Errorf("%s\n got %s want %s", c.name, got, c.want)
		}
	}
}

func TestMX(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, zone, want string }{
		{"null", "shop.example. IN MX 0 .", "fail: shop.example says that it takes no mail (a null MX), and Gmail refuses mail from such a domain (5.7.27) →"},
		{"null and another", "shop.example. IN MX 0 .\nshop.example. IN MX 5 mx.shop.example.", "fail: shop.example has a null MX beside others"},
		{"none", "shop.example. IN TXT x", "fail: shop.example has neither MX nor an address: replies and bounces go nowhere, and many receivers refuse such a sender → write the name of the server that takes its mail ▸ shop.example. IN MX 10 mail.shop.example.\n"},
		{"an address", "shop.example. IN A 192.0.2.1", "warn: shop.example has no MX; mail to it goes to its web address"},
		{"a dead one", "shop.example. IN MX 5 mx.shop.example.\nshop.example. IN MX 9 good.shop.example.\ngood.shop.example. IN AAAA 2001:db8::1", "warn: mx.shop.example, an MX of shop.example, has no address → take it out, or give it one\nok: mail to shop.example goes to good.shop.example\n"},
		{"only dead ones", "shop.example. IN MX 5 mx.shop.example.", "fail: mail to shop.example arrives nowhere"},
		{"an alias", "shop.example. IN MX 5 mx.shop.example.\nmx.shop.example. IN CNAME in.shop.example.\nin.shop.example. IN A 192.0.2.1", "warn: mx.shop.example, an MX of shop.example, is an alias"},
		{"a number", "shop.example. IN MX 5 192.0.2.1.", "warn: an MX of shop.example is the address 192.0.2.1, where the name of a server belongs"},
	} {
		if got := lines(lookAt(t, Sender{Domain: "shop.example"}, c.zone+"\n"), checkMX); !strings.Contains(got, c.want) {
			t.Errorf("%s\n got %s want %s", c.name, got, c.want)
		}
	}
	r := lookAt(t, Sender{Domain: "shop.example", Envelope: "bounce.shop.example"}, "shop.example. IN MX 5 mx.shop.example.\nmx.shop.example. IN A 192.0.2.1\n")
	if got := lines(r, checkMX); !strings.Contains(got, "fail: bounce.shop.example has neither MX nor an address") {
		t.Error(got)
	}
}

func TestPTR(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ addr, zone, want string }{
		{"192.0.2.7", "7.2.0.192.in-addr.arpa. IN PTR a.example.\n7.2.0.192.in-addr.arpa. IN PTR b.example.\nb.example. IN A 192.0.2.7", "ok: 192.0.2.7 is b.example, and back"},
		{"192.0.2.7", "7.2.0.192.in-addr.arpa. IN PTR a.example.\na.example. IN A 192.0.2.8", "fail: 192.0.2.7 is called a.example, which does not lead back to it; Gmail and Yahoo refuse mail from such an address → write this, or have the reverse DNS of the address set to a name that has it ▸ a.example. IN A 192.0.2.7"},
		{"192.0.2.7", "a.example. IN A 192.0.2.7", "fail: 192.0.2.7 has no name (PTR)"},
		{"2001:db8::7", "7.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa. IN PTR a.example.", "▸ a.example. IN AAAA 2001:db8::7"},
	} {
		r := lookAt(t, Sender{Domain: "shop.example", Addresses: []netip.Addr{netip.MustParseAddr(c.addr)}}, c.zone+"\n")
		if got := lines(r, checkPTR); !strings.Contains(got, c.want) {
			t.Errorf("%s\n got %s want %s", c.addr, got, c.want)
		}
	}
	if got := lines(lookAt(t, Sender{Domain: "shop.example"}, "x.example. IN A 192.0.2.1\n"), checkPTR); !strings.HasPrefix(got, "hint: the address that mails come from is not known") {
		t.Error(got)
	}
}

func FuzzTags(f *testing.F) {
	f.Add("v=DMARC1; p=none; rua=mailto:a@b.example")
	f.Add("v=DKIM1; k=rsa; p=AA BB;p=CC")
	f.Fuzz(func(t *testing.T, text string) {
		found := tags(text)
		for name, value := range found {
			if strings.ContainsRune(name, '=') || strings.ContainsRune(value, ';') {
				t.Errorf("%q: %q=%q", text, name, value)
			}
		}
		_ = badKey(found)
	})
}
