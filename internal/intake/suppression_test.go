package intake_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/intake"
)

var listNow = time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)

// suppressions reads a file; each row is told in a line.
func suppressions(t *testing.T, file, reason, scope string) (lines []string) {
	t.Helper()
	_, rows, err := intake.Suppressions(strings.NewReader(file), "list.csv", reason, scope, listNow)
	if err != nil {
		return []string{err.Error()}
	}
	for row, err := range rows {
		var bad *intake.Rejected
		if errors.As(err, &bad) {
			lines = append(lines, fmt.Sprintf("%d: %s", bad.Line, bad.Reason))
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		who := row.Hash[:6]
		if row.Hash == campaign.AddressHash("ana@shop.example") {
			who = "ana"
		}
		lines = append(lines, fmt.Sprintf("%d %s %s %s %s", row.Line, who, row.Scope, row.Reason, row.At.Format(time.DateOnly)))
	}
	return lines
}

func TestSuppressionFiles(t *testing.T) {
	t.Parallel()
	hash := campaign.AddressHash("ana@shop.example")
	for name, c := range map[string]struct{ file, reason, scope, want string }{
		"addresses alone": {"ana@shop.example\n\nAna@Shop.example\nno address\n", "by_hand", "", `1 ana @marketing by_hand 2026-11-23|3 ana @marketing by_hand 2026-11-23|4: email "no address" is not an email address`},
		"with a scope":    {"ana@shop.example\n", "by_hand", "*", "1 ana * by_hand 2026-11-23"},
		"SendGrid":        {"status,reason,email,created\n,550 user unknown bounce,ana@shop.example,1767225600\n", "by_hand", "", "2 ana * bad_address 2026-01-01"},
		"Mailgun":         {"address,code,error,created_at\nana@shop.example,550,No such mailbox,\"Thu, 01 Jan 2026 10:00:00 UTC\"\n", "bounce", "", "2 ana @marketing bounce 2026-01-01"},
		"Mailchimp":       {"Email Address;UNSUB_TIME;UNSUB_REASON\nana@shop.example;2026-01-01 10:00:00;Unsubscribed\n", "by_hand", "", "2 ana @marketing unsubscribed 2026-01-01"},
		"SES":             {`{"EmailAddress":"ana@shop.example","Reason":"COMPLAINT","LastUpdateTime":"2026-01-01T10:00:00.123Z"}` + "\n", "by_hand", "", "1 ana @marketing complained 2026-01-01"},
		"our own":         {"email_hash,scope,reason,at\n" + hash + ",offers,unsubscribed,2026-01-01T00:00:00Z\n", "by_hand", "", "2 ana offers unsubscribed 2026-01-01"},
		"no hash":         {"email_hash,scope\nabc,all\n", "by_hand", "", "2: email_hash is none; it is the SHA-256 of the address in small letters, 64 hexadecimal digits"},
		"no scope":        {"email,scope\nana@shop.example,two words\n", "by_hand", "", "2: scope \"two words\" is none; write all, marketing or a topic's key"},
		"nobody":          {"email,reason\n,bounce\n", "by_hand", "", "2: email is empty"},
		"no column":       {"name,reason\nAna,bounce\n", "by_hand", "", "column email is missing; the first line names name, reason"},
		"no date":         {"email,created_at\nana@shop.example,yesterday\n", "by_hand", "", `2: at "yesterday" is not a date; write 2006-01-02, 2006-01-02 15:04:05 or 2006-01-02T15:04:05Z`},
		"a whole list": {"email,status\nana@shop.example,Active\nana@shop.example,subscribed\nana@shop.example,Opted-in\nana@shop.example,unsubscribed\n", "by_hand", "",
			`2: reason "Active" is of one who gets mail; leave such rows out, or the column|3: reason "subscribed" is of one who gets mail; leave such rows out, or the column|4: reason "Opted-in" is of one who gets mail; leave such rows out, or the column|5 ana @marketing unsubscribed 2026-11-23`},
		"a reason of theirs": {"email,reason\nana@shop.example,Moved to the Moon!\n", "by_hand", "", "2 ana @marketing moved_to_the_moon 2026-11-23"},
	} {
		if got := strings.Join(suppressions(t, c.file, c.reason, c.scope), "|"); got != c.want {
			t.Errorf("%s: %s\nwant %s", name, got, c.want)
		}
	}
}

func FuzzSuppressions(f *testing.F) {
	f.Add("email,reason,scope,at\nana@shop.example,bounce,all,2026-01-01\n")
	f.Add("ana@shop.example\n")
	f.Add(`{"EmailAddress":"ana@shop.example","LastUpdateTime":1767225600}`)
	f.Fuzz(func(t *testing.T, file string) {
		_, rows, err := intake.Suppressions(strings.NewReader(file), "f", "by_hand", "", listNow)
		if err != nil {
			return
		}
		for row, err := range rows {
			if err == nil && (len(row.Hash) != 64 || row.Scope == "" || row.Reason == "" || row.At.IsZero()) {
				t.Errorf("%+v", row)
			}
		}
	})
}
