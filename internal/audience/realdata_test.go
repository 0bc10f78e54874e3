package audience_test

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/ulikunitz/xz"

	"tidings/internal/audience"
	"tidings/internal/campaign"
)

// real opens a file of history that nobody here wrote; it is not part of the
// project, and without it the test is skipped.
func real(t *testing.T, name string) io.Reader {
	t.Helper()
	f, err := os.Open(filepath.Join("..", "..", "..", "shared", "data", name))
	if err != nil {
		t.Skipf("no real data: %v", err)
	}
	t.Cleanup(func() { f.Close() })
	r, err := xz.NewReader(bufio.NewReader(f))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// load inserts customers by their external ids, and facts by customer number.
func (db database) load(t *testing.T, customers []string, facts []fact) {
	t.Helper()
	db.reset(t)
	from, cast := "json_each($1) r", [2]string{"r.value ->> ", ""}
	if db.engine == audience.Postgres {
		from = "jsonb_array_elements($1::text::jsonb) WITH ORDINALITY AS r(value, key)"
	}
	col := func(i int, kind string) string {
		if db.engine == audience.Postgres {
			return fmt.Sprintf("(r.value ->> %d)::%s", i, kind)
		}
		return fmt.Sprint(cast[0], i)
	}
	for part := range slices.Chunk(customers, 10000) {
		var rows [][]any
		for _, c := range part {
			rows = append(rows, []any{c})
		}
		doc, _ := json.Marshal(rows)
		db.must(t, "INSERT INTO customers (external_id) SELECT "+col(0, "text")+" FROM "+from+" ORDER BY r.key", string(doc))
	}
	for part := range slices.Chunk(facts, 10000) {
		var rows [][]any
		for _, f := range part {
			props, err := json.Marshal(f.props)
			if err != nil {
				t.Fatal(err)
			}
			rows = append(rows, []any{f.uid, f.customer, f.name, campaign.Micros(f.at), string(props)})
		}
		doc, _ := json.Marshal(rows)
		db.must(t, "INSERT INTO events (uid, customer_id, name, occurred_at, known_at, properties) SELECT "+
			strings.Join([]string{col(0, "text"), col(1, "bigint"), col(2, "text"), col(3, "bigint"), col(3, "bigint"), col(4, "jsonb")}, ", ")+
			" FROM "+from+" WHERE true ORDER BY r.key ON CONFLICT DO NOTHING", string(doc))
	}
	db.must(t, "ANALYZE")
}

// cdnow is every order once: 255 lines are exact copies of others.
func cdnow(t *testing.T) (customers []string, facts []fact) {
	scan := bufio.NewScanner(real(t, "cdnow/CDNOW_master.txt.xz"))
	number, seen := map[string]int64{}, map[string]bool{}
	doubles := 0
	for scan.Scan() {
		f := strings.Fields(scan.Text())
		day, err := time.Parse("20060102", append(f, "", "")[1])
		if err != nil {
			continue // the heading
		}
		uid := strings.Join(f, "/")
		if seen[uid] {
			doubles++
		}
		seen[uid] = true
		if number[f[0]] == 0 {
			customers = append(customers, f[0])
			number[f[0]] = int64(len(customers))
		}
		total, _ := strconv.ParseFloat(f[3], 64)
		facts = append(facts, fact{uid: uid, customer: number[f[0]], name: campaign.OrderCompleted, at: day, props: map[string]any{"total": total}})
	}
	if len(facts) != 69659 || len(customers) != 23570 || doubles != 255 {
		t.Fatalf("read %d orders of %d customers, %d doubles", len(facts), len(customers), doubles)
	}
	return customers, facts
}

func TestRealOrders(t *testing.T) {
	customers, facts := cdnow(t)
	days := map[int64][]time.Time{}
	for _, f := range facts {
		days[f.customer] = append(days[f.customer], f.at)
	}
	each(t, func(t *testing.T, db database) {
		ctx := context.Background()
		db.load(t, customers, facts)
		e := audience.New(db.engine, catalog(nil))
		inactive := &campaign.Campaign{Trigger: campaign.Inactivity{After: campaign.Days(90), Of: []string{campaign.OrderCompleted}}}
		bought := &campaign.Campaign{Trigger: campaign.PastPurchase{After: campaign.Days(3)}}
		for month := range 12 {
			to := time.Date(1997, time.April+time.Month(month), 5, 0, 0, 0, 0, time.UTC)
			w := audience.Window{From: to.AddDate(0, 0, -7), To: to}
			want := map[string]bool{}
			for c, all := range days {
				for _, day := range all {
					due := day.AddDate(0, 0, 90)
					back := slices.ContainsFunc(all, func(d time.Time) bool { return d.After(day) && !d.After(due) })
					if due.After(w.From) && !due.After(to) && !back {
						want[fmt.Sprint(customers[c-1], "@", day.UnixMicro())] = true
					}
				}
			}
			compare(t, "inactive at "+stamp(to), e, db, inactive, w, want)
			want = map[string]bool{}
			for _, f := range facts {
				if due := f.at.AddDate(0, 0, 3); due.After(w.From) && !due.After(to) {
					want[f.uid] = true
				}
			}
			compare(t, "bought by "+stamp(to), e, db, bought, w, want)
		}
		for days, want := range map[int]int{90: 20269, 180: 18210, 365: 15238} {
			n, err := e.Count(ctx, db, campaign.EventMatch{Event: campaign.OrderCompleted, Last: &campaign.RecencyTest{Before: campaign.Days(days)}},
				time.Date(1998, 7, 1, 0, 0, 0, 0, time.UTC))
			if err != nil || n != want {
				t.Errorf("last order over %d days ago: %d, %v; want %d", days, n, err, want)
			}
		}
	})
}

func compare(t *testing.T, what string, e *audience.Evaluator, db database, c *campaign.Campaign, w audience.Window, want map[string]bool) {
	t.Helper()
	found, err := e.Candidates(context.Background(), db, c, w)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]bool{}
	for _, one := range found {
		got[one.Key] = true
	}
	if len(want) == 0 {
		t.Errorf("%s: the file says nobody", what)
	}
	if diff := cmp.Diff(want, got); diff != "" || len(found) != len(want) {
		t.Errorf("%s, %d found (-file +got):\n%s", what, len(found), diff)
	}
}

