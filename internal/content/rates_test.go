package content

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tidings/internal/campaign"
)

// TestSettings reads what tidings.yaml says of money, attributes, tiers and scores.
func TestSettings(t *testing.T) {
	t.Parallel()
	w := mustLoad(t, workspace(t, map[string]string{
		"money/rates.csv": "\uFEFFdate,currency,rate\r\n2026-07-01,USD,0.86\r\n\r\n2026-01-01,ILS,0.27\r\n\"2026-01-01\",USD,0.85\r\n",
		"tidings.yaml": baseWith(t, `rates: money/rates.csv
attributes: { born: { type: date, pii: true }, size: { type: text, in: [S, M] }, tags: { type: list } }
tiers:
  - { name: gold, when: { event: Order Completed, sum: { of: total, at_least: 500 EUR }, within: 365d } }
  - { name: fan, when: { all: [ { event: Product Reviewed }, { sample: 50% } ] } }
  - { name: none }
rfm: { within: 26w, recency: [30d, 60d, 90d, 20w], frequency: [2, 3, 5, 8], monetary: [50 EUR, 99.5, 200, 500] }
`),
	})).Workspace
	on := func(month time.Month) time.Time { return time.Date(2026, month, 1, 0, 0, 0, 0, time.UTC) }
	text := campaign.TextValue
	for what, pair := range map[string][2]any{
		"rates": {w.Rates, campaign.Rates{
			"USD": {{From: on(1), Rate: 0.85}, {From: on(7), Rate: 0.86}}, "ILS": {{From: on(1), Rate: 0.27}},
		}},
		"attributes": {w.Attributes, map[string]campaign.AttributeType{
			"born": {Kind: campaign.Time, PII: true}, "size": {Kind: campaign.Text, In: []campaign.Value{text("S"), text("M")}},
			"tags": {Kind: campaign.ListKind},
		}},
		"tiers": {w.Tiers, []campaign.Tier{
			{Name: "gold", When: campaign.EventMatch{
				Event: "Order Completed", Window: campaign.Window{Within: campaign.Days(365)},
				Aggregate: &campaign.Aggregate{Func: campaign.Sum, Property: "total", Test: campaign.Test{
					Op: campaign.OpAtLeast, Values: []campaign.Value{campaign.NumberValue(500)},
				}},
			}},
			{Name: "fan", When: campaign.All{
				campaign.EventMatch{Event: "Product Reviewed", Count: campaign.AtLeastOnce()}, campaign.Sample{Share: 0.5, Seed: "tidings"},
			}},
			{Name: "none"},
		}},
		"rfm": {w.RFM, campaign.RFM{
			Within:    campaign.Days(182),
			Recency:   []campaign.Duration{campaign.Days(30), campaign.Days(60), campaign.Days(90), campaign.Days(140)},
			Frequency: []float64{2, 3, 5, 8}, Monetary: []float64{50, 99.5, 200, 500},
		}},
	} {
		if diff := cmp.Diff(pair[1], pair[0]); diff != "" {
			t.Errorf("%s: %s", what, diff)
		}
	}
	if base := mustLoad(t, workspace(t, nil)).Workspace; base.RFM.Within != campaign.Days(365) || len(base.Tiers) != 0 {
		t.Errorf("by default: %+v, tiers %v", base.RFM, base.Tiers)
	}
}

// TestAnotherCurrency: an amount in a currency that has a rate is refused all the
// same, for it would be another limit tomorrow.
func TestAnotherCurrency(t *testing.T) {
	t.Parallel()
	_, problems := Load(workspace(t, map[string]string{
		"rates.csv":       "date,currency,rate\n2026-01-01,USD,0.85\n",
		"tidings.yaml":    baseWith(t, "rates: rates.csv\n"),
		"segments/x.yaml": "match: { event: Order Completed, max: { of: total, at_least: 50 USD } }\n",
	}))
	const want = "segments/x.yaml:1:62: max at_least: \"50 USD\" is not in EUR, the workspace's currency; write the amount in EUR\n"
	if got := listing(problems); got != want {
		t.Error(got)
	}
}

// TestMoneyWithoutAWorkspace: what tidings.yaml would have said of money is no
// fault of a campaign.
func TestMoneyWithoutAWorkspace(t *testing.T) {
	t.Parallel()
	fsys := workspace(t, map[string]string{"segments/x.yaml": "match: { all: [ { attribute: orders.total, at_least: 50 EUR }, { attribute: orders.gap, above: 7d } ] }\n"})
	for name, tidings := range map[string]string{
		"broken":   "- not a map\n",
		"typo":     "curency: EUR\n",
		"currency": "currency: euros\n",
	} {
		fsys["tidings.yaml"].Data = []byte(tidings)
		_, problems := Load(fsys)
		for _, p := range problems {
			if p.File == "segments/x.yaml" {
				t.Errorf("%s: %s", name, p)
			}
		}
	}
	fsys["tidings.yaml"].Data = []byte("name: Kape\n")
	_, problems := Load(fsys)
	const want = `segments/x.yaml:1:54: attribute orders.total at_least: "50 EUR" has a currency, but the workspace has none; write 50, or add currency: EUR to tidings.yaml`
	if !strings.Contains(listing(problems), want) {
		t.Error(listing(problems))
	}
}
