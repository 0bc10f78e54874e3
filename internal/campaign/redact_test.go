package campaign_test

import (
	"strings"
	"testing"

	"tidings/internal/campaign"
)

// Nothing of an address is left in a server's words, however it is written there,
// and the words stay.
func TestWithoutAddresses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, want string }{
		{"Ok: queued as 4F", "Ok: queued as 4F"},
		{"no mailbox for ana@gmail.com.", "no mailbox for …."},
		{"<ana@gmail.com>: Recipient address rejected: User unknown", "<…>: Recipient address rejected: User unknown"},
		{"<ana>... User unknown", "<…>... User unknown"},
		{"bad sender bounce+ana=gmail.com@kape.example", "bad sender …"},
		{"loop: <bounce+ana=gmail.com@kape.example>", "loop: <…>"},
		{"SRS0=x1=46=gmail.com=ana@forward.example refused", "… refused"},
		{"from=ana@gmail.com; to=ben@gmail.com", "…; …"},
		{"see https://help.example/?r=ana%40gmail.com&x=1 now", "see https:… now"},
		{"o'hara@gmail.com and \"ana\"@gmail.com", "… and …"},
		{"mail 5@ once", "mail 5@ once"},
		{"visit <https://support.example/mail> (5.7.1)", "visit <https://support.example/mail> (5.7.1)"},
		{"ана@почта.example нет", "… нет"},
		{`no mailbox for "ana cruz"@gmail.com here`, "no mailbox for … here"},
		{`no "ana \"c\" cruz" @ gmail.com here`, "no … here"},
		{"550 ana @ gmail.com unknown", "550 … unknown"},
		{"550 ana@ gmail.com, ana @gmail.com unknown", "550 …, … unknown"},
		{"ana＠gmail.com, ana﹫gmail.com. Unknown", "…, …. Unknown"},
		{"mail <ana @ gmail.com> is full", "mail <…> is full"},
		{"said \"no such user\" and \"go away\" to us", "said \"no such user\" and \"go away\" to us"},
		{"limit is 5 @ once, see rule 7 @ 12.30 or ask us @ work", "limit is 5 @ once, see rule 7 @ 12.30 or ask us @ work"},
		{"call us @ once. Thanks", "call us @ once. Thanks"},
	} {
		got := campaign.WithoutAddresses(c.text)
		if got != c.want || strings.Contains(got, "ana=") {
			t.Errorf("%q: %q; want %q", c.text, got, c.want)
		}
	}
}
