package hygiene

import (
	"fmt"
	"strings"
	"testing"
)

func TestLook(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]Finding{
		"ana@gmail.com":                 {},
		"ana@shop.example":              {},
		"Info@Shop.example":             {Role: true},
		"abuse+x@shop.example":          {Role: true},
		"information@shop.example":      {},
		"ana@mailinator.com":            {Disposable: true},
		"ana@x.y.YOPMAIL.com":           {Disposable: true},
		"ana@notmailinator.com":         {},
		"ana@gmial.com":                 {Meant: "gmail.com"},
		"ana@gmal.com":                  {Meant: "gmail.com"},
		"ana@gmail.con":                 {Meant: "gmail.com"},
		"ana@gmail.co":                  {Meant: "gmail.com"},
		"ana@gmaill.com":                {Meant: "gmail.com"},
		"ana@GNAIL.com":                 {Meant: "gmail.com"},
		"ana@hotmial.com":               {Meant: "hotmail.com"},
		"ana@yaho.com":                  {Meant: "yahoo.com"},
		"ana@outlok.com":                {Meant: "outlook.com"},
		"ana@iclould.com":               {Meant: "icloud.com"},
		"ana@mail.com":                  {},
		"ana@email.com":                 {},
		"ana@ymail.com":                 {},
		"ana@gmx.de":                    {},
		"ana@yahoo.co":                  {},
		"ana@yahoo.gr":                  {},
		"sales@gmial.com":               {Role: true, Meant: "gmail.com"},
		"ana":                           {},
		"@":                             {},
		"":                              {},
		strings.Repeat("a@", 1000):      {},
		"a@" + strings.Repeat("g", 1e6): {},
	} {
		if got := Look(address); got != want {
			t.Errorf("%.40s: %+v, want %+v", address, got, want)
		}
	}
}

// No domain of a provider, nor a disposable one, is a slip of another.
func TestListsAgree(t *testing.T) {
	t.Parallel()
	l := kept()
	if len(l.roles) < 80 || len(l.disposable) < 100 || len(l.known) < 150 || len(l.meant) < 8 || l.meant[0] != "gmail.com" {
		t.Fatalf("%d roles, %d disposable, %d known, %q", len(l.roles), len(l.disposable), len(l.known), l.meant)
	}
	for _, list := range []map[string]bool{l.disposable, l.known} {
		for domain := range list {
			if Domain(domain).Meant != "" || domain != strings.ToLower(domain) || !strings.Contains(domain, ".") {
				t.Errorf("%s: %+v", domain, Domain(domain))
			}
		}
	}
	for domain := range l.known {
		if below(l.disposable, domain) {
			t.Errorf("%s is in both lists", domain)
		}
	}
	for word := range l.roles {
		if strings.ContainsAny(word, "@.+") || word != strings.ToLower(word) {
			t.Errorf("role %q", word)
		}
	}
}

func TestTally(t *testing.T) {
	t.Parallel()
	var tally Tally
	for _, a := range []string{"ana@gmial.com", "Bela@GMIAL.com", "info@yaho.com", "x@yopmail.com", "eva@gmail.com"} {
		tally.Add(a)
	}
	tally.AddDomain("Hotmial.com", 3)
	tally.AddDomain("mailinator.com", 2)
	if got, want := fmt.Sprint(tally.Counts()), "{1 3 [{hotmial.com hotmail.com 3} {gmial.com gmail.com 2} {yaho.com yahoo.com 1}]}"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
