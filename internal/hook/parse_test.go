package hook

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tidings/internal/campaign"
)

// parsers are all of them, by the folder of their samples.
var parsers = map[string]func([]byte) ([]Report, error){
	"ses": parseSES, "postmark": parsePostmark, "sendgrid": parseSendGrid, "mailgun": parseMailgun, "resend": parseResend, "brevo": parseBrevo,
}

// Each sample's first line says what it comes to.
func TestSamples(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	for name, parse := range parsers {
		files, err := filepath.Glob("testdata/" + name + "/*.json")
		if err != nil || len(files) < 5 {
			t.Fatalf("%s: %d samples, %v", name, len(files), err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			first, body, _ := strings.Cut(string(text), "\n")
			want := strings.TrimPrefix(first, "// ")
			reports, err := parse([]byte(body))
			if err != nil {
				t.Errorf("%s: %v", file, err)
				continue
			}
			var got []string
			for _, r := range reports {
				got = append(got, d.said(r))
			}
			if g := strings.Join(got, "; "); g != want {
				t.Errorf("%s: %s, want %s", file, g, want)
			}
		}
	}
}

// said is a report in a line: what it is, of which mail, and why.
func (d *desk) said(r Report) string {
	words := []string{string(r.Kind)}
	if r.Kind == "" {
		words[0] = "unknown"
	}
	switch {
	case r.Bounced.Class != "":
		words = append(words, string(r.Bounced.Class), string(r.Bounced.Reason), r.Bounced.Status)
	case r.Feedback != "":
		words = append(words, r.Feedback)
	case r.Everything:
		words = append(words, "everything")
	}
	if r.Address != "" {
		words = append(words, r.Address)
	}
	if d.handler.Desk.About(r.result()) == 7 {
		words = append(words, "of 7")
	}
	return strings.Join(words, " ")
}

func TestIDs(t *testing.T) {
	t.Parallel()
	// A bounce, and the change of Postmark's list that follows from it, are one.
	bounce, _ := parsePostmark([]byte(`{"RecordType":"Bounce","Type":"HardBounce","MessageID":"m1","ID":1,"Email":"ana@shop.example"}`))
	change, _ := parsePostmark([]byte(`{"RecordType":"SubscriptionChange","MessageID":"m1","SuppressSending":true,"SuppressionReason":"HardBounce","Recipient":"ana@shop.example"}`))
	if bounce[0].uid("postmark") != change[0].uid("postmark") {
		t.Errorf("%q, %q", bounce[0].ID, change[0].ID)
	}
	soft, _ := parsePostmark([]byte(`{"RecordType":"Bounce","Type":"SoftBounce","MessageID":"m1","ID":1}`))
	if bounce[0].uid("postmark") == soft[0].uid("postmark") {
		t.Error("a soft bounce and a hard one are one")
	}
	if (Report{ID: "1"}).uid("ses") == (Report{ID: "1"}).uid("brevo") || !strings.HasPrefix(Report{}.uid("ses"), "hook:ses:") {
		t.Error("the same name at two providers")
	}
}

// A policy of the receiving server is none of the address, whatever a provider says.
func TestPolicyNeverHard(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`{"event":"hard_bounce","email":"a@b.example","reason":"550 5.7.1 message refused by policy"}`,
		`{"event":"hard_bounce","email":"a@b.example","reason":"550 5.7.26 unauthenticated mail is not accepted"}`,
		`{"event":"invalid_email","email":"a@b.example","reason":"554 5.7.0 listed at zen.spamhaus.org"}`,
	} {
		r, err := parseBrevo([]byte(body))
		if err != nil || string(r[0].Bounced.Class) != campaign.BouncePolicy {
			t.Errorf("%s: %+v, %v", body, r, err)
		}
	}
}

func FuzzSES(f *testing.F)      { fuzz(f, "ses") }
func FuzzPostmark(f *testing.F) { fuzz(f, "postmark") }
func FuzzSendGrid(f *testing.F) { fuzz(f, "sendgrid") }
func FuzzMailgun(f *testing.F)  { fuzz(f, "mailgun") }
func FuzzResend(f *testing.F)   { fuzz(f, "resend") }
func FuzzBrevo(f *testing.F)    { fuzz(f, "brevo") }

// fuzz holds a parser to what the rest relies on.
func fuzz(f *testing.F, name string) {
	files, _ := filepath.Glob("testdata/" + name + "/*.json")
	for _, file := range files {
		if text, err := os.ReadFile(file); err == nil {
			_, body, _ := strings.Cut(string(text), "\n")
			f.Add([]byte(body))
		}
	}
	f.Add([]byte(`[null,{"event":null,"to":[1]},[]]`))
	f.Fuzz(func(t *testing.T, body []byte) {
		reports, err := parsers[name](body)
		if err != nil && len(reports) > 0 || len(reports) > maxReports {
			t.Fatalf("%d reports, %v", len(reports), err)
		}
		for _, r := range reports {
			if (r.Kind == "bounce") != (r.Bounced.Class != "") || len(r.Evidence) > maxEvidence {
				t.Errorf("%+v", r)
			}
			r.result()
		}
	})
}

func TestHeaderFor(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]string{
		"smtp.postmarkapp.com": "X-PM-Metadata-tidings", "smtp-broadcasts.postmarkapp.com": "X-PM-Metadata-tidings", "SMTP-relay.Brevo.com": "X-Mailin-custom",
		"smtp-relay.sendinblue.com": "X-Mailin-custom", "smtp.resend.com": "X-Tidings-Reference", "smtp.sendgrid.net": "", "postmarkapp.com.evil.example": "", "": "",
	} {
		if got := HeaderFor(host); got != want {
			t.Errorf("%s: %q, want %q", host, got, want)
		}
	}
}
