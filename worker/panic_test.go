package worker_test

import (
	"strings"
	"testing"
)

// A message over which the renderer panics fails by itself: those claimed with it are
// sent, also the one that is rendered ahead behind it.
func TestRenderPanics(t *testing.T) {
	t.Parallel()
	for id, ends := range map[int64]string{
		1: "1 failed render · 2 accepted · 3 accepted",
		2: "1 accepted · 2 failed render · 3 accepted",
		3: "1 accepted · 2 accepted · 3 failed render",
	} {
		b := newBench(t, 3)
		b.onRender = func(is int64) error {
			if is == id {
				panic("ana@shop.example has no cart")
			}
			return nil
		}
		if err := b.worker(3).Slice(t.Context(), 7); err != nil {
			t.Errorf("panic over %d: the slice ended with %v", id, err)
		}
		if got := b.ends(); got != ends {
			t.Errorf("panic over %d: ledger: %s\nwant: %s", id, got, ends)
		}
		if log := b.log.String() + b.rows[id].result.Detail; strings.Contains(log, "ana@") || !strings.Contains(log, "panic_test.go") {
			t.Errorf("panic over %d: said: %s", id, log)
		}
	}
}