// shop is a merchandise shop's carts: what was put in and taken out, checkouts
// with their products, and each order once though it comes as a pair of hits.
func shop(t *testing.T) (visitors []string, facts []fact) {
	rows := csv.NewReader(real(t, "google-merch-ga/events.csv.xz"))
	number, orders, checkouts := map[string]int64{}, map[string]bool{}, map[string]int{}
	for line := 0; ; line++ {
		r, err := rows.Read()
		if err == io.EOF {
			return visitors, facts
		}
		if err != nil {
			t.Fatal(err)
		}
		at, err := time.Parse(time.RFC3339Nano, r[0])
		if err != nil {
			continue // the heading
		}
		if number[r[1]] == 0 {
			visitors = append(visitors, r[1])
			number[r[1]] = int64(len(visitors))
		}
		micros, _ := strconv.ParseFloat(r[12], 64)
		product := map[string]any{"product_id": r[8], "price": micros / 1e6}
		if n, err := strconv.ParseFloat(r[13], 64); err == nil {
			product["quantity"] = n
		}
		f := fact{uid: strconv.Itoa(line), customer: number[r[1]], at: at, props: product}
		switch hit := strings.Join(append(r[:3:3], r[4]), "/"); r[5] {
		case "add_to_cart":
			f.name = campaign.ProductAdded
		case "remove_from_cart":
			f.name = campaign.ProductRemoved
		case "checkout":
			if i, ok := checkouts[hit]; ok {
				facts[i].props["products"] = append(facts[i].props["products"].([]any), product)
				continue
			}
			checkouts[hit] = len(facts)
			f.name, f.props = campaign.CheckoutStarted, map[string]any{"products": []any{product}}
		case "purchase":
			order := r[1] + "/" + r[2] + "/" + r[16]
			if r[16] == "" || orders[order] {
				continue
			}
			orders[order] = true
			f.name, f.props = campaign.OrderCompleted, nil
		default:
			continue
		}
		facts = append(facts, f)
	}
}

func TestRealCarts(t *testing.T) {
	visitors, facts := shop(t)
	histories := map[int64][]fact{}
	for _, f := range facts {
		histories[f.customer] = append(histories[f.customer], f)
	}
	want := map[string]bool{}
	for _, history := range histories {
		slices.SortStableFunc(history, func(a, b fact) int { return a.at.Compare(b.at) })
		for i, f := range history {
			if f.name == campaign.OrderCompleted {
				continue
			}
			touched := slices.ContainsFunc(history[i+1:], func(k fact) bool { return !k.at.After(f.at.Add(time.Hour)) })
			if !touched && left(history[:i+1]) {
				want[f.uid] = true
			}
		}
	}
	each(t, func(t *testing.T, db database) {
		db.load(t, visitors, facts)
		e := audience.New(db.engine, catalog(nil))
		c := &campaign.Campaign{Trigger: campaign.AbandonedCart{After: campaign.Of(time.Hour)}}
		compare(t, "carts left", e, db, c, audience.Window{From: time.Date(2016, 1, 1, 0, 0, 0, 0, time.UTC), To: time.Date(2017, 1, 1, 0, 0, 0, 0, time.UTC)}, want)
		t.Logf("%d facts of %d visitors, %d carts left", len(facts), len(visitors), len(want))
	})
}

// left tells whether anything remains of a history of one cart.
func left(history []fact) bool {
	pieces := map[any]float64{}
	put := func(p map[string]any, sign float64) {
		n, ok := p["quantity"].(float64)
		if !ok {
			n = 1
		}
		pieces[p["product_id"]] = max(pieces[p["product_id"]]+sign*n, 0)
	}
	for _, f := range history {
		switch f.name {
		case campaign.OrderCompleted:
			clear(pieces)
		case campaign.ProductAdded:
			put(f.props, 1)
		case campaign.ProductRemoved:
			put(f.props, -1)
		case campaign.CheckoutStarted:
			clear(pieces)
			for _, p := range f.props["products"].([]any) {
				put(p.(map[string]any), 1)
			}
		}
	}
	for _, n := range pieces {
		if n > 0 {
			return true
		}
	}
	return false
}
