package web

import (
	"fmt"
	"html/template"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"tidings/internal/campaign"
)

func pageFuncs() template.FuncMap {
	return template.FuncMap{
		"count": count,
		"share": share,
		"fine":  fine,
		"when":  func(t time.Time) string { return t.UTC().Format("2 January 2006, 15:04 UTC") },
		"iso":   func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"of":    func(n, of int) figure { return figure{Count: n, Of: of, What: "of sent"} },
	}
}

// count writes 1,204.
func count(n int) string {
	s := strconv.Itoa(n)
	sign := ""
	if n < 0 {
		sign, s = "−", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return sign + s
}

// counted writes 1 mail, 2 mails.
func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return count(n) + " " + many
}

// share writes a figure's percentage; a share of nothing is a dash.
func share(f figure) string {
	if f.Of <= 0 {
		return "–"
	}
	return fmt.Sprintf("%.1f %%", 100*float64(f.Count)/float64(f.Of))
}

// fine is share for figures of which small parts of a percent matter.
func fine(f figure) string {
	if f.Of <= 0 {
		return "–"
	}
	return fmt.Sprintf("%.2f %%", 100*float64(f.Count)/float64(f.Of))
}

// money writes amounts by currency, in the order of their codes.
func money(by map[string]float64) []string {
	var out []string
	for _, code := range slices.Sorted(maps.Keys(by)) {
		whole, cents, _ := strings.Cut(strconv.FormatFloat(by[code], 'f', 2, 64), ".")
		sign := ""
		if strings.HasPrefix(whole, "-") {
			sign, whole = "−", whole[1:]
		}
		n, err := strconv.Atoi(whole)
		if err == nil {
			whole = count(n)
		}
		out = append(out, strings.TrimSpace(code+" "+sign+whole+"."+cents))
	}
	return out
}

// explain says in words what the ledger keeps as one.
func explain(word string) string {
	switch word {
	case campaign.HeldNoConsent:
		return "no consent to the topic"
	case campaign.HeldSuppressed:
		return "the address is suppressed"
	case campaign.HeldNoAddress:
		return "no address"
	case campaign.HeldReEntry:
		return "entered too short a time ago"
	case campaign.HeldInProgress:
		return "already in the campaign"
	case campaign.HeldTooLate:
		return "noticed too late"
	case campaign.HeldFuse:
		return "far more than usual: waits for a person"
	case campaign.HeldUntil:
		return "after the campaign's end"
	case campaign.ExitOnReason:
		return "did what the campaign waits for"
	case campaign.ExitTriggerCancel:
		return "the reason for it went away"
	case campaign.ExitSuperseded:
		return "a newer occasion took its place"
	case campaign.ExitAudience:
		return "no longer in the audience"
	case campaign.ExitUnsubscribed:
		return "unsubscribed"
	case campaign.ExitCampaignRemoved:
		return "the campaign was removed"
	case campaign.ExitErased:
		return "the customer was erased"
	case campaign.CancelWhen:
		return "the step's condition did not hold"
	case campaign.CancelOutOfStock:
		return "what was in the cart is out of stock"
	case campaign.CancelExpired:
		return "too late to be of use"
	case campaign.CancelStepRemoved:
		return "the step was removed"
	case campaign.CancelMerged:
		return "two customers became one"
	case campaign.ReasonBadAddress:
		return "the address does not exist"
	case campaign.ReasonProtocol:
		return "the mail server did not understand"
	case campaign.ReasonMailboxFull:
		return "the mailbox is full"
	case campaign.ReasonPolicy:
		return "refused by the receiver's policy"
	case campaign.ReasonContent:
		return "the content was refused"
	case campaign.ReasonRejected:
		return "refused by the receiver"
	case "render":
		return "the mail could not be made: see the template"
	}
	return strings.ReplaceAll(word, "_", " ")
}
