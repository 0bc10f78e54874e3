package hook

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime/multipart"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/inbound"
	"tidings/internal/token"
)

func TestUnknown(t *testing.T) {
	t.Parallel()
	d := newDesk(t, map[string][]string{"postmark": {secret}})
	for _, name := range []string{"nobody", "brevo", "inbound", "ses", "%2e%2e", "POSTMARK"} {
		d.want(t, name, d.post(t, name, "{}", password(secret)), http.StatusNotFound)
	}
	d.want(t, "no JSON", d.post(t, "postmark", "{", password(secret)), http.StatusBadRequest)
	if !d.empty() {
		t.Fatalf("stored: %+v", d.book)
	}
	for range 2 {
		d.want(t, "unknown event", d.post(t, "postmark", `{"RecordType":"Parcel","Email":"ana@shop.example"}`, password(secret)), http.StatusOK)
	}
	d.want(t, "known, and nothing", d.post(t, "postmark", `{"RecordType":"Open"}`, password(secret)), http.StatusOK)
	d.want(t, "of another system", d.post(t, "postmark", `{"RecordType":"Delivery","Metadata":{"tidings":"t7.s2"}}`, password(secret)), http.StatusOK)
	d.want(t, "of none", d.post(t, "postmark", `{"RecordType":"SpamComplaint"}`, password(secret)), http.StatusOK)
	d.want(t, "of one that is gone", d.post(t, "postmark", `{"RecordType":"SpamComplaint","Metadata":{"tidings":"t9.s1"}}`, password(secret)), http.StatusOK)
	want := map[string]int64{"postmark Parcel unknown": 2, "postmark Open nothing": 1, "postmark Delivery no_mail": 1, "postmark SpamComplaint no_mail": 2}
	if fmt.Sprint(d.counts) != fmt.Sprint(want) || len(d.arrived)+len(d.left) > 0 {
		t.Errorf("%v, want %v", d.counts, want)
	}
}

func TestActs(t *testing.T) {
	t.Parallel()
	d := newDesk(t, map[string][]string{"postmark": {secret}})
	send := func(body string, status int) {
		t.Helper()
		d.want(t, body, d.post(t, "postmark", body, password(secret)), status)
	}
	about := `,"MessageID":"m","Email":"ana@shop.example","Recipient":"ana@shop.example","Metadata":{"tidings":"t7.s1"}}`
	send(`{"RecordType":"Delivery"`+about, http.StatusOK)
	send(`{"RecordType":"SpamComplaint"`+about, http.StatusOK)
	send(`{"RecordType":"SubscriptionChange","SuppressSending":true,"SuppressionReason":"ManualSuppression","Origin":"Recipient"`+about, http.StatusOK)
	if len(d.arrived) != 1 || len(d.returned) != 1 || d.returned[0].Event != "Email Complained" || d.returned[0].Feedback != "abuse" || strings.Join(d.left, " ") != "everything" {
		t.Errorf("%+v", d.book)
	}
	// What cannot be recorded now comes again.
	d.under = true
	send(`{"RecordType":"Delivery"`+about, http.StatusServiceUnavailable)
	d.under, d.err = false, errors.New("the database is away, as is ana@shop.example's data")
	d.log.Reset()
	r := httptest.NewRequest(http.MethodPost, "/hooks/postmark", strings.NewReader(`{"RecordType":"SpamComplaint"`+about))
	password(secret)(r)
	r.SetPathValue("provider", "postmark")
	w := httptest.NewRecorder()
	d.handler.ServeHTTP(w, r)
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" || strings.Contains(w.Body.String(), "database") || strings.Contains(d.log.String(), "ana@") {
		t.Errorf("%d %s, log: %s", w.Code, w.Body, d.log)
	}
}

// A batch in which one mail is under way records the others, and comes again.
func TestBatchUnderWay(t *testing.T) {
	t.Parallel()
	d := newDesk(t, map[string][]string{"brevo": {secret}})
	d.under = true
	batch := `[{"event":"delivered","X-Mailin-custom":"t7.s1"},{"event":"spam","X-Mailin-custom":"t7.s1","email":"ana@shop.example"}]`
	d.want(t, "under way", d.post(t, "brevo", batch, password(secret)), http.StatusServiceUnavailable)
	if len(d.returned) != 1 {
		t.Errorf("%+v", d.returned)
	}
}

