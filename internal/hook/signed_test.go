package hook

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

const (
	unknownUser = `"550 5.1.1 no such user"`
	ofSeven     = "t7.s1@mail.shop.example"
)

// wantOne is what one hard bounce of mail 7 leaves behind, however often it came.
func (d *desk) wantBounces(t *testing.T, n int) {
	t.Helper()
	if len(d.returned) != n {
		t.Fatalf("recorded %+v, want %d", d.returned, n)
	}
	for _, r := range d.returned {
		if !r.Signed || r.Class != "hard" || r.Event != "Email Bounced" || r.UID != d.returned[0].UID {
			t.Errorf("%+v", r)
		}
	}
}

func (d *desk) want(t *testing.T, what string, got, want int) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %d, want %d", what, got, want)
	}
}

func TestSendGridSigned(t *testing.T) {
	t.Parallel()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	other, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	public, _ := x509.MarshalPKIXPublicKey(&key.PublicKey)
	body := `[{"event":"bounce","type":"bounce","sg_event_id":"e1","smtp-id":"<` + ofSeven + `>","email":"ana@shop.example","reason":` + unknownUser + `}]`
	signed := func(k *ecdsa.PrivateKey, at time.Time, body string) func(*http.Request) {
		stamp := fmt.Sprint(at.Unix())
		sum := sha256.Sum256([]byte(stamp + body))
		sig, err := ecdsa.SignASN1(rand.Reader, k, sum[:])
		if err != nil {
			t.Fatal(err)
		}
		return func(r *http.Request) {
			r.Header.Set(sendgridSignature, base64.StdEncoding.EncodeToString(sig))
			r.Header.Set(sendgridTimestamp, stamp)
		}
	}
	asPEM := string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}))
	for _, text := range []string{base64.StdEncoding.EncodeToString(public), asPEM} {
		d := newDesk(t, map[string][]string{"sendgrid": {text}})
		for name, edit := range map[string]func(*http.Request){
			"unsigned":          func(*http.Request) {},
			"another key":       signed(other, noon, body),
			"another body":      signed(key, noon, body+" "),
			"no base64":         func(r *http.Request) { signed(key, noon, body)(r); r.Header.Set(sendgridSignature, "%") },
			"another moment":    func(r *http.Request) { signed(key, noon, body)(r); r.Header.Set(sendgridTimestamp, "1") },
			"two days ago":      signed(key, noon.Add(-48*time.Hour), body),
			"from the future":   signed(key, noon.Add(time.Hour), body),
			"no moment at all":  func(r *http.Request) { signed(key, noon, body)(r); r.Header.Set(sendgridTimestamp, "") },
			"no signature text": func(r *http.Request) { signed(key, noon, body)(r); r.Header.Set(sendgridSignature, "") },
		} {
			d.want(t, name, d.post(t, "sendgrid", body, edit), http.StatusForbidden)
		}
		if !d.empty() {
			t.Fatalf("stored: %+v", d.book)
		}
		for range 3 {
			d.want(t, "signed", d.post(t, "sendgrid", body, signed(key, noon.Add(-time.Minute), body)), http.StatusOK)
		}
		d.wantBounces(t, 3)
		d.want(t, "no JSON", d.post(t, "sendgrid", "{}", signed(key, noon, "{}")), http.StatusBadRequest)
	}
}

