package mail

import (
	"bufio"
	"bytes"
	"io"
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
		{550, "#5.1.0 Address rejected.", campaign.Reply{Code: 550, Enhanced: "5.1.0", Text: "Address rejected."}},
		{550, "5.7.5155 x", campaign.Reply{Code: 550, Text: "5.7.5155 x"}},
		{250, "", campaign.Reply{Code: 250}},
		{550, "5.1.1 <ana@gmail.example>: no such\n5.1.1 user", campaign.Reply{Code: 550, Enhanced: "5.1.1", Text: "<…>: no such user"}},
		{550, "no mail from bounce+ana=gmail.example@kape.example", campaign.Reply{Code: 550, Text: "no mail from …"}},
		{250, "taken for ana@gmail.example", campaign.Reply{Code: 250, Text: "taken for …"}},
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

func TestReadReply(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 10_000)
	for _, tt := range []struct {
		in   string
		want campaign.Reply
		ok   bool
		rest string
	}{
		{"250 2.0.0 Ok\r\n354 go\r\n", campaign.Reply{Code: 250, Enhanced: "2.0.0", Text: "Ok"}, true, "354 go\r\n"},
		{"550-5.1.1 no such\r\n550 5.1.1 user\r\n", campaign.Reply{Code: 550, Enhanced: "5.1.1", Text: "no such user"}, true, ""},
		{"250\r\n", campaign.Reply{Code: 250}, true, ""},
		{"250-\n250\n", campaign.Reply{Code: 250}, true, ""},
		{"554 " + long + "\r\n250 ok\r\n", campaign.Reply{Code: 554, Text: long[:maxReplyText]}, true, "250 ok\r\n"},
		{"554-" + long + "\r\n554 end\r\n250 ok\r\n", campaign.Reply{Code: 554, Text: long[:maxReplyText]}, true, "250 ok\r\n"},
		{"what\r\n", campaign.Reply{}, false, ""},
		{"25\r\n", campaign.Reply{}, false, ""},
		{"099 x\r\n", campaign.Reply{}, false, ""},
		{"250_x\r\n", campaign.Reply{}, false, ""},
		{"250-a\r\n251 b\r\n", campaign.Reply{}, false, ""},
		{"250 no end", campaign.Reply{}, false, ""},
		{strings.Repeat("250-more\r\n", 10_000) + "250 end\r\n", campaign.Reply{}, false, ""},
		{"250 " + strings.Repeat("x", maxReply) + "\r\n", campaign.Reply{}, false, ""},
	} {
		in := bufio.NewReader(strings.NewReader(tt.in))
		got, err := readReply(in, true)
		if (err == nil) != tt.ok || tt.ok && got != tt.want {
			t.Errorf("%.40q: %+v, %v", tt.in, got, err)
		}
		if rest, _ := io.ReadAll(in); tt.ok && string(rest) != tt.rest {
			t.Errorf("%.40q leaves %.40q", tt.in, rest)
		}
	}
	if got, err := readReply(bufio.NewReader(strings.NewReader("250 2.1.5 not wanted\r\n")), false); err != nil || got != (campaign.Reply{Code: 250}) {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := readReply(bufio.NewReader(strings.NewReader("550 5.1.1 wanted\r\n")), false); err != nil || got.Text != "wanted" {
		t.Errorf("%+v, %v", got, err)
	}
}

// Whatever a server says, reading it ends, and gives a reply that can be judged.
func FuzzReadReply(f *testing.F) {
	f.Add([]byte("250-a\r\n250 b\r\n"))
	f.Add([]byte("550 5.1.1 no\r\n"))
	f.Add([]byte("2"))
	f.Fuzz(func(t *testing.T, said []byte) {
		r, err := readReply(bufio.NewReaderSize(bytes.NewReader(said), 16), true)
		if err == nil && (r.Code < 100 || r.Code > 999 || !utf8.ValidString(r.Text) || len(r.Text) > maxReplyText) {
			t.Errorf("%q: %+v", said, r)
		}
	})
}
