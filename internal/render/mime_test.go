package render

import (
	"bytes"
	"mime"
	"net/mail"
	"strings"
	"testing"
)

// Every line ends in CRLF, none is longer than RFC 5322 allows, and what goes to
// a server of 7 bits says the same in ASCII.
func TestWire(t *testing.T) {
	e, as8 := mustRender(t, compile(t, shop(t)), cartMessage())
	if e.SevenBit == nil {
		t.Fatal("₱ in 7 bits")
	}
	mustBeWire(t, e.Body, false)
	as7 := e.SevenBit()
	mustBeWire(t, as7, true)
	if got := readBack(t, as7); got.text != as8.text || got.html != as8.html {
		t.Errorf("the two forms differ:\n%s\n%s", firstDifference(got.text, as8.text), firstDifference(got.html, as8.html))
	}
	if !bytes.Contains(e.Body, []byte("Content-Transfer-Encoding: 8bit")) || bytes.Contains(e.Body, []byte("quoted-printable")) ||
		!bytes.Contains(as7, []byte("quoted-printable")) || bytes.Contains(as7, []byte("8bit")) {
		t.Errorf("encodings:\n%s\n%s", e.Body, as7)
	}
	if !bytes.Equal(as7, e.SevenBit()) {
		t.Error("the same message came out differently")
	}
	plain, _ := mustRender(t, compile(t, bare(t, "<html><body>plain</body></html>")), receiptMessage(`{}`, nil))
	mustBeWire(t, plain.Body, true)
	if plain.SevenBit != nil {
		t.Error("ASCII has another form in 7 bits")
	}
}

func mustBeWire(t testing.TB, body []byte, ascii bool) {
	t.Helper()
	for i, line := range bytes.SplitAfter(body, []byte("\n")) {
		if len(line) > 0 && !bytes.HasSuffix(line, []byte("\r\n")) || len(line) > maxLine+2 ||
			ascii && !isASCII(string(line)) || bytes.Contains(line[:max(0, len(line)-2)], []byte("\r")) {
			t.Fatalf("line %d: %q", i+1, line)
		}
	}
}

// What a customer's text or a template ends its lines with, the mail leaves as it was
// made: a signature goes over what is sent.
func TestBareCR(t *testing.T) {
	r := compile(t, bare(t, "<html><body><pre>{{ customer.note }}</pre>three\rfour</body></html>"))
	e, got := mustRender(t, r, receiptMessage(`{}`, map[string]any{"note": "one\rtwo\r\nnext ₱"}))
	mustBeWire(t, e.Body, false)
	mustBeWire(t, e.SevenBit(), true)
	if !strings.Contains(got.html, "one\ntwo\nnext") || !strings.Contains(got.html, "three\nfour") {
		t.Errorf("%q", got.html)
	}
}

// Lines that no line of a mail may hold are broken by the encoding alone.
func TestLongLines(t *testing.T) {
	for name, line := range map[string]string{
		"ASCII": strings.Repeat("long ", 400), "Hebrew": strings.Repeat("שלום ", 400), "as long as may be": strings.Repeat("x", maxLine),
	} {
		e, p := mustRender(t, compile(t, bare(t, "<html><body>\n"+line+"\n</body></html>")), receiptMessage(`{}`, nil))
		mustBeWire(t, e.Body, true)
		if !strings.Contains(p.html, line) || !strings.Contains(p.text, strings.TrimSpace(line)) {
			t.Errorf("%s: came back as %q", name, p.html)
		}
		if long := len(line) > maxLine; long != bytes.Contains(e.Body, []byte("quoted-printable")) {
			t.Errorf("%s: quoted-printable: %t", name, !long)
		}
	}
}

func TestFoldLong(t *testing.T) {
	cell := `<td class="a b">x</td><h2 id=c>y z</h2>`
	for name, src := range map[string]string{
		"nothing": "", "short": "<p class=a>x</p>\n", "one line": strings.Repeat(cell, 100), "some": "a\n" + strings.Repeat(cell, 60) + "\nb\n" + strings.Repeat(cell, 60),
		"exact":        `<p a="` + strings.Repeat("x", maxLine-12) + `"></p>`,
		"far from any": strings.Repeat("x", 2*maxLine) + cell, "nowhere": strings.Repeat("x y ", 2*maxLine), "no names": strings.Repeat("< a", 600) + strings.Repeat("<> ", 600),
	} {
		b := []byte(src)
		foldLong(b)
		if got := strings.ReplaceAll(string(b), "<td\nclass", "<td class"); strings.ReplaceAll(got, "<h2\nid", "<h2 id") != src {
			t.Errorf("%s: became\n%s", name, b)
		}
		for line := range strings.SplitSeq(string(b), "\n") {
			if len(line) > maxLine && strings.Contains(src, cell) && name != "far from any" {
				t.Errorf("%s: a line of %d bytes is left", name, len(line))
			}
		}
	}
}

