package audience_test

import (
	"context"
	"math"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tidings/internal/audience"
	"tidings/internal/campaign"
)

// fileOrder is an order as the file has it.
type fileOrder struct {
	day   time.Time
	cents int
}

func TestRealComputed(t *testing.T) {
	customers, facts := cdnow(t)
	asOf := time.Date(1998, 3, 1, 15, 0, 0, 0, time.UTC)
	// The start of that day in Manila, and the year before it.
	start := time.Date(1998, 2, 28, 16, 0, 0, 0, time.UTC)
	from := start.AddDate(0, 0, -365)

	history := make([][]fileOrder, len(customers))
	seen := map[string]bool{}
	for _, f := range facts {
		if !f.at.After(asOf) && !seen[f.uid] {
			seen[f.uid] = true
			total := f.props["total"].(float64)
			history[f.customer-1] = append(history[f.customer-1], fileOrder{f.at, int(math.Round(total * 100))})
		}
	}
	scored := [3][]float64{}
	values := func(orders []fileOrder) (v [3]float64, ok bool) {
		for _, o := range orders {
			if o.day.After(from) && !o.day.After(start) {
				v[0] = max(v[0], float64(o.day.Unix()))
				v[1]++
				v[2] += float64(o.cents)
				ok = true
			}
		}
		return v, ok
	}
	for _, orders := range history {
		if v, ok := values(orders); ok {
			for i := range v {
				scored[i] = append(scored[i], v[i])
			}
		}
	}
	for i := range scored {
		slices.Sort(scored[i])
	}
	want := map[int64]map[string]any{}
	var passes []audience.PassAt
	for n := 5; n < len(customers); n += len(customers) / 40 {
		orders := history[n]
		slices.SortFunc(orders, func(a, b fileOrder) int { return a.day.Compare(b.day) })
		v := map[string]any{"orders.count": float64(len(orders)), "orders.total": 0.0, "orders.gap": nil, "orders.overdue_by": nil, "orders.first_at": nil, "orders.last_at": nil, "rfm.r": nil, "rfm.f": nil, "rfm.m": nil}
		cents := 0
		var gaps []int
		for i, o := range orders {
			cents += o.cents
			if days := 0; i > 0 {
				if days = int(o.day.Sub(orders[i-1].day).Hours()) / 24; days > 0 {
					gaps = append(gaps, days)
				}
			}
		}
		v["orders.total"] = float64(cents) / 100
		if len(orders) > 0 {
			v["orders.first_at"], v["orders.last_at"] = orders[0].day, orders[len(orders)-1].day
		}
		if slices.Sort(gaps); len(gaps) >= 2 {
			gap := float64(gaps[len(gaps)/2]+gaps[(len(gaps)-1)/2]) / 2
			v["orders.gap"] = gap
			v["orders.overdue_by"] = max(asOf.Sub(orders[len(orders)-1].day).Hours()/24-gap, 0)
		}
		if mine, ok := values(orders); ok {
			for i, name := range []string{"rfm.r", "rfm.f", "rfm.m"} {
				worse, _ := slices.BinarySearch(scored[i], mine[i])
				v[name] = float64(1 + 5*worse/len(scored[i]))
			}
		}
		want[int64(n)] = v
		passes = append(passes, audience.PassAt{ID: int64(n), Customer: int64(n + 1), AsOf: asOf})
	}
	t.Logf("%d customers of %d, %d of whom are scored", len(want), len(customers), len(scored[0]))
	each(t, func(t *testing.T, db database) {
		ctx := context.Background()
		db.load(t, customers, facts)
		e := audience.New(db.engine, catalog(nil))
		names := []string{"orders.count", "orders.total", "orders.gap", "orders.overdue_by", "orders.first_at", "orders.last_at", "rfm.r", "rfm.f", "rfm.m"}
		got, err := e.ComputedValue(ctx, db, names, passes)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, cmp.Comparer(func(x, y float64) bool { return math.Abs(x-y) < 1e-9 })); diff != "" {
			t.Errorf("(-file +got):\n%s", diff)
		}
		// Each score is held by as many as the file says.
		for i, name := range []string{"rfm.r", "rfm.f", "rfm.m"} {
			count := map[float64]int{}
			for _, v := range scored[i] {
				worse, _ := slices.BinarySearch(scored[i], v)
				count[float64(1+5*worse/len(scored[i]))]++
			}
			for _, s := range []float64{1, 4, 5} {
				n, err := e.Count(ctx, db, campaign.Attribute{Name: name, Test: test(campaign.OpIs, number(s))}, asOf)
				if err != nil || n != count[s] {
					t.Errorf("%s %s: %d, %v; want %d", name, strconv.Itoa(int(s)), n, err, count[s])
				}
			}
		}
		sum := 0
		for _, orders := range history {
			cents := 0
			for _, o := range orders {
				cents += o.cents
			}
			if cents >= 20000 {
				sum++
			}
		}
		n, err := e.Count(ctx, db, campaign.Attribute{Name: "orders.total", Test: test(campaign.OpAtLeast, number(200))}, asOf)
		if err != nil || n != sum {
			t.Errorf("orders.total of 200 and more: %d, %v; want %d", n, err, sum)
		}
	})
}
