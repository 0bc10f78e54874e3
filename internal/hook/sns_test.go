package hook

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	topic   = "arn:aws:sns:eu-west-1:123456789012:ses-events"
	certURL = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123.pem"
)

// amazon plays SNS: it signs, and has a server on this machine for what is fetched
// from its hosts.
type amazon struct {
	key    *rsa.PrivateKey
	pem    []byte
	server *httptest.Server

	mu    sync.Mutex
	asked []string
	down  bool
}

// Making a key takes a while: all tests share SNS's, and a stranger's.
var snsKey, strangersKey = sync.OnceValues(rsaKey), sync.OnceValues(rsaKey)

func rsaKey() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) }

func newAmazon(t *testing.T) *amazon { return newAmazonWith(t, snsKey) }

func newAmazonWith(t *testing.T, key func() (*rsa.PrivateKey, error)) *amazon {
	t.Helper()
	a := &amazon{}
	var err error
	if a.key, err = key(); err != nil {
		t.Fatal(err)
	}
	cert := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "sns.amazonaws.com"}, NotBefore: noon.Add(-time.Hour), NotAfter: noon.Add(24 * time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, cert, cert, &a.key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	a.pem = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	a.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if a.down {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		w.Write(a.pem)
	}))
	t.Cleanup(a.server.Close)
	return a
}

// Do asks the server on this machine, whatever host is named.
func (a *amazon) Do(r *http.Request) (*http.Response, error) {
	a.mu.Lock()
	a.asked = append(a.asked, r.URL.String())
	a.mu.Unlock()
	here, err := url.Parse(a.server.URL)
	if err != nil {
		return nil, err
	}
	r.URL.Scheme, r.URL.Host = here.Scheme, here.Host
	return a.server.Client().Do(r)
}

