package audience_test

import (
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"tidings/internal/audience"
	"tidings/internal/campaign"
)

// visits adds what was looked at to a shop's carts, checkouts and orders.
func visits(t *testing.T) (visitors []string, facts []fact) {
	visitors, facts = shop(t)
	number := map[string]int64{}
	for i, v := range visitors {
		number[v] = int64(i + 1)
	}
	rows := csv.NewReader(real(t, "google-merch-ga/events.csv.xz"))
	for line := 0; ; line++ {
		r, err := rows.Read()
		if err == io.EOF {
			return visitors, facts
		}
		if err != nil {
			t.Fatal(err)
		}
		if at, err := time.Parse(time.RFC3339Nano, r[0]); err == nil && r[5] == "product_view" {
			facts = append(facts, fact{uid: "v" + strconv.Itoa(line), customer: number[r[1]], name: campaign.ProductViewed, at: at,
				props: map[string]any{"product_id": r[8], "category": r[10]}})
		}
	}
}

// Views and checkouts that nothing followed within an hour are those that a walk
// through each visitor's rows finds.
func TestRealVisits(t *testing.T) {
	visitors, facts := visits(t)
	histories := map[int64][]fact{}
	for _, f := range facts {
		histories[f.customer] = append(histories[f.customer], f)
	}
	browses, checkouts := map[string]bool{}, map[string]bool{}
	for _, history := range histories {
		slices.SortStableFunc(history, func(a, b fact) int { return a.at.Compare(b.at) })
		for i, f := range history {
			var broken time.Time // when something else happened last
			for _, k := range history[:i+1] {
				if k.name != campaign.ProductViewed {
					broken = k.at
				}
			}
			views, twice, same := map[any]int{}, false, broken.Equal(f.at)
			for _, k := range history[:i+1] {
				if k.at.After(broken) && f.at.Sub(k.at) <= 30*24*time.Hour {
					views[k.props["product_id"]]++
					twice = twice || views[k.props["product_id"]] > 1
				}
			}
			followed, touched := false, false
			for _, k := range history[i+1:] {
				if k.at.After(f.at.Add(time.Hour)) {
					break
				}
				followed = true
				touched = touched || k.name == campaign.OrderCompleted || k.at.After(f.at) && k.name != campaign.ProductViewed || k.name == campaign.CheckoutStarted
			}
			switch {
			case f.name == campaign.ProductViewed && twice && !followed && !same:
				browses[f.uid] = true
			case f.name == campaign.CheckoutStarted && !touched:
				checkouts[f.uid] = true
			}
		}
	}
	each(t, func(t *testing.T, db database) {
		db.load(t, visitors, facts)
		e := audience.New(db.engine, catalog(nil))
		w := audience.Window{From: time.Date(2016, 1, 1, 0, 0, 0, 0, time.UTC), To: time.Date(2017, 1, 1, 0, 0, 0, 0, time.UTC)}
		compare(t, "views left", e, db, &campaign.Campaign{Trigger: campaign.AbandonedBrowse{After: campaign.Of(time.Hour), Views: test(campaign.OpAtLeast, number(2))}}, w, browses)
		compare(t, "checkouts left", e, db, &campaign.Campaign{Trigger: campaign.AbandonedCheckout{After: campaign.Of(time.Hour)}}, w, checkouts)
		t.Logf("%d facts of %d visitors, %d visits and %d checkouts left", len(facts), len(visitors), len(browses), len(checkouts))
	})
}

// invoices are a gift shop's orders with their lines, and cancellations of whole
// customers' days left out: they name no order.
func invoices(t *testing.T) (customers []string, facts []fact) {
	rows := csv.NewReader(real(t, "uci-online-retail/online-retail-dev.csv.xz"))
	number, place := map[string]int64{}, map[string]int{}
	for {
		r, err := rows.Read()
		if err == io.EOF {
			return customers, facts
		}
		if err != nil {
			t.Fatal(err)
		}
		at, err := time.Parse(time.RFC3339, r[4])
		quantity, _ := strconv.ParseFloat(r[3], 64)
		if err != nil || r[6] == "" || strings.HasPrefix(r[0], "C") || quantity <= 0 {
			continue
		}
		if number[r[6]] == 0 {
			customers = append(customers, r[6])
			number[r[6]] = int64(len(customers))
		}
		i, ok := place[r[0]]
		if !ok {
			i = len(facts)
			place[r[0]] = i
			facts = append(facts, fact{uid: r[0], customer: number[r[6]], name: campaign.OrderCompleted, at: at, props: map[string]any{"products": []any{}}})
		}
		facts[i].props["products"] = append(facts[i].props["products"].([]any), map[string]any{"product_id": r[1], "quantity": quantity})
	}
}

