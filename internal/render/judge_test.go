package render_test

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"slices"
	"strings"
	"testing"

	"github.com/emersion/go-message"
	_ "github.com/emersion/go-message/charset"

	"tidings/internal/campaign"
)

// outline is what a parser makes of a message: its header's fields, decoded, and each
// part with its type, its charset and what it says.
type outline []string

// byStandard reads a message with the standard library.
func byStandard(body []byte) (outline, error) {
	m, err := mail.ReadMessage(bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	out, words := outline{}, new(mime.WordDecoder)
	for name, values := range m.Header {
		for _, v := range values {
			text, err := words.DecodeHeader(v)
			if err != nil {
				return nil, err
			}
			out = append(out, name+": "+text)
		}
	}
	slices.Sort(out)
	_, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		return nil, err
	}
	parts := multipart.NewReader(m.Body, params["boundary"])
	for {
		p, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		var in io.Reader = p
		if strings.EqualFold(p.Header.Get("Content-Transfer-Encoding"), "quoted-printable") {
			in = quotedprintable.NewReader(p)
		}
		if out, err = out.part(p.Header.Get("Content-Type"), in); err != nil {
			return nil, err
		}
	}
}

// byOther reads it with go-message, which shares no code with it.
func byOther(body []byte) (outline, error) {
	m, err := message.Read(bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	out := outline{}
	for fields := m.Header.Fields(); fields.Next(); {
		text, err := fields.Text()
		if err != nil {
			return nil, err
		}
		out = append(out, fields.Key()+": "+text)
	}
	slices.Sort(out)
	parts := m.MultipartReader()
	if parts == nil {
		return nil, errors.New("no parts")
	}
	for {
		p, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		if out, err = out.part(p.Header.Get("Content-Type"), p.Body); err != nil {
			return nil, err
		}
	}
}

func (o outline) part(contentType string, in io.Reader) (outline, error) {
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(in)
	return append(o, kind+" in "+strings.ToLower(params["charset"]), string(b)), err
}

// Two parsers that have nothing in common take every mail of the example workspace for
// the same, in both of its forms: the fields, the parts and each byte of them.
func TestParsersAgree(t *testing.T) {
	t.Parallel()
	cat, r, s := workspace(t, "../..")
	forms := 0
	for _, camp := range cat.Campaigns {
		for _, node := range campaign.NewProgram(camp.Steps).Nodes {
			if node.Send == nil {
				continue
			}
			for _, locale := range cat.Workspace.Locales {
				o := outgoing(t, camp, node.Step.ID, locale)
				o.Customer.Attributes["first_name"] = `Añá "☕" =?utf-8?q?no?= Çruz, ` + strings.Repeat("שם ", 9)
				e, err := r.Render(o, s)
				if err != nil {
					t.Fatal(err)
				}
				bodies := [][]byte{e.Body}
				if e.SevenBit != nil {
					bodies = append(bodies, e.SevenBit())
				}
				for _, body := range bodies {
					forms++
					agree(t, body)
				}
			}
		}
	}
	if forms < 100 {
		t.Errorf("%d forms of mails", forms)
	}
}

func agree(t *testing.T, body []byte) {
	t.Helper()
	a, err := byStandard(body)
	if err != nil {
		t.Fatal(err)
	}
	b, err := byOther(body)
	if err != nil {
		t.Fatal(err)
	}
	if slices.Equal(a, b) {
		if len(a) < 14 || !slices.Contains(a, "text/plain in utf-8") || !slices.Contains(a, "text/html in utf-8") {
			t.Errorf("a mail of another structure: %.300q", a)
		}
		return
	}
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			t.Errorf("the parsers differ:\n%.200q\n%.200q", a[i], b[i])
		}
	}
	if len(a) != len(b) {
		t.Errorf("%d and %d pieces", len(a), len(b))
	}
}