// svixSigned signs a call as Resend does.
func svixSigned(prefix, id string, at time.Time, by []byte, body string) func(*http.Request) {
	stamp := fmt.Sprint(at.Unix())
	mac := hmac.New(sha256.New, by)
	mac.Write([]byte(id + "." + stamp + "." + body))
	return func(r *http.Request) {
		r.Header.Set(prefix+"id", id)
		r.Header.Set(prefix+"timestamp", stamp)
		r.Header.Set(prefix+"signature", "v1,bm90aGluZw== v2,x v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	}
}

func TestResendSigned(t *testing.T) {
	t.Parallel()
	raw := []byte("thirty-two bytes of random, or so")
	key, old := "whsec_"+base64.StdEncoding.EncodeToString(raw), "whsec_"+base64.StdEncoding.EncodeToString([]byte("another secret, of last year"))
	body := `{"type":"email.bounced","data":{"to":["ana@shop.example"],"message_id":"` + ofSeven + `","bounce":{"type":"Permanent","subType":"General"}}}`
	signed := svixSigned
	d := newDesk(t, map[string][]string{"resend": {old, key}})
	for name, edit := range map[string]func(*http.Request){
		"unsigned":        func(*http.Request) {},
		"another key":     signed("svix-", "m1", noon, []byte("wrong"), body),
		"another body":    signed("svix-", "m1", noon, raw, body+" "),
		"another id":      func(r *http.Request) { signed("svix-", "m1", noon, raw, body)(r); r.Header.Set("svix-id", "m2") },
		"six minutes ago": signed("svix-", "m1", noon.Add(-6*time.Minute), raw, body),
		"six minutes on":  signed("svix-", "m1", noon.Add(6*time.Minute), raw, body),
		"no moment": func(r *http.Request) {
			signed("svix-", "m1", noon, raw, body)(r)
			r.Header.Set("svix-timestamp", "soon")
		},
	} {
		d.want(t, name, d.post(t, "resend", body, edit), http.StatusForbidden)
	}
	if !d.empty() {
		t.Fatalf("stored: %+v", d.book)
	}
	d.want(t, "signed", d.post(t, "resend", body, signed("svix-", "m1", noon, raw, body)), http.StatusOK)
	d.want(t, "by its other name", d.post(t, "resend", body, signed("webhook-", "m1", noon.Add(time.Minute), raw, body)), http.StatusOK)
	d.wantBounces(t, 2)
}

func TestMailgunSigned(t *testing.T) {
	t.Parallel()
	const key = "key-of-mailgun-for-tests"
	body := func(at time.Time, token, by, field, id string) string {
		mac := hmac.New(sha256.New, []byte(by))
		fmt.Fprintf(mac, "%d%s", at.Unix(), token)
		return fmt.Sprintf(`{"signature":{"timestamp":"%d","token":%q,%q:%q},"event-data":{"event":"failed","severity":"permanent","reason":"bounce","id":%q,
			"recipient":"ana@shop.example","delivery-status":{"message":%s},"message":{"headers":{"message-id":%q}}}}`,
			at.Unix(), token, field, hex.EncodeToString(mac.Sum(nil)), id, unknownUser, ofSeven)
	}
	d := newDesk(t, map[string][]string{"mailgun": {key}})
	for name, text := range map[string]string{
		"another key":    body(noon, "t0", "another key of another", "signature", "e1"),
		"no token":       body(noon, "", key, "signature", "e1"),
		"no signature":   body(noon, "t0", key, "other", "e1"),
		"another token":  strings.Replace(body(noon, "t0", key, "signature", "e1"), `"t0"`, `"t1"`, 1),
		"another moment": strings.Replace(body(noon, "t0", key, "signature", "e1"), fmt.Sprint(noon.Unix()), fmt.Sprint(noon.Unix()+1), 1),
		"two days ago":   body(noon.Add(-48*time.Hour), "t0", key, "signature", "e1"),
		"no JSON":        "signature",
	} {
		d.want(t, name, d.post(t, "mailgun", text), http.StatusForbidden)
	}
	if !d.empty() {
		t.Fatalf("stored: %+v", d.book)
	}
	first := body(noon, "t1", key, "signature", "e1")
	d.want(t, "signed", d.post(t, "mailgun", first), http.StatusOK)
	d.want(t, "again", d.post(t, "mailgun", first), http.StatusOK)
	// The signature says nothing of the rest: who has seen one cannot write another.
	d.want(t, "a token under another body", d.post(t, "mailgun", body(noon, "t1", key, "signature", "e2")), http.StatusForbidden)
	d.want(t, "of the main account", d.post(t, "mailgun", body(noon, "t2", key, "parent-signature", "e1")), http.StatusOK)
	d.wantBounces(t, 3)
}

// Who shows a secret may do so in each of three places.
func TestSecrets(t *testing.T) {
	t.Parallel()
	bodies := map[string]string{
		"postmark": `{"RecordType":"Bounce","Type":"HardBounce","MessageID":"m","Email":"ana@shop.example","Metadata":{"tidings":"t7.s1"}}`,
		"brevo":    `{"event":"hard_bounce","message-id":"<` + ofSeven + `>","email":"ana@shop.example","ts_epoch":1}`,
	}
	for name, body := range bodies {
		d := newDesk(t, map[string][]string{name: {"an older secret than that", secret}})
		for what, edit := range map[string]func(*http.Request){
			"nothing":         func(*http.Request) {},
			"a wrong one":     password("a wrong secret of theirs"),
			"an empty one":    password(""),
			"an empty bearer": head("Authorization", "Bearer "),
			"the user's name": func(r *http.Request) { r.SetBasicAuth(secret, "") },
		} {
			d.want(t, what, d.post(t, name, body, edit), http.StatusUnauthorized)
		}
		if !d.empty() {
			t.Fatalf("stored: %+v", d.book)
		}
		d.want(t, "password", d.post(t, name, body, password(secret)), http.StatusOK)
		d.want(t, "bearer", d.post(t, name, body, head("Authorization", "Bearer "+secret)), http.StatusOK)
		d.want(t, "address", d.post(t, name+"?secret=a+secret+of+our+own+making", body), http.StatusOK)
		d.wantBounces(t, 3)
		if strings.Contains(d.log.String(), secret) {
			t.Errorf("the secret is in the log: %s", d.log)
		}
	}
}
