package campaign

import (
	"regexp"
	"slices"
	"strings"
	"time"
)

// The scopes of a suppression besides a topic's key.
const (
	ScopeAll       = "*"          // all mail
	ScopeMarketing = "@marketing" // all but transactional mail
)

// Why an address is suppressed, besides ReasonBadAddress and the like, which mail
// servers say, and ReasonComplained.
const (
	ReasonUnsubscribed = "unsubscribed" // the one reason that subscribing anew takes back
	ReasonByHand       = "by_hand"
)

// Suppression says that an address gets no mail of a scope.
type Suppression struct {
	Hash   string    `json:"email_hash"`
	Scope  string    `json:"scope"`
	Reason string    `json:"reason"`
	At     time.Time `json:"at"`
	// Customer has the address now; empty: nobody. Email is theirs, where it is asked for.
	Customer string `json:"customer,omitempty"`
	Email    string `json:"email,omitempty"`
	// Back are the topics to which the address's customers have subscribed since ('*':
	// all of them), where that takes the suppression back.
	Back []string `json:"taken_back_for,omitempty"`
}

// ScopeWord is how a scope is written for people: all, marketing or a topic's key.
func ScopeWord(scope string) string {
	switch scope {
	case ScopeAll:
		return "all"
	case ScopeMarketing:
		return "marketing"
	}
	return scope
}

var scopeKey = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$`)

// ParseScope reads all, marketing or a topic's key; ok is false for what can be none.
func ParseScope(word string) (scope string, ok bool) {
	switch word = strings.TrimSpace(word); strings.ToLower(word) {
	case "all", ScopeAll, "global", "everything":
		return ScopeAll, true
	case "marketing", ScopeMarketing:
		return ScopeMarketing, true
	}
	return word, scopeKey.MatchString(word)
}

// reasonWords are what other tools call our reasons; a word is one if it contains
// one of these.
var reasonWords = []struct {
	reason string
	in     []string
}{
	{ReasonComplained, []string{"complain", "spam", "abuse", "junk", "feedback_loop"}},
	{ReasonUnsubscribed, []string{"unsub", "opt_out", "optout", "opted_out", "list_unsubscribe"}},
	{ReasonMailboxFull, []string{"mailbox_full", "quota"}},
	{ReasonRejected, []string{"soft"}},
	{ReasonBadAddress, []string{"bounce", "hard", "invalid", "bad_address", "unknown_user", "does_not_exist", "undeliverable", "cleaned"}},
	{ReasonByHand, []string{"by_hand", "manual", "admin", "block", "blacklist", "deny"}},
}

// SuppressionReason is our word for another tool's. One that is unlike all that we
// know is kept, as a word.
func SuppressionReason(word string) string {
	word = strings.Trim(strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, strings.ToLower(strings.TrimSpace(word))), "_")
	for _, w := range reasonWords {
		if slices.ContainsFunc(w.in, func(part string) bool { return strings.Contains(word, part) }) {
			return w.reason
		}
	}
	if len(word) > 40 {
		word = word[:40]
	}
	if word == "" {
		return ReasonByHand
	}
	return word
}

// ScopeFor is the scope of a reason that comes without one: an address that takes no
// mail gets none; whoever wants none still gets what they must.
func ScopeFor(reason string) string {
	switch reason {
	case ReasonBadAddress, ReasonMailboxFull, ReasonRejected:
		return ScopeAll
	}
	return ScopeMarketing
}
