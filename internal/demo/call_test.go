package demo

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"tidings/internal/intake"
)

func TestCallsTellEveryOrderOnce(t *testing.T) {
	t.Parallel()
	h := mustLoad(t)
	people := People(h)
	orders := map[string]Order{}
	for _, o := range h.Orders {
		orders["order-"+o.ID] = o
	}
	seen, last, returns := map[string]bool{}, time.Time{}, 0
	for _, c := range Calls(h, people) {
		if seen[c.MessageID] {
			t.Fatalf("%s is told twice", c.MessageID)
		}
		seen[c.MessageID] = true
		if c.Timestamp.Before(last) || c.Timestamp.Before(h.Begin()) || !c.Timestamp.Before(h.End()) {
			t.Fatalf("%s at %s, after %s", c.MessageID, c.Timestamp, last)
		}
		last = c.Timestamp
		switch c.Event {
		case "Order Refunded", "Order Cancelled":
			returns++
		case "Order Completed":
			o := orders[c.MessageID]
			delete(orders, c.MessageID)
			sum := 0.0
			for _, p := range c.Properties["products"].([]any) {
				p := p.(map[string]any)
				sum += p["price"].(float64) * float64(p["quantity"].(int))
			}
			if c.UserID != o.Customer || !c.Timestamp.Equal(o.At) || math.Abs(sum-o.Total) > 0.01 {
				t.Fatalf("order %s: customer %s, lines %.2f of %.2f", o.ID, c.UserID, sum, o.Total)
			}
		}
	}
	if len(orders) != 0 {
		t.Errorf("%d orders are not told", len(orders))
	}
	if returns != len(h.Returns) {
		t.Errorf("%d returns told of %d", returns, len(h.Returns))
	}
}

// Whoever is mailed must have been introduced before.
func TestPeopleAreIntroducedFirst(t *testing.T) {
	t.Parallel()
	h := mustLoad(t)
	people := People(h)
	known := map[string]bool{}
	for _, p := range people {
		known[p.ID] = p.Way == OnTheList
	}
	for _, c := range Calls(h, people) {
		if c.Type == "identify" {
			known[c.UserID] = true
		} else if !known[c.UserID] {
			t.Fatalf("%s: %s is not known yet", c.MessageID, c.UserID)
		}
	}
}

func TestBaskets(t *testing.T) {
	t.Parallel()
	h := mustLoad(t)
	people := People(h)
	bought, left := 0, 0
	// When each customer's open basket was last changed.
	open := map[string]time.Time{}
	for _, c := range Calls(h, people) {
		switch c.Event {
		case "Product Added":
			open[c.UserID] = c.Timestamp
		case "Order Completed":
			at, ok := open[c.UserID]
			delete(open, c.UserID)
			if !ok {
				continue
			}
			bought++
			if c.Timestamp.Sub(at) > time.Hour {
				left++
			}
		}
	}
	// Most baskets are bought at once, a part of them later, and some never.
	if bought < 4000 || left < bought/10 || left > bought/2 || len(open) < 100 {
		t.Errorf("%d baskets bought, %d of them left before, %d left for good", bought, left, len(open))
	}
}

// The API takes every batch whole.
func TestCallsAreTaken(t *testing.T) {
	t.Parallel()
	h := mustLoad(t)
	calls := Calls(h, People(h))
	for i := 0; i < len(calls); i += maxItems {
		part := calls[i:min(i+maxItems, len(calls))]
		body, err := json.Marshal(map[string]any{"batch": part})
		if err != nil {
			t.Fatal(err)
		}
		items, err := intake.ParseCall("batch", body, part[len(part)-1].Timestamp)
		if err != nil {
			t.Fatal(err)
		}
		for j, it := range items {
			if it.Event != nil && !it.Event.OccurredAt.Equal(part[j].Timestamp) {
				t.Fatalf("%s is taken as of %s, not %s", part[j].MessageID, it.Event.OccurredAt, part[j].Timestamp)
			}
		}
	}
}
