package inbound

import (
	"context"
	"strings"
	"testing"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/token"
)

// book keeps what a desk has recorded.
type book struct {
	returned     []campaign.Returned
	unsubscribed int
}

func (b *book) Returned(_ context.Context, _ int64, r campaign.Returned, _ time.Time) (campaign.Outcome, error) {
	b.returned = append(b.returned, r)
	return campaign.Outcome{}, nil
}

func (b *book) Unsubscribe(context.Context, int64, bool, campaign.Hit) error {
	b.unsubscribed++
	return nil
}

func take(t *testing.T, p token.Purpose, raw []byte) *book {
	t.Helper()
	signer, err := token.New([]string{strings.Repeat("k", 32)})
	if err != nil {
		t.Fatal(err)
	}
	b := &book{}
	desk := Desk{Store: b, Tokens: signer}
	if _, err := desk.Take(t.Context(), raw, signer.ReturnAddress("b@example.org", p, 7), time.Unix(0, 0)); err != nil {
		t.Fatal(err)
	}
	return b
}

// Whatever a person writes to the address by which one unsubscribes, does so.
func TestUnsubscribing(t *testing.T) {
	t.Parallel()
	complaint := mailOf("From: fbl@example.com", `Content-Type: multipart/report; report-type=feedback-report; boundary=b`, "",
		"--b", "Content-Type: message/feedback-report", "", "Feedback-Type: abuse", "", "--b--")
	for name, c := range map[string]struct {
		raw  []byte
		want int
	}{
		"a mail":         {mailOf("From: ana@example.com", "Subject: unsubscribe", "", ""), 1},
		"of an office":   {mailOf("From: postmaster@example.com", "Subject: Undeliverable", "", "Your mails should not be delivered."), 1},
		"a complaint":    {complaint, 1},
		"away":           {mailOf("From: ana@example.com", "Auto-Submitted: auto-replied", "", "Away"), 0},
		"a report":       {report("failed", "5.1.1", "smtp; 550 no such user"), 0},
		"of arrival":     {report("delivered", "2.0.0", "smtp; 250 ok"), 0},
		"a bounce, null": {mailOf("Return-Path: <>", "From: daemon@example.com", "Subject: failure notice", "", "<ana@example.com>: user unknown"), 0},
	} {
		if b := take(t, token.Unsubscribe, c.raw); b.unsubscribed != c.want || len(b.returned) > 0 {
			t.Errorf("%s: %+v", name, b)
		}
	}
}

// A bounce of nobody that neither reports nor returns anything counts nothing.
func TestOfNobody(t *testing.T) {
	t.Parallel()
	head := []string{"Return-Path: <>", "From: MAILER-DAEMON@example.com", "Subject: failure notice"}
	for name, c := range map[string]struct {
		lines []string
		want  string
	}{
		"words":    {[]string{"", "It could not be delivered."}, ""},
		"a mail":   {[]string{"", "It could not be delivered.", "--- Below this line is a copy of the message.", "", "Subject: x"}, campaign.ReasonRejected},
		"a report": {[]string{"Content-Type: multipart/report; report-type=delivery-status; boundary=b", "", "--b", "", "It could not be delivered.", "--b--"}, campaign.ReasonRejected},
	} {
		b := take(t, token.Bounce, mailOf(append(head[:3:3], c.lines...)...))
		if len(b.returned) != 1 || b.returned[0].Class != campaign.BounceSoft || b.returned[0].Counts != c.want {
			t.Errorf("%s: %+v", name, b.returned)
		}
	}
	b := take(t, token.Bounce, report("failed", "5.1.1", "smtp; 550 no such user"))
	if len(b.returned) != 1 || b.returned[0].Address != "Ana@example.com" || b.returned[0].Final != "ana.real@example.com" {
		t.Errorf("%+v", b.returned)
	}
}
