package hook

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"tidings/internal/inbound"
	"tidings/internal/token"
)

// newPostBox is a desk that notes what is sent on.
func newPostBox(t *testing.T, keys map[string][]string, change ...func(*Options)) (*desk, *[]string, string) {
	passed := &[]string{}
	d := newDesk(t, keys, append(change, func(o *Options) {
		o.Forward = func(_ context.Context, taken inbound.Taken, raw []byte) error {
			*passed = append(*passed, string(taken.Kind)+" "+string(raw))
			return nil
		}
	})...)
	return d, passed, d.signer.ReturnAddress("bounces@mail.shop.example", token.Bounce, 7)
}

func (d *desk) replied(t *testing.T, what string, n int) {
	t.Helper()
	if len(d.returned) != n {
		t.Fatalf("%s: %d replies, want %d", what, len(d.returned), n)
	}
	for _, r := range d.returned {
		if r.Event != "Email Replied" || !r.Proven || r.Address != "ana@shop.example" {
			t.Errorf("%s: %+v", what, r)
		}
	}
	d.returned = nil
}

// A mail that SES publishes is taken as one that an MTA hands over, in either encoding;
// a notification without the mail is counted as that.
func TestSESReceived(t *testing.T) {
	t.Parallel()
	a := newAmazon(t)
	d, passed, to := newPostBox(t, map[string][]string{"ses": {topic}}, func(o *Options) { o.Fetch = a })
	mail := fmt.Sprintf(reply, "bounces@mail.shop.example")
	notice := func(encoding, content string) string {
		text, err := json.Marshal(map[string]any{
			"notificationType": "Received", "content": content, "mail": map[string]any{"messageId": "x"},
			"receipt": map[string]any{"recipients": []string{"other@shop.example", to}, "action": map[string]any{"type": "SNS", "encoding": encoding}},
		})
		if err != nil {
			t.Fatal(err)
		}
		return a.message(t, func(m *snsMessage) { m.Message = string(text) }, nil)
	}
	for encoding, content := range map[string]string{"UTF8": mail, "": mail, "BASE64": base64.StdEncoding.EncodeToString([]byte(mail))} {
		d.want(t, encoding, d.post(t, "ses", notice(encoding, content)), http.StatusOK)
		d.replied(t, encoding, 1)
		if len(*passed) != 1 || (*passed)[0] != "reply "+mail {
			t.Errorf("%s: sent on %q", encoding, *passed)
		}
		*passed = nil
	}
	d.want(t, "badly encoded", d.post(t, "ses", notice("BASE64", "§")), http.StatusBadRequest)
	d.want(t, "of another action", d.post(t, "ses", notice("", "")), http.StatusOK)
	forged := a.message(t, nil, func(m *snsMessage) { m.Message = `{"notificationType":"Received","content":"From: x"}` })
	d.want(t, "forged", d.post(t, "ses", forged), http.StatusForbidden)
	if d.counts["ses Received reply"] != 3 || d.counts["ses Received without content nothing"] != 1 || len(*passed) > 0 {
		t.Errorf("%v, %q", d.counts, *passed)
	}
}

// resendAt plays Resend: its API, and the host where mails lie.
type resendAt struct {
	lies, mail string
	status     int // 0: 200
	asked      []string
}

func (r *resendAt) Do(q *http.Request) (*http.Response, error) {
	r.asked = append(r.asked, q.URL.String()+" "+q.Header.Get("Authorization"))
	body := r.mail
	if q.URL.Host == "api.resend.com" {
		text, err := json.Marshal(map[string]any{"object": "email", "raw": map[string]string{"download_url": r.lies}})
		if err != nil {
			return nil, err
		}
		body = string(text)
	}
	return &http.Response{StatusCode: cmp.Or(r.status, http.StatusOK), Body: io.NopCloser(strings.NewReader(body))}, nil
}

const receivedID = "56761188-7520-42d8-8898-ff6fc54ce618"

