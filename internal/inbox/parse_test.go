package inbox

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// crlf writes a mail as it comes over the line.
func crlf(s string) []byte { return []byte(strings.ReplaceAll(s, "\n", "\r\n")) }

const reminder = `From: =?utf-8?q?Kap=C3=A9_&_Co?= <hello@kape.example>
To: ana@example.com
Subject: =?utf-8?b?16nXnNeV150=?= Ana
Message-ID: <42@kape.example>
Feedback-ID: abandoned-cart:shop:offers:tidings
List-Unsubscribe: <https://t.kape.example/u/abc>
MIME-Version: 1.0
Content-Type: multipart/alternative; boundary=b1

--b1
Content-Type: text/plain; charset=utf-8

Your basket: https://t.kape.example/c/one.
--b1
Content-Type: text/html; charset=iso-8859-1
Content-Transfer-Encoding: quoted-printable

<!doctype html><html><head><title>x</title></head><body><p>Caf=E9</p>
<a href=3D"https://t.kape.example/c/one">Back</a> <a href=3D"https://t.kape.example/c/two?a=3D1&amp;b=3D2">Shop</a>
<a href=3D"https://t.kape.example/c/one">again</a> <a href=3D"mailto:x@kape.example">write</a>
<img src=3D"https://t.kape.example/o/abc.gif" alt=3D""></body></html>
--b1--
`

func TestParse(t *testing.T) {
	m := Parse(crlf(reminder))
	want := Mail{
		From: "Kapé & Co <hello@kape.example>", Subject: "שלום Ana", Campaign: "abandoned-cart",
		Text:   "Your basket: https://t.kape.example/c/one.",
		Links:  []string{"https://t.kape.example/c/one", "https://t.kape.example/c/two?a=1&b=2"},
		Images: []string{"https://t.kape.example/o/abc.gif"},
	}
	got := m
	got.Header, got.HTML, got.Raw = nil, "", nil
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if !strings.Contains(m.HTML, "<p>Café</p>") {
		t.Errorf("html %q", m.HTML)
	}
	if got := m.Header.Get("list-unsubscribe"); got != "<https://t.kape.example/u/abc>" {
		t.Errorf("List-Unsubscribe %q", got)
	}
	if m.Header[0].Name != "From" || len(m.Header) != 8 {
		t.Errorf("header %v", m.Header)
	}
}

func TestParseOdd(t *testing.T) {
	for name, c := range map[string]struct {
		raw  string
		want Mail
	}{
		"plain only": {"Subject: hi\nList-Id: News <news.kape.example>\n\nsee (http://a.example/x?y=1), ok", Mail{
			Subject: "hi", Campaign: "news", Text: "see (http://a.example/x?y=1), ok", Links: []string{"http://a.example/x?y=1"}}},
		"empty":            {"", Mail{}},
		"no header at all": {"\nbody", Mail{Text: "body"}},
		"cut multipart": {"Content-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: text/html\n\n<a href=http://a.example>", Mail{
			HTML: "<a href=http://a.example>", Links: []string{"http://a.example"}, Problem: "unexpected EOF"}},
		"unknown charset": {"Content-Type: text/plain; charset=klingon\n\nqapla \xff", Mail{
			Text: "qapla �", Problem: "unknown charset"}},
		"attachment is no text": {"Content-Type: multipart/mixed; boundary=x\n\n--x\nContent-Disposition: attachment; filename=a.html\nContent-Type: text/html\n\n<p>no</p>\n--x\nContent-Type: text/plain\n\nyes\n--x--\n", Mail{Text: "yes"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := Parse(crlf(c.raw))
			got.Header, got.Raw = nil, nil
			if c.want.Problem != "" && strings.Contains(got.Problem, c.want.Problem) {
				got.Problem = c.want.Problem
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestParseBrokenHeaderShowsSource(t *testing.T) {
	m := Parse([]byte("this is no header\r\nat all"))
	if m.Problem == "" || !strings.Contains(m.Text, "this is no header") {
		t.Errorf("got %+v", m)
	}
}

func TestParseEndsOnDeepAndMany(t *testing.T) {
	var deep strings.Builder
	for i := range 200 {
		b := strings.Repeat("b", i+1)
		deep.WriteString("Content-Type: multipart/mixed; boundary=" + b + "\r\n\r\n--" + b + "\r\n")
	}
	many := "Content-Type: multipart/mixed; boundary=x\r\n\r\n" + strings.Repeat("--x\r\nContent-Type: image/png\r\n\r\n\r\n", 5000) + "--x--\r\n"
	for name, raw := range map[string]string{"deep": deep.String(), "many": many} {
		if m := Parse([]byte(raw)); !strings.Contains(m.Problem, "more than") {
			t.Errorf("%s: problem %q", name, m.Problem)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(crlf(reminder))
	f.Add([]byte("Content-Type: text/html; charset=utf-16\r\n\r\n<a href='http://x'>"))
	f.Add([]byte("Content-Transfer-Encoding: base64\r\n\r\n!!!"))
	f.Add([]byte("Subject: =?utf-7?q?=?=\r\nContent-Type: multipart/x; boundary=\"\"\r\n\r\n--\r\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		m := Parse(raw)
		for _, s := range append([]string{m.HTML, m.Text, m.From, m.Subject, inNewTab(m.HTML)}, m.Links...) {
			if !utf8.ValidString(s) {
				t.Errorf("not UTF-8: %q", s)
			}
		}
	})
}
