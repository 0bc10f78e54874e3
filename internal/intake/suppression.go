package intake

import (
	"encoding/hex"
	"errors"
	"io"
	"iter"
	"net/mail"
	"strconv"
	"strings"
	"time"

	"tidings/internal/campaign"
)

// SuppressionRow is a row of a file of addresses that get no mail. The address
// itself is not kept.
type SuppressionRow struct {
	campaign.Suppression
	Line int
	Raw  string
}

// suppressionNames are what other tools call the columns.
var suppressionNames = map[string][]string{
	"email":      {"email", "e_mail", "email_address", "emailaddress", "address", "recipient", "mail", "subscriber"},
	"email_hash": {"email_hash", "hash", "sha256"},
	"scope":      {"scope", "topic"},
	"reason":     {"reason", "suppression_reason", "suppressionreason", "type", "bounce_type", "status", "unsub_reason"},
	"at": {"at", "created_at", "createdat", "created", "added_at", "added", "date", "timestamp", "unsubscribed_at", "unsub_time", "bounced_at",
		"event_time", "last_update_time", "lastupdatetime"},
}

// getMail are the words by which other tools' lists tell those who get mail from those
// who do not, where a file has both.
var getMail = map[string]bool{
	"active": true, "subscribed": true, "resubscribed": true, "confirmed": true, "delivered": true, "valid": true, "enabled": true, "opted_in": true, "opt_in": true, "optin": true,
}

// Suppressions reads a file of addresses that get no mail, as other tools export it:
// CSV or NDJSON with an address each, or its hash, and what there is of a reason, a
// scope and a date; or nothing but addresses, one a line. reason and scope are for
// rows that say none, now for those without a date.
func Suppressions(r io.Reader, name, reason, scope string, now time.Time) (header string, rows iter.Seq2[SuppressionRow, error], err error) {
	head, r := peek(r)
	first, _, _ := strings.Cut(strings.TrimPrefix(head, "\ufeff"), "\n")
	added := 0
	if bare(strings.TrimSpace(first)) {
		r, added = io.MultiReader(strings.NewReader("email\n"), r), 1
	}
	var known []string
	for _, names := range suppressionNames {
		known = append(known, names...)
	}
	rd, err := newReader[SuppressionRow](r, name, Options{}, nil, known)
	if err != nil {
		return "", nil, err
	}
	if rd.csv != nil {
		for i, c := range rd.csv.columns {
			rd.csv.columns[i].title = c.name
		}
		if !hasAny(rd.csv, "email") && !hasAny(rd.csv, "email_hash") {
			return "", nil, missingColumn("email", rd.csv.columns)
		}
	}
	rd.row = func(at line, m map[string]any) (SuppressionRow, error) {
		row, err := suppressionOf(m, reason, scope, now)
		row.Line, row.Raw = at.n-added, at.text
		return row, err
	}
	if added > 0 {
		return "", shifted(rd.All(), added), nil
	}
	return rd.Header(), rd.All(), nil
}

// bare tells whether a line is one address and nothing else.
func bare(s string) bool {
	a, err := mail.ParseAddress(s)
	return err == nil && a.Address == s
}

func hasAny(c *csvRows, what string) bool {
	for _, name := range suppressionNames[what] {
		if c.has(name) {
			return true
		}
	}
	return false
}

// shifted gives rejected rows the numbers of the lines that stand in the file.
func shifted(rows iter.Seq2[SuppressionRow, error], by int) iter.Seq2[SuppressionRow, error] {
	return func(yield func(SuppressionRow, error) bool) {
		for row, err := range rows {
			var bad *Rejected
			if errors.As(err, &bad) {
				err = &Rejected{bad.Line - by, bad.Reason, bad.Raw}
			}
			if !yield(row, err) {
				return
			}
		}
	}
}

func suppressionOf(m map[string]any, reason, scope string, now time.Time) (row SuppressionRow, err error) {
	lower := make(map[string]any, len(m)) // NDJSON spells as it likes
	for k, v := range m {
		lower[strings.NewReplacer(" ", "_", "-", "_").Replace(strings.ToLower(k))] = v
	}
	field := map[string]string{}
	for what, names := range suppressionNames {
		for _, name := range names {
			s, err := text(lower, name)
			if err != nil {
				return row, err
			}
			if field[what] == "" {
				field[what] = s
			}
		}
	}
	if row.Hash, err = hashOf(field["email"], field["email_hash"]); err != nil {
		return row, err
	}
	if row.Reason = reason; field["reason"] != "" {
		if row.Reason = campaign.SuppressionReason(field["reason"]); getMail[row.Reason] {
			return row, &fieldError{"reason", strconv.Quote(short(field["reason"])) + " is of one who gets mail; leave such rows out, or the column"}
		}
	}
	if field["scope"] == "" {
		field["scope"] = scope
	}
	if row.Scope = campaign.ScopeFor(row.Reason); field["scope"] != "" {
		var ok bool
		if row.Scope, ok = campaign.ParseScope(field["scope"]); !ok {
			return row, &fieldError{"scope", strconv.Quote(short(field["scope"])) + " is none; write all, marketing or a topic's key"}
		}
	}
	if row.At = now; field["at"] != "" {
		row.At, err = exportedMoment(field["at"])
	}
	return row, err
}

// hashOf is the hash of an address, or the one that stands there.
func hashOf(email, hash string) (string, error) {
	if email != "" {
		s, err := address("email", email)
		return campaign.AddressHash(s), err
	}
	hash = strings.ToLower(hash)
	if raw, err := hex.DecodeString(hash); err != nil || len(raw) != 32 {
		if hash == "" {
			return "", &fieldError{"email", "is empty"}
		}
		return "", &fieldError{"email_hash", "is none; it is the SHA-256 of the address in small letters, 64 hexadecimal digits"}
	}
	return hash, nil
}

// exportedMoment reads a moment as other tools export it: seconds or milliseconds
// since 1970, and RFC 1123, besides the forms that files of ours have.
func exportedMoment(s string) (time.Time, error) {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil && len(s) >= 9 {
		t := time.Unix(n, 0)
		if len(s) >= 12 {
			t = time.UnixMilli(n)
		}
		return campaign.Moment(t), nil
	}
	for _, layout := range []string{time.RFC1123, time.RFC1123Z} {
		if t, err := time.Parse(layout, s); err == nil {
			return campaign.Moment(t), nil
		}
	}
	return moment("at", s, nil)
}
