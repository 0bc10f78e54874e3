package campaign

import (
	"slices"
	"strings"
	"time"
)

// moneyProperties are the properties that hold amounts of money, in the currency
// that their event names.
var moneyProperties = []string{"total", "value", "revenue", "subtotal", "shipping", "tax", "discount", "price", "amount"}

// IsMoney tells whether a property, by the last part of its path, holds an amount
// of money. Any other number is summed as it is.
func IsMoney(path string) bool {
	return slices.Contains(moneyProperties, path[strings.LastIndex(path, ".")+1:])
}

// Rate is what one unit of a currency is worth in the workspace's from a day on.
type Rate struct {
	From time.Time // midnight UTC
	Rate float64   // above 0
}

// Rates are the rates of other currencies, each in the order of their days.
type Rates map[string][]Rate

// At is the rate of currency on the day of t: the latest one from that day or
// before, or the first where all are later. ok is false without any.
func (r Rates) At(currency string, t time.Time) (rate float64, ok bool) {
	list := r[currency]
	if len(list) == 0 {
		return 0, false
	}
	i, exact := slices.BinarySearchFunc(list, t, func(x Rate, t time.Time) int { return x.From.Compare(t) })
	if !exact {
		i = max(i-1, 0)
	}
	return list[i].Rate, true
}