// A mail that Resend has received is fetched, from its hosts alone, and the key of its
// API goes to the API alone.
func TestResendReceived(t *testing.T) {
	t.Parallel()
	key := []byte("0123456789abcdef0123456789abcdef")
	keys := map[string][]string{"resend": {"whsec_" + base64.StdEncoding.EncodeToString(key)}}
	at := &resendAt{lies: "https://inbound-cdn.resend.com/raw?signature=s", mail: fmt.Sprintf(reply, "bounces@mail.shop.example")}
	d, passed, to := newPostBox(t, keys, func(o *Options) { o.Fetch, o.ResendKey = at, "re_key" })
	body := func(id string) string {
		return fmt.Sprintf(`{"type":"email.received","data":{"email_id":%q,"to":[%q]}}`, id, to)
	}
	send := func(d *desk, body string) int {
		return d.post(t, "resend", body, svixSigned("svix-", "m1", noon, key, body))
	}
	d.want(t, "received", send(d, body(receivedID)), http.StatusOK)
	d.replied(t, "received", 1)
	want := []string{"https://api.resend.com/emails/receiving/" + receivedID + " Bearer re_key", "https://inbound-cdn.resend.com/raw?signature=s "}
	if len(*passed) != 1 || fmt.Sprint(at.asked) != fmt.Sprint(want) {
		t.Errorf("%q, %q", *passed, at.asked)
	}
	for _, id := range []string{"../domains", "", receivedID + "/x"} {
		d.want(t, id, send(d, body(id)), http.StatusBadRequest)
	}
	at.asked = nil
	for _, lies := range []string{"http://inbound-cdn.resend.com/x", "https://resend.com.evil.example/x", "https://169.254.169.254/x", "https://a@inbound-cdn.resend.com/x", "https://inbound-cdn.resend.com:8443/x", ""} {
		at.lies = lies
		d.want(t, lies, send(d, body(receivedID)), http.StatusServiceUnavailable)
	}
	if len(at.asked) != 6 {
		t.Errorf("asked %q", at.asked)
	}
	at.lies, at.status = "https://x.cloudfront.net/raw", http.StatusBadGateway
	d.want(t, "their API is down", send(d, body(receivedID)), http.StatusServiceUnavailable)
	if strings.Contains(d.log.String(), "RESEND_API_KEY") {
		t.Errorf("the key is none to blame: %s", d.log)
	}
	at.status = http.StatusUnauthorized
	d.want(t, "a key for sending", send(d, body(receivedID)), http.StatusServiceUnavailable)
	if !strings.Contains(d.log.String(), "it answered 401; give RESEND_API_KEY a key with full access") {
		t.Errorf("the log does not say what to do: %s", d.log)
	}
	at.status, at.mail = 0, strings.Repeat("x", maxMail+1)
	d.want(t, "too large", send(d, body(receivedID)), http.StatusServiceUnavailable)
	if strings.Contains(d.log.String(), "re_key") || strings.Contains(d.log.String(), "signature") {
		t.Errorf("the log tells: %s", d.log)
	}
	d.want(t, "unsigned", d.post(t, "resend", body(receivedID)), http.StatusForbidden)
	// Without a key of the API it is counted.
	d, _, to = newPostBox(t, keys)
	d.want(t, "no key", send(d, body(receivedID)), http.StatusOK)
	if d.counts["resend email.received without RESEND_API_KEY nothing"] != 1 {
		t.Errorf("%v", d.counts)
	}
}

// What Brevo takes apart is put together again.
func TestBrevoReceived(t *testing.T) {
	t.Parallel()
	d, passed, to := newPostBox(t, map[string][]string{"inbound": {secret}})
	item := func(more string) string {
		return `{"Recipients":["x@shop.example","` + to + `"],"Headers":{"From":"Ana <ana@shop.example>","To":"bounces@mail.shop.example","Subject":"Re: Your\r\nBcc: x@shop.example basket","Content-Type":"multipart/mixed; boundary=b","MIME-Version":"1.0","Bad Name":"x",
			"Received":["from a","from b"],"Message-ID":"<r@shop.example>","In-Reply-To":"<a@b.example>","Odd":{"a":1}},` + more + `}`
	}
	post := func(body string) int {
		return d.post(t, "inbound", body, password(secret), head("Content-Type", "application/json"))
	}
	d.want(t, "two", post(`{"items":[`+item(`"RawTextBody":"Thank you, `+strings.Repeat("so ", 60)+`much","RawHtmlBody":"<p>x"`)+`,`+item(`"RawTextBody":" ","RawHtmlBody":"<p>Thanks"`)+`]}`), http.StatusOK)
	d.replied(t, "two", 2)
	if len(*passed) != 2 || !strings.Contains((*passed)[0], "\r\nSubject: Re: Your Bcc: x@shop.example basket\r\n") || strings.Contains((*passed)[0], "Bad Name") ||
		strings.Contains((*passed)[0], "boundary") || strings.Count((*passed)[0], "Received: ") != 2 || !strings.Contains((*passed)[1], "Content-Type: text/html; charset=utf-8\r\n") {
		t.Errorf("%q", *passed)
	}
	auto := strings.Replace(item(`"RawTextBody":"I am away"`), `"Odd"`, `"Auto-Submitted":"auto-replied","X"`, 1)
	*passed = nil
	d.want(t, "automatic", post(`{"items":[`+auto+`]}`), http.StatusOK)
	if len(*passed) != 1 || !strings.HasPrefix((*passed)[0], "auto_reply ") || len(d.returned) > 0 {
		t.Errorf("%q, %+v", *passed, d.returned)
	}
	for _, bad := range []string{`{"items":[]}`, `{"items":[{}]}`, `{"items":3}`, `{"items":[` + strings.Repeat(`{},`, maxItems) + `{}]}`} {
		d.want(t, bad[:11], post(bad), http.StatusBadRequest)
	}
	d.err = errors.New("the database is away")
	d.want(t, "not recorded", post(`{"items":[`+item(`"RawTextBody":"Thanks"`)+`]}`), http.StatusServiceUnavailable)
}

func FuzzReceived(f *testing.F) {
	f.Add([]byte(`{"notificationType":"Received","content":"RnJvbTogeA==","receipt":{"recipients":["x@shop.example"],"action":{"encoding":"BASE64"}}}`))
	f.Add([]byte(`{"type":"email.received","data":{"email_id":"` + receivedID + `","to":["x@shop.example"]}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		for name, parse := range map[string]func([]byte) (received, bool, error){"ses": sesMail, "resend": resendMail} {
			m, ok, err := parse(body)
			if err != nil && ok || len(m.raw) > 3*len(body) || len(m.recipients) > maxRecipients {
				t.Errorf("%s: %+v, %t, %v", name, m, ok, err)
			}
			if m.at != "" && (len(m.at) != len(resendAPI+receivedID) || !strings.HasPrefix(m.at, resendAPI)) {
				t.Errorf("%s leads to %q", name, m.at)
			}
		}
	})
}