func TestRealInvoices(t *testing.T) {
	customers, facts := invoices(t)
	slices.SortStableFunc(facts, func(a, b fact) int { return a.at.Compare(b.at) })
	from, to := time.Date(2011, 9, 1, 0, 0, 0, 0, time.UTC), time.Date(2011, 11, 1, 0, 0, 0, 0, time.UTC)
	third, first := map[string]bool{}, map[string]bool{}
	orders := map[int64]int{}
	// Each product's purchases, a moment at a time.
	type buy struct {
		at time.Time
		n  float64
	}
	history := map[string]map[int64][]buy{}
	lines := func(f fact) map[string]float64 {
		out := map[string]float64{}
		for _, l := range f.props["products"].([]any) {
			line := l.(map[string]any)
			out[line["product_id"].(string)] += line["quantity"].(float64)
		}
		return out
	}
	for _, f := range facts {
		orders[f.customer]++
		if due := f.at.AddDate(0, 0, 3); due.After(from) && !due.After(to) {
			if orders[f.customer] == 1 {
				first[f.uid] = true
			}
			if orders[f.customer] == 3 {
				third[f.uid] = true
			}
		}
		for product, n := range lines(f) {
			if history[product] == nil {
				history[product] = map[int64][]buy{}
			}
			list := history[product][f.customer]
			if len(list) > 0 && list[len(list)-1].at.Equal(f.at) {
				list[len(list)-1].n += n
				continue
			}
			history[product][f.customer] = append(list, buy{f.at, n})
		}
	}
	supply := map[string]bool{}
	for i, f := range facts {
		day := f.at.Truncate(24 * time.Hour)
		var due time.Time
		var product string
		// Of lines that run out at one moment the first counts.
		pieces := lines(f)
		for _, l := range f.props["products"].([]any) {
			p := l.(map[string]any)["product_id"].(string)
			n := pieces[p]
			var gaps []float64
			for _, list := range history[p] {
				for k := 0; k+1 < len(list) && list[k+1].at.Before(day); k++ {
					gaps = append(gaps, float64(list[k+1].at.Sub(list[k].at))/list[k].n)
				}
			}
			slices.Sort(gaps)
			gap := float64(20 * 24 * time.Hour)
			if len(gaps) >= 5 {
				gap = (gaps[(len(gaps)-1)/2] + gaps[len(gaps)/2]) / 2
			}
			if end := f.at.Add(time.Duration(gap * n).Round(time.Microsecond)); gap*n <= float64(365*24*time.Hour) && (due.IsZero() || end.Before(due)) {
				due, product = end, p
			}
		}
		if due = due.Add(time.Hour - time.Microsecond).Truncate(time.Hour); len(lines(f)) == 0 || !due.After(from) || due.After(to) {
			continue // due on the full hour
		}
		again := slices.ContainsFunc(facts[i+1:], func(k fact) bool {
			return k.customer == f.customer && k.at.After(f.at) && !k.at.After(due) && lines(k)[product] > 0
		})
		if !again {
			supply[f.uid] = true
		}
	}
	each(t, func(t *testing.T, db database) {
		db.load(t, customers, facts)
		e := audience.New(db.engine, catalog(nil))
		w := audience.Window{From: from, To: to}
		compare(t, "first orders", e, db, &campaign.Campaign{Trigger: campaign.PastPurchase{After: campaign.Days(3), Nth: 1}}, w, first)
		compare(t, "third orders", e, db, &campaign.Campaign{Trigger: campaign.PastPurchase{After: campaign.Days(3), Nth: 3}}, w, third)
		compare(t, "what ran out", e, db, &campaign.Campaign{Trigger: campaign.Replenishment{Gap: campaign.GapProduct, Fallback: campaign.Days(20)}}, w, supply)
		t.Logf("%s", fmt.Sprint(len(facts), " orders of ", len(customers), ": ", len(first), " first, ", len(third), " third, ", len(supply), " ran out"))
	})
}
