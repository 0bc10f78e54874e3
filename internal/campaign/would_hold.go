package campaign

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// WouldHold is what the gates of the last look would do to a campaign's mails, after
// the word that plan and backtest have for it: let them go, have them wait, or drop
// them. What stops the campaign as a whole, a pause or the fuse, is no part of it. It
// is an estimate: gates depend on what is sent until then.
type WouldHold struct {
	Of    int            // mails looked at
	Waits []Waits        // mails that go later, by gate, the most first
	Drops map[string]int // mails that never go, by the reason of their cancelling
}

// Waits are mails that wait at one gate.
type Waits struct {
	Gate  string         `json:"gate"`
	Mails int            `json:"mails"`
	Until time.Time      `json:"until"`        // when the first of them may go
	Last  time.Time      `json:"last"`         // and the last
	By    map[string]int `json:"by,omitempty"` // of a cap: the campaigns that took the places
}

// Gates counts the mails that wait, by gate.
func (w WouldHold) Gates() map[string]int {
	out := map[string]int{}
	for _, one := range w.Waits {
		out[one.Gate] = one.Mails
	}
	return out
}

// Wait notes mails that a gate lets go at some moment from first to last.
func (w *WouldHold) Wait(gate, by string, mails int, first, last time.Time) {
	i := slices.IndexFunc(w.Waits, func(o Waits) bool { return o.Gate == gate })
	if i < 0 {
		i = len(w.Waits)
		w.Waits = append(w.Waits, Waits{Gate: gate, Until: first, Last: last})
	}
	one := &w.Waits[i]
	one.Mails += mails
	if first.Before(one.Until) {
		one.Until = first
	}
	if last.After(one.Last) {
		one.Last = last
	}
	if by != "" {
		if one.By == nil {
			one.By = map[string]int{}
		}
		one.By[by] += mails
	}
}

// Drop notes a mail that never goes.
func (w *WouldHold) Drop(reason string) {
	if w.Drops == nil {
		w.Drops = map[string]int{}
	}
	w.Drops[reason]++
}

// Sort puts the gates that hold the most first.
func (w *WouldHold) Sort() {
	slices.SortFunc(w.Waits, func(a, b Waits) int {
		return cmp.Or(b.Mails-a.Mails, cmp.Compare(a.Gate, b.Gate))
	})
}

// Most are the names that a count has the most of, the most first.
func Most(by map[string]int) []string {
	return slices.SortedFunc(maps.Keys(by), func(a, b string) int { return cmp.Or(by[b]-by[a], cmp.Compare(a, b)) })
}

// Gated is a forecast's mails with the gates applied.
type Gated struct {
	WouldHold
	Messages int           // that go by the forecast's end, or later
	Hours    map[int64]int // mails by hour, as Forecast.Hours has them
	Mails    []Departure   // the same one by one
	Paced    *Paced        // what rates make of them; nil: there is none, or it was not asked
}

// BusiestHour is the beginning of the hour with the most mails, the first of several;
// ok is false without any.
func (g Gated) BusiestHour() (hour int64, messages int, ok bool) {
	for _, h := range slices.Sorted(maps.Keys(g.Hours)) {
		if n := g.Hours[h]; n > messages {
			hour, messages, ok = h, n, true
		}
	}
	return hour, messages, ok
}