func TestHeaderFields(t *testing.T) {
	for _, text := range []string{
		"", " ", "plain", "two  spaces", " a ", strings.Repeat("word ", 40), strings.Repeat("x", 200), "=?utf-8?q?not_meant?=",
		"Ħello 🛒", strings.Repeat("סל ", 60), "é" + strings.Repeat(" ", 100) + "é", "tab\tand more", "a\u00a0b", "\"quoted\" \\ back",
	} {
		b := appendText(nil, "Subject", text)
		mustBeWire(t, b, true)
		for line := range strings.SplitSeq(strings.TrimSuffix(string(b), "\r\n"), "\r\n") {
			if len(line) > 78 && strings.Contains(strings.TrimPrefix(strings.TrimSpace(line), "Subject: "), " ") || strings.TrimSpace(line) == "" {
				t.Errorf("%q: line %q", text, line)
			}
		}
		m, err := mail.ReadMessage(bytes.NewReader(append(b, "\r\n"...)))
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		got, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
		if err != nil || strings.Trim(got, " ") != strings.Trim(text, " ") {
			t.Errorf("%q came back as %q, %v", text, got, err)
		}
	}
	for _, name := range []string{"", "Ana", "Cruz, Ana", `Ana "Nan" Cruz`, `a\b`, "Zoë", "עברית שם", strings.Repeat("Długie imię ", 12)} {
		b := appendHeader(nil, "To", addressText(&mail.Address{Name: name, Address: "a@shop.example"}))
		mustBeWire(t, b, true)
		m, err := mail.ReadMessage(bytes.NewReader(append(b, "\r\n"...)))
		if err != nil {
			t.Fatalf("%q: %v", name, err)
		}
		list, err := m.Header.AddressList("To")
		if err != nil || len(list) != 1 || list[0].Name != name || list[0].Address != "a@shop.example" {
			t.Errorf("%q came back as %v, %v", name, list, err)
		}
	}
}

// A customer who knows the numbers of their mails cannot end a part of one.
func TestBoundary(t *testing.T) {
	cat := bare(t, "<html><body><pre>{{ customer.n }}</pre></body></html>")
	r := compile(t, cat)
	seen := map[string]bool{}
	for id := range int64(3) {
		o := receiptMessage(`{}`, map[string]any{"n": "--"})
		o.ID = id + 1
		e, _ := mustRender(t, r, o)
		_, rest, _ := strings.Cut(string(e.Body), "boundary=\"")
		boundary, _, _ := strings.Cut(rest, "\"")
		if strings.Count(string(e.Body), "--"+boundary) != 3 || seen[boundary] || len(boundary) > 70 {
			t.Errorf("boundary %q", boundary)
		}
		seen[boundary] = true
	}
}

func TestTransferOf(t *testing.T) {
	for s, want := range map[string]transfer{
		"": sevenBit, "a\nb": sevenBit, "12345678é": eightBit, "é": eightBit,
		strings.Repeat("é", maxLine/2): eightBit, strings.Repeat("é", maxLine/2+1): printable, strings.Repeat("x", maxLine+1): printable,
	} {
		if got := transferOf(s); got != want {
			t.Errorf("%.20q: %s, want %s", s, got, want)
		}
	}
}

// A mail is its own: what is rendered after it changes nothing of it.
func TestMailsShareNothing(t *testing.T) {
	r, s := compile(t, shop(t)), settings(t)
	o := cartMessage()
	first, err := r.Render(o, s)
	if err != nil {
		t.Fatal(err)
	}
	body, seven, url := bytes.Clone(first.Body), first.SevenBit(), strings.Clone(first.Links[0].URL)
	for id := range int64(20) {
		o.ID, o.Customer.Attributes = 100+id, map[string]any{"first_name": strings.Repeat("Zoë ", int(id))}
		if _, err := r.Render(o, s); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(first.Body, body) || !bytes.Equal(first.SevenBit(), seven) || first.Links[0].URL != url {
		t.Errorf("the first mail became\n%s", first.Body)
	}
}
