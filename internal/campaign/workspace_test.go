package campaign_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"tidings/internal/campaign"
)

func TestLocaleChain(t *testing.T) {
	t.Parallel()
	locales := []string{"en", "he"}
	for locale, want := range map[string]string{
		"":           "en",
		"en":         "en",
		"he":         "he en",
		"he-IL":      "he-IL he en",
		"pt_BR":      "pt_BR pt en",
		"zh-Hant-TW": "zh-Hant-TW zh-Hant zh en",
	} {
		if got := strings.Join(campaign.LocaleChain(locale, locales), " "); got != want {
			t.Errorf("%q: %s, want %s", locale, got, want)
		}
	}
	if got := campaign.LocaleChain("", nil); len(got) != 0 {
		t.Error(got)
	}
	if !slices.Equal(locales, []string{"en", "he"}) {
		t.Error("the workspace's locales were changed:", locales)
	}
}

func TestLocalizedIn(t *testing.T) {
	t.Parallel()
	text := campaign.Localized{"en": "hello", "he": "שלום", "pt-BR": "oi", "pt": "olá"}
	for _, c := range []struct {
		of              campaign.Localized
		locale, locales string
		want            string
	}{
		{text, "he", "en", "שלום"},
		{text, "he-IL", "en", "שלום"},
		{text, "pt-BR", "en", "oi"},
		{text, "pt-PT", "en", "olá"},
		{text, "fil", "en he", "hello"},
		{text, "", "he en", "שלום"},
		{text, "fil", "", ""},
		{campaign.Localized{"he": "", "en": "hello"}, "he", "en", ""}, // said to be empty
		{campaign.Localized{"he": "שלום"}, "fil", "en he", ""},        // only the first is a fallback
		{campaign.Plain("hi"), "he-IL", "en", "hi"},
		{campaign.Plain("hi"), "", "", "hi"},
		{nil, "en", "en", ""},
	} {
		if got := c.of.In(c.locale, strings.Fields(c.locales)); got != c.want {
			t.Errorf("%v in %q of %q: %q, want %q", c.of, c.locale, c.locales, got, c.want)
		}
	}
}

func TestZoneFor(t *testing.T) {
	t.Parallel()
	w := &campaign.Workspace{Zone: zone(t, "Asia/Manila")}
	for _, c := range []struct{ campaign, customer, want string }{
		{"customer", "Europe/Athens", "Europe/Athens"},
		{"customer", "", "Asia/Manila"},
		{"customer", "Mars/Olympus", "Asia/Manila"},
		{"customer", "Local", "Asia/Manila"}, // the server's own zone is nobody's
		{"customer", "../../etc/passwd", "Asia/Manila"},
		{"customer", "UTC", "UTC"},
		{"workspace", "Europe/Athens", "Asia/Manila"},
		{"Asia/Yerevan", "Europe/Athens", "Asia/Yerevan"},
		{"", "Europe/Athens", "Asia/Manila"},
	} {
		if got := (&campaign.Campaign{Zone: c.campaign}).ZoneFor(w, c.customer); got.String() != c.want {
			t.Errorf("zone: %s of a customer in %q is %s, want %s", c.campaign, c.customer, got, c.want)
		}
	}
}

func TestCatalogCampaign(t *testing.T) {
	t.Parallel()
	cat := &campaign.Catalog{Campaigns: []*campaign.Campaign{{Name: "cart"}, {Name: "letter"}, {Name: "welcome"}}}
	for _, name := range []string{"cart", "letter", "welcome"} {
		if c, ok := cat.Campaign(name); !ok || c.Name != name {
			t.Errorf("%s: %v, %t", name, c, ok)
		}
	}
	for _, name := range []string{"", "carts", "zebra"} {
		if c, ok := cat.Campaign(name); ok || c != nil {
			t.Errorf("%s: %v", name, c)
		}
	}
}

func TestTriggers(t *testing.T) {
	t.Parallel()
	const hour, day = time.Hour, 24 * time.Hour
	d := campaign.Days(1)
	for _, c := range []struct {
		trigger  campaign.Trigger
		verb     string
		anchors  string
		overlap  campaign.Overlap
		lateness time.Duration
		expires  time.Duration
	}{
		{campaign.PastPurchase{After: d}, "past_purchase", "Order Completed", campaign.OverlapBoth, 48 * hour, 3 * day},
		{campaign.AbandonedCart{After: d}, "abandoned_cart", "Product Added,Product Removed,Checkout Started", campaign.OverlapNewest, 24 * hour, 3 * day},
		{campaign.Inactivity{After: d, Of: []string{"A", "B"}}, "inactivity", "A,B", campaign.OverlapFirst, 7 * day, 3 * day},
		{campaign.OnEvent{After: d, Name: "A"}, "event", "A", campaign.OverlapBoth, 48 * hour, 3 * day},
		{campaign.Schedule{After: d}, "schedule", "", campaign.OverlapFirst, 6 * hour, 2 * day},
	} {
		got := c.trigger.Defaults()
		if c.trigger.Verb() != c.verb || strings.Join(c.trigger.AnchorNames(), ",") != c.anchors || c.trigger.Delay() != d {
			t.Errorf("%s: %s %v %s", c.verb, c.trigger.Verb(), c.trigger.AnchorNames(), c.trigger.Delay())
		}
		want := campaign.TriggerDefaults{ReEntry: campaign.ReEntry{Always: true}, Overlap: c.overlap, MaxLateness: c.lateness, Expires: c.expires}
		if got != want {
			t.Errorf("%s: %+v, want %+v", c.verb, got, want)
		}
	}
	campaign.CartChanges()[0] = "scribble"
	if got := campaign.CartChanges()[0]; got != campaign.ProductAdded {
		t.Error(got)
	}
}
