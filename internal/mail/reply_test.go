package mail

import (
	"strings"
	"testing"
	"unicode/utf8"

	"tidings/internal/campaign"
)

func TestNewReply(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		code int
		text string
		want campaign.Reply
	}{
		{250, "2.0.0 Ok: queued as 4F", campaign.Reply{Code: 250, Enhanced: "2.0.0", Text: "Ok: queued as 4F"}},
		{550, "5.1.1 no such\n5.1.1 user", campaign.Reply{Code: 550, Enhanced: "5.1.1", Text: "no such user"}},
		{550, "no such user", campaign.Reply{Code: 550, Text: "no such user"}},
		{450, "5.1.1 of another class", campaign.Reply{Code: 450, Text: "5.1.1 of another class"}},
		{550, "5.7.515", campaign.Reply{Code: 550, Enhanced: "5.7.515"}},
		{550, "5.7.5155 x", campaign.Reply{Code: 550, Text: "5.7.5155 x"}},
		{250, "", campaign.Reply{Code: 250}},
		{554, "a\x00b\xffc", campaign.Reply{Code: 554, Text: "a b?c"}},
	} {
		if got := newReply(tt.code, tt.text); got != tt.want {
			t.Errorf("%d %q: %+v", tt.code, tt.text, got)
		}
	}
}

func FuzzNewReply(f *testing.F) {
	f.Add(550, "5.1.1 no such\n5.1.1 user")
	f.Add(421, strings.Repeat("é", 400))
	f.Fuzz(func(t *testing.T, code int, text string) {
		r := newReply(code, text)
		if !utf8.ValidString(r.Text) || len(r.Text) > maxReplyText || strings.ContainsAny(r.Text, "\r\n\x00") {
			t.Errorf("%q: unfit text %q", text, r.Text)
		}
		if r.Enhanced != "" && (len(r.Enhanced) > 9 || int(r.Enhanced[0]-'0') != code/100) {
			t.Errorf("%d %q: enhanced %q", code, text, r.Enhanced)
		}
	})
}