func TestKeys(t *testing.T) {
	t.Parallel()
	for name, key := range map[string]string{
		"ses": "ses-events", "postmark": "short", "sendgrid": "AAAA", "mailgun": "short", "resend": "whsec_%%", "brevo": "short", "inbound": "short",
	} {
		_, err := New(Options{Keys: map[string][]string{name: {key}}})
		if err == nil || !strings.Contains(err.Error(), keysOf(name)+": ") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := New(Options{Keys: map[string][]string{"ses": {"arn:aws-cn:sns:cn-north-1:123456789012:mails.fifo"}}}); err != nil {
		t.Error(err)
	}
	if host := snsHost("arn:aws-cn:sns:cn-north-1:123456789012:mails"); host != "sns.cn-north-1.amazonaws.com.cn" {
		t.Error(host)
	}
}

// served is webhooks on a server of this machine.
func (d *desk) served(t *testing.T) *httptest.Server {
	t.Helper()
	mux := http.NewServeMux()
	mux.Handle("POST /hooks/{provider}", d.handler)
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

// Bodies that never end, of whatever length they claim to be.
func TestOversized(t *testing.T) {
	t.Parallel()
	d := newDesk(t, map[string][]string{"postmark": {secret}, "mailgun": {"key-of-mailgun-for-tests"}, "sendgrid": nil, "inbound": {secret}})
	s := d.served(t)
	for _, name := range []string{"postmark", "mailgun"} {
		for _, claim := range []int64{2 << 20, -1} {
			r, err := http.NewRequest(http.MethodPost, s.URL+"/hooks/"+name, io.LimitReader(zeros{}, 2<<20))
			if err != nil {
				t.Fatal(err)
			}
			r.ContentLength = claim
			r.SetBasicAuth("x", secret)
			answer, err := s.Client().Do(r)
			if err != nil {
				continue // cut off while it was still writing
			}
			answer.Body.Close()
			d.want(t, name, answer.StatusCode, http.StatusRequestEntityTooLarge)
		}
	}
	// Who proves nothing in the header is not read at all.
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodPost, "/", neverRead{t})
	r.SetPathValue("provider", "postmark")
	d.handler.ServeHTTP(w, r)
	d.want(t, "unread", w.Code, http.StatusUnauthorized)
	r.SetPathValue("provider", "inbound")
	w = httptest.NewRecorder()
	d.handler.ServeHTTP(w, r)
	d.want(t, "unread mail", w.Code, http.StatusUnauthorized)
	if !d.empty() {
		t.Errorf("stored: %+v", d.book)
	}
}

// slow stores counts when it is let.
type slow struct {
	Store
	begun, leave chan struct{}
}

func (s slow) CountWebhooks(context.Context, []campaign.WebhookCount) error {
	close(s.begun)
	<-s.leave
	return nil
}

// Who closes waits for the counts that are being stored: the store is closed next.
func TestCloseWaits(t *testing.T) {
	t.Parallel()
	s := slow{begun: make(chan struct{}), leave: make(chan struct{})}
	tally := newTally(s, slog.New(slog.DiscardHandler))
	tally.add("ses", "Bounce", "bounce", noon)
	go tally.flush(t.Context())
	<-s.begun
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		(&Handler{tally: tally}).Close(t.Context())
	}()
	select {
	case <-closed:
		t.Error("closed while counts are being stored")
	case <-time.After(50 * time.Millisecond):
	}
	close(s.leave)
	<-closed
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

type neverRead struct{ t *testing.T }

func (n neverRead) Read([]byte) (int, error) {
	n.t.Error("the body was read")
	return 0, io.EOF
}

// A body that stops halfway holds up nobody else, and ends with its connection.
func TestSlowBodies(t *testing.T) {
	t.Parallel()
	d := newDesk(t, map[string][]string{"postmark": {secret}})
	s := d.served(t)
	for range 20 {
		conn, err := net.Dial("tcp", s.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprintf(conn, "POST /hooks/postmark?secret=%s HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{", url.QueryEscape(secret))
	}
	r, _ := http.NewRequest(http.MethodPost, s.URL+"/hooks/postmark", strings.NewReader(`{"RecordType":"Open"}`))
	r.SetBasicAuth("x", secret)
	answer, err := s.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	d.want(t, "meanwhile", answer.StatusCode, http.StatusOK)
	if bodyTime > 15*time.Second || mailTime > 30*time.Second {
		t.Error("a body has longer than a connection")
	}
}

const reply = "From: Ana <ana@shop.example>\r\nTo: %s\r\nSubject: Re: Hello\r\n\r\nIn blue, please.\r\n"

// forms are the ways in which providers hand a mail on.
func forms(mail, recipient string) map[string]func() (kind, body string) {
	multi := func(fields ...string) func() (string, string) {
		return func() (string, string) {
			var b bytes.Buffer
			w := multipart.NewWriter(&b)
			for i := 0; i < len(fields); i += 2 {
				w.WriteField(fields[i], fields[i+1])
			}
			w.Close()
			return w.FormDataContentType(), b.String()
		}
	}
	return map[string]func() (string, string){
		"as it is":       func() (string, string) { return "message/rfc822", mail },
		"without a type": func() (string, string) { return "", mail },
		"SendGrid":       multi("dkim", "none", "envelope", `{"to":["x@shop.example","`+recipient+`"],"from":"ana@shop.example"}`, "email", mail, "subject", "Re: Hello"),
		"Mailgun":        multi("recipient", recipient, "sender", "ana@shop.example", "body-mime", mail, "timestamp", "1", "token", "t", "signature", "s"),
		"Mailgun, encoded": func() (string, string) {
			return "application/x-www-form-urlencoded", url.Values{"recipient": {recipient}, "body-mime": {mail}}.Encode()
		},
		"Postmark": func() (string, string) {
			return "application/json; charset=utf-8", fmt.Sprintf(`{"OriginalRecipient":%q,"RawEmail":%q,"Attachments":[]}`, recipient, mail)
		},
	}
}

func TestInbound(t *testing.T) {
	t.Parallel()
	var passed []string
	d := newDesk(t, map[string][]string{"inbound": {secret}}, func(o *Options) {
		o.Forward = func(_ context.Context, taken inbound.Taken, raw []byte) error {
			passed = append(passed, string(taken.Kind)+" "+string(raw))
			return nil
		}
	})
	to := d.signer.ReturnAddress("bounces@mail.shop.example", token.Bounce, 7)
	mail := fmt.Sprintf(reply, "bounces@mail.shop.example") // only the envelope knows
	for name, form := range forms(mail, to) {
		kind, body := form()
		path := "inbound"
		if !strings.Contains(body, "bounces+") && !strings.Contains(body, "bounces%2B") {
			path += "?recipient=" + url.QueryEscape(to)
		}
		d.want(t, name+" without the secret", d.post(t, path, body, head("Content-Type", kind)), http.StatusUnauthorized)
		d.want(t, name, d.post(t, path, body, password(secret), head("Content-Type", kind)), http.StatusOK)
		if len(d.returned) != 1 || d.returned[0].Event != "Email Replied" || !d.returned[0].Proven || d.returned[0].Address != "ana@shop.example" {
			t.Errorf("%s: %+v", name, d.returned)
		}
		if len(passed) != 1 || passed[0] != "reply "+mail {
			t.Errorf("%s: sent on %q", name, passed)
		}
		d.returned, passed = nil, nil
	}
	for name, c := range map[string][2]string{
		"nothing":         {"message/rfc822", ""},
		"a form of none":  {"multipart/form-data", "x"},
		"no mail in it":   {"multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"text\"\r\n\r\nhello\r\n--b--\r\n"},
		"broken off":      {"multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"email\"\r\n\r\nhel"},
		"no raw mail":     {"application/json", `{"TextBody":"hello"}`},
		"no JSON":         {"application/json", `{`},
		"badly encoded":   {"application/x-www-form-urlencoded", "body-mime=%zz"},
		"many parts":      {"multipart/form-data; boundary=b", strings.Repeat("--b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\n\r\n", 2*maxFields) + "--b--\r\n"},
		"empty in a form": {"application/x-www-form-urlencoded", "body-mime="},
	} {
		d.want(t, name, d.post(t, "inbound", c[1], password(secret), head("Content-Type", c[0])), http.StatusBadRequest)
	}
	if d.counts["inbound mail reply"] != 6 || len(d.returned)+len(passed) > 0 {
		t.Errorf("%+v", d.book)
	}
}

// A mail that cannot be recorded, or sent on, is brought again.
func TestInboundAgain(t *testing.T) {
	t.Parallel()
	d := newDesk(t, map[string][]string{"inbound": {secret}}, func(o *Options) {
		o.Forward = func(context.Context, inbound.Taken, []byte) error {
			return errors.New("554 5.7.1 <ana@shop.example>: you are not wanted here")
		}
	})
	mail := fmt.Sprintf(reply, d.signer.ReturnAddress("bounces@mail.shop.example", token.Bounce, 7))
	d.want(t, "not sent on", d.post(t, "inbound", mail, password(secret)), http.StatusServiceUnavailable)
	d.err = errors.New("the database is away")
	d.want(t, "not recorded", d.post(t, "inbound", mail, password(secret)), http.StatusServiceUnavailable)
}

func FuzzInboundForms(f *testing.F) {
	for _, form := range forms(fmt.Sprintf(reply, "x@shop.example"), "x@shop.example") {
		kind, body := form()
		f.Add(kind, []byte(body))
	}
	f.Fuzz(func(t *testing.T, kind string, body []byte) {
		mails, err := readMail(kind, bytes.NewReader(body))
		if err != nil && len(mails) > 0 || len(mails) > maxItems {
			t.Errorf("%d mails, %v", len(mails), err)
		}
		for _, m := range mails { // those that are put together again grow by their encoding
			if len(m.raw) > 3*len(body)+4096 || len(m.recipients) > maxRecipients+1 {
				t.Errorf("%d bytes of %d to %d", len(m.raw), len(body), len(m.recipients))
			}
		}
	})
}
