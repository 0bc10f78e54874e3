package content

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tidings/internal/campaign"
)

// TestTriggers has each trigger with its defaults and with every option written.
func TestTriggers(t *testing.T) {
	t.Parallel()
	is := func(path, text string) []campaign.Property {
		return []campaign.Property{{Path: path, Test: campaign.Test{Op: campaign.OpIs, Values: []campaign.Value{campaign.TextValue(text)}}}}
	}
	hours := func(n int) campaign.Duration { return campaign.Of(time.Duration(n) * time.Hour) }
	for text, want := range map[string]campaign.Trigger{
		"past_purchase: {}":                                          campaign.PastPurchase{},
		"past_purchase: { which: any, after: 2h }":                   campaign.PastPurchase{After: hours(2)},
		"past_purchase: { which: first }":                            campaign.PastPurchase{Nth: 1},
		"past_purchase: { which: { nth: 3 }, where: { coupon: X } }": campaign.PastPurchase{Nth: 3, Where: is("coupon", "X")},
		"abandoned_checkout: { after: 1h, where: { currency: EUR } }": campaign.AbandonedCheckout{
			After: hours(1), Where: is("currency", "EUR"),
		},
		"abandoned_browse: { after: 4h }": campaign.AbandonedBrowse{After: hours(4), Views: *campaign.AtLeastOnce()},
		"abandoned_browse: { after: 4h, views: { between: [2, 5] }, same: category, where: { category: coffee } }": campaign.AbandonedBrowse{
			After: hours(4), SameCategory: true, Where: is("category", "coffee"),
			Views: campaign.Test{Op: campaign.OpBetween, Values: []campaign.Value{campaign.NumberValue(2), campaign.NumberValue(5)}},
		},
		"abandoned_browse: { after: 4h, same: product }": campaign.AbandonedBrowse{After: hours(4), Views: *campaign.AtLeastOnce()},
		"replenishment: { fallback: 30d }":               campaign.Replenishment{Gap: campaign.GapProduct, Fallback: campaign.Days(30)},
		"replenishment: { of: { category: coffee }, gap: customer, fallback: 4w, before: 3d, where: { coupon: X } }": campaign.Replenishment{
			Of: is("category", "coffee"), Gap: campaign.GapCustomer, Fallback: campaign.Days(28), Before: campaign.Days(3), Where: is("coupon", "X"),
		},
		"replenishment: { gap: 21d, fallback: 30d }": campaign.Replenishment{
			Gap: campaign.GapFixed, Length: campaign.Days(21), Fallback: campaign.Days(30),
		},
		"back_in_stock: {}": campaign.OnProduct{Asked: campaign.Days(180)},
		"back_in_stock: { asked: 0, viewed: 14d, per_unit: 3, after: 1h, where: { stock: { at_least: 5 } } }": campaign.OnProduct{
			After: hours(1), Viewed: campaign.Days(14), PerUnit: 3, Where: []campaign.Property{{Path: "stock", Test: campaign.Test{
				Op: campaign.OpAtLeast, Values: []campaign.Value{campaign.NumberValue(5)},
			}}},
		},
		"price_drop: {}": campaign.OnProduct{Drop: 0.1, Asked: campaign.Days(180)},
		"price_drop: { by: 25%, asked: 90d, viewed: 30d }": campaign.OnProduct{Drop: 0.25, Asked: campaign.Days(90), Viewed: campaign.Days(30)},
		"date: { attribute: birthday }":                    campaign.OnDate{Attribute: "birthday", At: 9 * 60},
		"date: { attribute: birthday, yearly: true, before: 1w, at: 08:30 }": campaign.OnDate{
			Attribute: "birthday", Yearly: true, Before: campaign.Days(7), At: 8*60 + 30,
		},
		"date: { attribute: first_order, yearly: true, after: 1d }": campaign.OnDate{
			Attribute: "first_order", Yearly: true, After: campaign.Days(1), At: 9 * 60,
		},
		"segment: { entered: vip }":         campaign.SegmentChange{Segment: "vip"},
		"segment: { left: vip, after: 2d }": campaign.SegmentChange{Segment: "vip", Left: true, After: campaign.Days(2)},
	} {
		c := mustCampaign(t, "topic: offers\ntrigger: { "+text+" }\nsteps: [ { send: cart-reminder, subject: Hello } ]\n")
		if diff := cmp.Diff(want, c.Trigger); diff != "" {
			t.Errorf("%s: %s", text, diff)
		}
		d := c.Trigger.Defaults()
		if c.ReEntry != d.ReEntry || c.Overlap != d.Overlap || c.MaxLateness != d.MaxLateness || c.Expires != campaign.Of(d.Expires) {
			t.Errorf("%s: defaults are %+v %s %s %s", text, c.ReEntry, c.Overlap, c.MaxLateness, c.Expires)
		}
	}
}

// re_entry says how long, the trigger of what: a campaign that sets its own length
// still counts per product where its trigger does.
func TestReEntryKeepsProduct(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]campaign.ReEntry{
		"trigger: { back_in_stock: {} }\nre_entry: 3d":             {Every: campaign.Days(3), PerProduct: true},
		"re_entry: 14d\ntrigger: { price_drop: { by: 20% } }":      {Every: campaign.Days(14), PerProduct: true},
		"trigger: { back_in_stock: {} }\nre_entry: always":         {Always: true},
		"trigger: { abandoned_cart: { after: 1h } }\nre_entry: 3d": {Every: campaign.Days(3)},
	} {
		catalog := mustLoad(t, workspace(t, map[string]string{
			"campaigns/x.yaml": "topic: offers\n" + text + "\nsteps: [ { send: cart-reminder, subject: Hello } ]\n"}))
		if c, _ := catalog.Campaign("x"); c.ReEntry != want {
			t.Errorf("%s: re_entry is %+v, not %+v", text, c.ReEntry, want)
		}
	}
}