// message is a signed message; edit changes it before, forge after it is signed.
func (a *amazon) message(t *testing.T, edit, forge func(*snsMessage)) string {
	t.Helper()
	m := snsMessage{
		Type: "Notification", MessageID: "n1", Topic: topic, Subject: "Amazon SES", Timestamp: noon.Add(-time.Minute).Format("2006-01-02T15:04:05.000Z"), Version: "2", CertURL: certURL,
		Message: `{"notificationType":"Bounce","bounce":{"feedbackId":"f","bounceType":"Permanent","bouncedRecipients":[{"emailAddress":"ana@shop.example","status":"5.1.1"}]},"mail":{"commonHeaders":{"messageId":"` + ofSeven + `"}}}`,
	}
	if edit != nil {
		edit(&m)
	}
	hash, sum := crypto.SHA256, []byte(nil)
	if m.Version == "1" {
		one := sha1.Sum([]byte(m.signed()))
		hash, sum = crypto.SHA1, one[:]
	} else {
		two := sha256.Sum256([]byte(m.signed()))
		sum = two[:]
	}
	sig, err := rsa.SignPKCS1v15(rand.Reader, a.key, hash, sum)
	if err != nil {
		t.Fatal(err)
	}
	m.Signature = base64.StdEncoding.EncodeToString(sig)
	if forge != nil {
		forge(&m)
	}
	text, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestSNSSigned(t *testing.T) {
	t.Parallel()
	a := newAmazon(t)
	fetched := func(o *Options) { o.Fetch = a }
	d := newDesk(t, map[string][]string{"ses": {topic}}, fetched)
	for name, body := range map[string]string{
		"no JSON":                "<xml>",
		"another's topic":        a.message(t, func(m *snsMessage) { m.Topic = "arn:aws:sns:eu-west-1:999999999999:mine" }, nil),
		"changed":                a.message(t, nil, func(m *snsMessage) { m.Message = `{"notificationType":"Complaint"}` }),
		"another version":        a.message(t, nil, func(m *snsMessage) { m.Version = "1" }),
		"no version":             a.message(t, nil, func(m *snsMessage) { m.Version = "3" }),
		"no signature":           a.message(t, nil, func(m *snsMessage) { m.Signature = "" }),
		"three hours ago":        a.message(t, func(m *snsMessage) { m.Timestamp = noon.Add(-3 * time.Hour).Format(time.RFC3339) }, nil),
		"no moment":              a.message(t, func(m *snsMessage) { m.Timestamp = "now" }, nil),
		"a host of one's own":    a.message(t, nil, func(m *snsMessage) { m.CertURL = "https://evil.example/cert.pem" }),
		"one that looks like it": a.message(t, nil, func(m *snsMessage) { m.CertURL = "https://sns.eu-west-1.amazonaws.com.evil.example/c.pem" }),
		"a bucket at Amazon":     a.message(t, nil, func(m *snsMessage) { m.CertURL = "https://s3.eu-west-1.amazonaws.com/mine/c.pem" }),
		"another region":         a.message(t, nil, func(m *snsMessage) { m.CertURL = "https://sns.us-east-1.amazonaws.com/c.pem" }),
		"with a user":            a.message(t, nil, func(m *snsMessage) { m.CertURL = "https://sns.eu-west-1.amazonaws.com@evil.example/c.pem" }),
		"with a port":            a.message(t, nil, func(m *snsMessage) { m.CertURL = "https://sns.eu-west-1.amazonaws.com:8443/c.pem" }),
		"in the clear":           a.message(t, nil, func(m *snsMessage) { m.CertURL = "http://sns.eu-west-1.amazonaws.com/c.pem" }),
		"no certificate's name":  a.message(t, nil, func(m *snsMessage) { m.CertURL = "https://sns.eu-west-1.amazonaws.com/?Action=Publish" }),
		"a parameter beside it":  a.message(t, nil, func(m *snsMessage) { m.CertURL = "https://sns.eu-west-1.amazonaws.com/?Action=Publish&x=.pem" }),
		"of China, from Ireland": a.message(t, nil, func(m *snsMessage) { m.CertURL = "https://sns.eu-west-1.amazonaws.com.cn/c.pem" }),
		"a signature of another": newAmazonWith(t, strangersKey).message(t, nil, nil),
	} {
		d.want(t, name, d.post(t, "ses", body), http.StatusForbidden)
	}
	if !d.empty() {
		t.Fatalf("stored: %+v", d.book)
	}
	for _, asked := range a.asked {
		if asked != certURL {
			t.Errorf("fetched %s", asked)
		}
	}
	for _, version := range []string{"1", "2"} {
		d.want(t, "signed "+version, d.post(t, "ses", a.message(t, func(m *snsMessage) { m.Version = version }, nil)), http.StatusOK)
	}
	d.want(t, "without a subject", d.post(t, "ses", a.message(t, func(m *snsMessage) { m.Subject = "" }, nil)), http.StatusOK)
	d.wantBounces(t, 3)
	if len(a.asked) != 1 {
		t.Errorf("the certificate was fetched %d times", len(a.asked))
	}
}

func TestSNSSubscription(t *testing.T) {
	t.Parallel()
	a := newAmazon(t)
	d := newDesk(t, map[string][]string{"ses": {topic}}, func(o *Options) { o.Fetch = a })
	confirm := func(address string) string {
		return a.message(t, func(m *snsMessage) {
			m.Type, m.Subject, m.Message, m.Token, m.SubscribeURL = "SubscriptionConfirmation", "", "You have chosen to subscribe", "tok", address
		}, nil)
	}
	good := "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn=" + url.QueryEscape(topic) + "&Token=tok"
	for _, address := range []string{
		"https://evil.example/?Action=ConfirmSubscription&TopicArn=" + url.QueryEscape(topic),
		"http://169.254.169.254/latest/meta-data",
		"https://sns.eu-west-1.amazonaws.com/?Action=Publish&TopicArn=" + url.QueryEscape(topic),
		"https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn=other",
		"https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn=" + url.QueryEscape(topic),
	} {
		d.want(t, address, d.post(t, "ses", confirm(address)), http.StatusForbidden)
	}
	if len(a.asked) != 1 || a.asked[0] != certURL {
		t.Fatalf("fetched %q", a.asked)
	}
	a.down = true // SNS tries again
	d.want(t, "while SNS is down", d.post(t, "ses", confirm(good)), http.StatusServiceUnavailable)
	a.down = false
	d.want(t, "confirmed", d.post(t, "ses", confirm(good)), http.StatusOK)
	if len(a.asked) != 3 || a.asked[2] != good {
		t.Errorf("fetched %q", a.asked)
	}
	if d.counts["ses SubscriptionConfirmation nothing"] != 1 || len(d.returned) != 0 {
		t.Errorf("%+v", d.book)
	}
}

// A certificate is fetched in vain a few times a minute at most; those that are
// known go on.
func TestSNSFetchesBounded(t *testing.T) {
	t.Parallel()
	a := newAmazon(t)
	d := newDesk(t, map[string][]string{"ses": {topic}}, func(o *Options) { o.Fetch = a })
	d.want(t, "known", d.post(t, "ses", a.message(t, nil, nil)), http.StatusOK)
	a.down = true
	for i := range 3 * maxFetches {
		d.post(t, "ses", a.message(t, func(m *snsMessage) { m.CertURL = fmt.Sprintf("https://sns.eu-west-1.amazonaws.com/%d.pem", i) }, nil))
	}
	if len(a.asked) != maxFetches {
		t.Errorf("%d fetches", len(a.asked))
	}
	d.want(t, "still known", d.post(t, "ses", a.message(t, nil, nil)), http.StatusOK)
}

func TestCertificates(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		body   func(a *amazon) []byte
		at     time.Time
		status int
	}{
		"good":       {func(a *amazon) []byte { return a.pem }, noon, http.StatusOK},
		"over":       {func(a *amazon) []byte { return a.pem }, noon.Add(48 * time.Hour), http.StatusForbidden},
		"not yet":    {func(a *amazon) []byte { return a.pem }, noon.Add(-48 * time.Hour), http.StatusForbidden},
		"no PEM":     {func(*amazon) []byte { return []byte("<html>") }, noon, http.StatusForbidden},
		"no DER":     {func(*amazon) []byte { return []byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n") }, noon, http.StatusForbidden},
		"very large": {func(*amazon) []byte { return bytes.Repeat([]byte("x"), 1<<20) }, noon, http.StatusForbidden},
	} {
		a := newAmazon(t)
		text := a.message(t, func(m *snsMessage) { m.Timestamp = c.at.Format(time.RFC3339) }, nil)
		a.pem = c.body(a)
		d := newDesk(t, map[string][]string{"ses": {topic}}, func(o *Options) { o.Fetch, o.Now = a, func() time.Time { return c.at } })
		d.want(t, name, d.post(t, "ses", text), c.status)
	}
}

// The client follows nobody elsewhere.
func TestFetcherStays(t *testing.T) {
	t.Parallel()
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.Path)
		http.Redirect(w, r, "/elsewhere", http.StatusFound)
	}))
	defer server.Close()
	if _, err := fetch(t.Context(), NewFetcher(), server.URL+"/first"); err == nil || len(asked) != 1 {
		t.Errorf("%v, asked %q", err, asked)
	}
	server.Close()
	if _, err := fetch(t.Context(), NewFetcher(), server.URL+"/?Token=tok"); err == nil || strings.Contains(err.Error(), "tok") {
		t.Errorf("%v", err)
	}
	if c := NewFetcher(); c.Timeout == 0 {
		t.Error("it waits for ever")
	}
}
