package campaign_test

import (
	"testing"

	"tidings/internal/campaign"
)

func TestNearest(t *testing.T) {
	t.Parallel()
	known := []string{"Order Completed", "Order Refunded", "subject", "preheader", "at_least", "at_most", "ölfarbe"}
	for word, want := range map[string]string{
		"Order Completd":  "Order Completed", // left out
		"order completed": "Order Completed", // letter case
		"Order_Completed": "Order Completed",
		"sbuject":         "subject", // swapped: one slip, not two
		"at-least":        "at_least",
		"ölfarbee":        "ölfarbe",
		"preheadr":        "preheader",
		"preheader":       "", // there is no other
		"colour":          "",
		"":                "",
	} {
		if got := campaign.Nearest(word, known); got != want {
			t.Errorf("%q: %q, want %q", word, got, want)
		}
	}
	keys := []string{"subject", "from", "reply_to", "within", "is"}
	for word, want := range map[string]string{
		"subjekt": "subject", "form": "from", "replyto": "reply_to", "reply-to": "reply_to", "witihn": "within", "SUBJECT": "subject",
		"xx": "", "priority": "", "": "",
	} {
		if got := campaign.Nearest(word, keys); got != want {
			t.Errorf("%q: %q, want %q", word, got, want)
		}
	}
	if got := campaign.Nearest("abc", []string{"ab", "abd"}); got != "ab" {
		t.Errorf("of two as near the first is %q", got)
	}
}

func TestDistance(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b string
		want int
	}{{"ab", "ba", 1}, {"kitten", "sitting", 3}, {"", "abc", 3}, {"é", "e", 1}, {"a_b", "A-b", 0}} {
		if got := campaign.Distance(c.a, c.b); got != c.want {
			t.Errorf("%q to %q: %d, want %d", c.a, c.b, got, c.want)
		}
	}
}
