package campaign_test

import (
	"testing"

	"tidings/internal/campaign"
)

func TestNormalizeAddress(t *testing.T) {
	t.Parallel()
	for addr, want := range map[string]string{
		"":                      "",
		"ana@shop.example":      "ana@shop.example",
		" Ana@Shop.Example\r\n": "ana@shop.example",
		"ÉMILE@shop.example":    "émile@shop.example",
		"a+b.c@shop.example":    "a+b.c@shop.example", // another mailbox than a@ for most providers
	} {
		if got := campaign.NormalizeAddress(addr); got != want {
			t.Errorf("%q: %q, want %q", addr, got, want)
		}
	}
}

// The hash outlives the customer: a change of it would let suppressed addresses
// be mailed again.
func TestAddressHashNeverChanges(t *testing.T) {
	t.Parallel()
	const want = "9135944786a6b81e95ac94a5690683c3ba90f2d3bb2ca9e83fd103be461fa192"
	for _, addr := range []string{"ana@shop.example", " ANA@shop.example "} {
		if got := campaign.AddressHash(addr); got != want {
			t.Errorf("%q: %s", addr, got)
		}
	}
	if campaign.AddressHash("bob@shop.example") == want {
		t.Error("two addresses have the same hash")
	}
}
