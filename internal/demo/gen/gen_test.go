package main

import (
	"testing"
	"time"
)

func TestReadable(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"WHITE HANGING HEART T-LIGHT HOLDER": "White hanging heart t-light holder",
		" SET/6  RED SPOTTY PAPER PLATES ":   "Set of 6 red spotty paper plates",
		"VINTAGE UNION JACK BUNTING":         "Vintage Union Jack bunting",
		"S/4 CHRISTMAS CANDLES,RED":          "Set of 4 Christmas candles, red",
		"3 HEARTS HANGING DECORATION RUSTIC": "3 hearts hanging decoration rustic",
		"PAPER CHAIN KIT 50'S CHRISTMAS.":    "Paper chain kit 50's Christmas",
		"I LOVE LONDON MINI BACKPACK":        "I love London mini backpack",
		"*BOOMBOX IPOD CLASSIC":              "Boombox ipod classic",
	} {
		if got := readable(in); got != want {
			t.Errorf("%q becomes %q, not %q", in, got, want)
		}
	}
}

func TestSort(t *testing.T) {
	t.Parallel()
	at := time.Date(2011, 3, 1, 9, 0, 0, 0, time.UTC)
	line := row{"100", "85123A", "HEART", 6, at, 250, "7"}
	with := func(change func(*row)) row {
		r := line
		change(&r)
		return r
	}
	b := sort([]row{
		line,
		line, // stands there twice
		with(func(r *row) { r.customer = "" }),
		with(func(r *row) { r.code = "POST" }),
		with(func(r *row) { r.pence = 0 }),
		with(func(r *row) { r.quantity = -6 }),
		with(func(r *row) { r.code, r.quantity, r.pence = "22423", 1, 1275 }),
		// A later order, of which two are taken back, and then what nobody bought.
		with(func(r *row) { r.invoice, r.at = "101", at.Add(time.Hour) }),
		with(func(r *row) { r.invoice, r.at, r.quantity = "C102", at.Add(2*time.Hour), -2 }),
		with(func(r *row) { r.invoice, r.at, r.quantity = "C103", at.Add(2*time.Hour), -60 }),
		with(func(r *row) { r.invoice, r.at, r.quantity = "C099", at.Add(-time.Hour), -1 }),
	})
	if len(b.orders) != 2 || b.orders[0].pence != 6*250+1275 || len(b.orders[0].lines) != 2 {
		t.Fatalf("orders: %+v", b.orders)
	}
	if len(b.backs) != 1 || b.backs[0].order.id != "101" || b.backs[0].pence != 500 {
		t.Fatalf("taken back: %+v", b.backs)
	}
	for why, n := range map[string]int{"guest": 1, "no article": 1, "repeated": 1, "no price": 1, "correction": 1, "cancellation of an order before": 2} {
		if b.dropped[why] != n {
			t.Errorf("%s: %d rows, not %d", why, b.dropped[why], n)
		}
	}
}

// The source has British clocks behind which a Z stands.
func TestParseReadsBritishClocks(t *testing.T) {
	t.Parallel()
	zone, err := time.LoadLocation("Europe/London")
	if err != nil {
		t.Fatal(err)
	}
	for clock, want := range map[string]string{
		"2011-01-10T09:30:00Z": "2011-01-10T09:30:00Z",
		"2011-07-10T09:30:00Z": "2011-07-10T08:30:00Z",
	} {
		r, err := parse([]string{"1", " 85123a", "HEART ", "6", clock, "2.55", "7", "France"}, zone)
		if err != nil || r.at.Format(time.RFC3339) != want || r.code != "85123A" || r.pence != 255 {
			t.Errorf("%s: %+v, %v", clock, r, err)
		}
	}
}
