package mail

import (
	"bytes"
	"io"
	"net/textproto"
	"strings"
	"testing"

	"bufio"
)

func TestAppendBody(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                        "",
		"a\r\n":                   "a\r\n",
		"a":                       "a\r\n",
		".":                       "..\r\n",
		".\r\n":                   "..\r\n",
		"a\r\n.\r\nb\r\n":         "a\r\n..\r\nb\r\n",
		"..x\r\n":                 "...x\r\n",
		"a\n.\nb":                 "a\r\n..\r\nb\r\n",
		"a\r.\rb":                 "a\r\n..\r\nb\r\n",
		"a\r\n\r\n.":              "a\r\n\r\n..\r\n",
		"\r\r\n\n":                "\r\n\r\n\r\n",
		"a\r\n.\nMAIL FROM:<x>\n": "a\r\n..\r\nMAIL FROM:<x>\r\n",
	} {
		if got := string(appendBody(nil, []byte(in))); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// FuzzAppendBody checks against the reader of the standard library: a message
// never ends early, and a well-formed one comes out as it went in.
func FuzzAppendBody(f *testing.F) {
	f.Add([]byte("Subject: x\r\n\r\n.\r\n..\r\nend\r\n"))
	f.Add([]byte("\r\r\n.\n\r.\r"))
	f.Fuzz(func(t *testing.T, body []byte) {
		wire := appendBody(nil, body)
		if bytes.Contains(wire, []byte("\r\n.\r\n")) || bytes.HasPrefix(wire, []byte(".\r\n")) {
			t.Fatalf("%q ends early: %q", body, wire)
		}
		stripped := strings.ReplaceAll(string(wire), "\r\n", "")
		if strings.ContainsAny(stripped, "\r\n") {
			t.Fatalf("%q: bare line end in %q", body, wire)
		}
		in := bufio.NewReader(io.MultiReader(bytes.NewReader(wire), strings.NewReader(".\r\nrest")))
		got, err := io.ReadAll(textproto.NewReader(in).DotReader())
		if err != nil {
			t.Fatal(err)
		}
		text := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(string(body))
		if text != "" && !strings.HasSuffix(text, "\n") {
			text += "\n"
		}
		if string(got) != text {
			t.Fatalf("%q came out as %q, want %q", body, got, text)
		}
	})
}
