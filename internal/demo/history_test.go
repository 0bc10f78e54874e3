package demo

import (
	"math"
	"strings"
	"testing"
	"time"
	"unicode"
)

func mustLoad(t *testing.T) *History {
	t.Helper()
	h, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestHistoryIsWhole(t *testing.T) {
	t.Parallel()
	h := mustLoad(t)
	if len(h.Orders) != 7212 || len(h.Returns) != 1317 {
		t.Fatalf("%d orders, %d returns; the data has 7212 and 1317", len(h.Orders), len(h.Returns))
	}
	byID := map[string]Order{}
	var last time.Time
	for _, o := range h.Orders {
		if _, double := byID[o.ID]; double {
			t.Errorf("order %s stands there twice", o.ID)
		}
		byID[o.ID] = o
		if o.At.Before(last) {
			t.Errorf("order %s lies before the one above it", o.ID)
		}
		last = o.At
		sum := 0.0
		for _, l := range o.Lines {
			sum += float64(l.Quantity) * l.Price
			if l.Quantity <= 0 || l.Price <= 0 {
				t.Errorf("order %s: %d × %.2f of %s", o.ID, l.Quantity, l.Price, l.Product)
			}
		}
		if len(o.Lines) == 0 || len(o.Lines) > 4 || o.Count < len(o.Lines) {
			t.Errorf("order %s keeps %d of %d lines", o.ID, len(o.Lines), o.Count)
		}
		whole := o.Count == len(o.Lines)
		if sum > o.Total+0.005 || whole && math.Abs(sum-o.Total) > 0.005 {
			t.Errorf("order %s: lines come to %.2f of %.2f", o.ID, sum, o.Total)
		}
	}
	back := map[string]float64{}
	for _, r := range h.Returns {
		o, ok := byID[r.Order]
		if !ok || o.Customer != r.Customer || !r.At.After(o.At) {
			t.Fatalf("return of order %s fits no order", r.Order)
		}
		if back[r.Order] += r.Total; back[r.Order] > o.Total+0.005 {
			t.Errorf("order %s: %.2f taken back of %.2f", r.Order, back[r.Order], o.Total)
		}
	}
}

func TestArticlesHaveReadableNames(t *testing.T) {
	t.Parallel()
	for _, o := range mustLoad(t).Orders {
		for _, l := range o.Lines {
			letters := strings.Map(func(r rune) rune {
				if unicode.IsLetter(r) {
					return r
				}
				return -1
			}, l.Name)
			if letters == "" || len(letters) > 4 && letters == strings.ToUpper(letters) || strings.Contains(l.Name, "  ") {
				t.Fatalf("%s is called %q", l.Product, l.Name)
			}
		}
	}
}

func TestUntilKeepsWhatLiesBefore(t *testing.T) {
	t.Parallel()
	h := mustLoad(t)
	at := h.Begin().AddDate(0, 0, 30)
	cut := h.Until(at)
	if len(cut.Orders) == 0 || len(cut.Orders) >= len(h.Orders) {
		t.Fatalf("%d orders in 30 days", len(cut.Orders))
	}
	if cut.End().After(at) {
		t.Errorf("ends at %s, behind %s", cut.End(), at)
	}
	for i, o := range cut.Orders {
		if o.ID != h.Orders[i].ID {
			t.Fatalf("order %d is %s, not %s", i, o.ID, h.Orders[i].ID)
		}
	}
}
