package cli_test

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ulikunitz/xz"
)

// realFile opens a file of the real data beside the repository; without it the
// test is skipped.
func realFile(t testing.TB, path string) io.Reader {
	t.Helper()
	path = filepath.Join("..", "..", "..", "shared", "data", path)
	f, err := os.Open(path)
	if os.IsNotExist(err) {
		t.Skipf("the real data is not beside the repository: no %s", path)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	r, err := xz.NewReader(bufio.NewReader(f))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// order is a row of CDNOW's file.
type order struct {
	customer      string
	day           time.Time
	disks, amount string
}

// orders are all rows of CDNOW's file.
func orders(t testing.TB) []order {
	t.Helper()
	in := bufio.NewScanner(realFile(t, "cdnow/CDNOW_master.txt.xz"))
	var out []order
	for in.Scan() {
		cells := strings.Fields(in.Text())
		if len(cells) != 4 || cells[0] == "customer_id" {
			continue
		}
		day, err := time.Parse("20060102", cells[1])
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, order{cells[0], day, cells[2], cells[3]})
	}
	if err := in.Err(); err != nil || len(out) != 69_659 {
		t.Fatalf("%d orders, %v", len(out), err)
	}
	return out
}

// table writes a CSV file.
func table(t testing.TB, path string, rows [][]string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := csv.NewWriter(f)
	if err := w.WriteAll(rows); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// importAll takes customers, who all agreed, and events in.
func (s *shop) importAll(t testing.TB, customers map[string]bool, events [][]string) {
	t.Helper()
	dir := t.TempDir()
	list := [][]string{{"id", "email"}}
	for id := range customers {
		list = append(list, []string{id, "c" + id + "@shop.example"})
	}
	slices.SortFunc(list[1:], func(a, b []string) int { return strings.Compare(a[0], b[0]) })
	table(t, filepath.Join(dir, "customers.csv"), list)
	table(t, filepath.Join(dir, "events.csv"), events)
	s.run(t, "import", "customers", filepath.Join(dir, "customers.csv"), "--consent", "a box at checkout")
	s.run(t, "import", "events", filepath.Join(dir, "events.csv"))
}

func (s *shop) importOrders(t testing.TB, all []order) {
	t.Helper()
	customers := map[string]bool{}
	events := [][]string{{"customer_id", "name", "occurred_at", "disks", "total", "currency"}}
	for _, o := range all {
		customers[o.customer] = true
		events = append(events, []string{o.customer, "Order Completed", o.day.Format(time.DateOnly), o.disks, o.amount, "USD"})
	}
	s.importAll(t, customers, events)
}

// basketEvent is something that a visitor of the Google shop did with a basket.
type basketEvent struct {
	visitor, name string
	at            time.Time
	lines         []line // of an order, none
}

type line struct {
	product  string
	quantity float64 // 0: not told
	price    float64
}

var basketNames = map[string]string{
	"add_to_cart": "Product Added", "remove_from_cart": "Product Removed", "checkout": "Checkout Started", "purchase": "Order Completed",
}

// baskets are the events of the Google shop's baskets, one per hit, in the order
// of the file.
func baskets(t testing.TB) []basketEvent {
	t.Helper()
	in := csv.NewReader(realFile(t, "google-merch-ga/events.csv.xz"))
	in.ReuseRecord = true
	head, err := in.Read()
	if err != nil {
		t.Fatal(err)
	}
	column := map[string]int{}
	for i, name := range head {
		column[name] = i
	}
	number := func(s string) float64 {
		f, _ := strconv.ParseFloat(s, 64) // empty: not told
		return f
	}
	var out []basketEvent
	hits := map[string]int{}
	for {
		row, err := in.Read()
		if err == io.EOF {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		cell := func(name string) string { return row[column[name]] }
		name, ours := basketNames[cell("action")]
		if !ours {
			continue
		}
		at, err := time.Parse(time.RFC3339, cell("event_time"))
		if err != nil {
			t.Fatal(err)
		}
		hit := strings.Join([]string{cell("visitor_id"), cell("visit_id"), cell("hit_number"), name}, " ")
		i, known := hits[hit]
		if !known {
			i = len(out)
			hits[hit] = i
			out = append(out, basketEvent{visitor: strings.Clone(cell("visitor_id")), name: name, at: at.UTC()})
		}
		if name != "Order Completed" {
			out[i].lines = append(out[i].lines, line{strings.Clone(cell("product_sku")), number(cell("quantity")), number(cell("price_micros")) / 1e6})
		}
	}
}

func (s *shop) importBaskets(t testing.TB, all []basketEvent) {
	t.Helper()
	customers := map[string]bool{}
	events := [][]string{{"event_id", "customer_id", "name", "occurred_at", "products"}}
	for i, e := range all {
		customers[e.visitor] = true
		products := []map[string]any{}
		for _, l := range e.lines {
			p := map[string]any{"product_id": l.product, "price": l.price}
			if l.quantity != 0 {
				p["quantity"] = l.quantity
			}
			products = append(products, p)
		}
		text := ""
		if e.name != "Order Completed" {
			doc, err := json.Marshal(products)
			if err != nil {
				t.Fatal(err)
			}
			text = string(doc)
		}
		events = append(events, []string{fmt.Sprint(i), e.visitor, e.name, e.at.Format(time.RFC3339Nano), text})
	}
	s.importAll(t, customers, events)
}

// imported is a SQLite file that an import has filled, made once; each shop on it
// works on a copy.
type imported struct {
	once sync.Once
	path string
}

var cdnowFile, googleFile imported

// shopOn is a shop with data: on SQLite a copy of the file that the first test
// filled, on PostgreSQL filled anew.
func (i *imported) shopOn(t testing.TB, databaseURL string, fill func(*shop)) *shop {
	t.Helper()
	s := newShop(t, databaseURL)
	path, lite := strings.CutPrefix(databaseURL, "sqlite:")
	if !lite {
		fill(s)
		return s
	}
	i.once.Do(func() {
		first := newShop(t, sqliteURL(t))
		fill(first)
		data, err := os.ReadFile(strings.TrimPrefix(first.env["DATABASE_URL"], "sqlite:"))
		if err != nil {
			t.Fatal(err)
		}
		dir, err := scratch()
		if err != nil {
			t.Fatal(err)
		}
		f, err := os.CreateTemp(dir, "*.db")
		if err != nil {
			t.Fatal(err)
		}
		_, err = f.Write(data)
		if err := errors.Join(err, f.Close()); err != nil {
			t.Fatal(err)
		}
		i.path = f.Name()
	})
	data, err := os.ReadFile(i.path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return s
}

func cdnowShop(t testing.TB, databaseURL string, all []order) *shop {
	return cdnowFile.shopOn(t, databaseURL, func(s *shop) { s.importOrders(t, all) })
}

func googleShop(t testing.TB, databaseURL string, all []basketEvent) *shop {
	return googleFile.shopOn(t, databaseURL, func(s *shop) { s.importBaskets(t, all) })
}
