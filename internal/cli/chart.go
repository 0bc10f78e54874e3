package cli

import (
	"strings"
	"time"

	"tidings/internal/campaign"
)

// bars are the heights of a chart in one line; nothing at all is a dot.
var bars = []rune("▁▂▃▄▅▆▇█")

// bar is v's height where most is the highest.
func bar(v, most float64) rune {
	if v <= 0 || most <= 0 {
		return '·'
	}
	return bars[min(int(v/most*float64(len(bars))), len(bars)-1)]
}

// timeChart draws a number per day in one line, under the names of months: a bar
// for each day of up to six weeks, for each week of a month up to two years, for
// each month beyond. Bars of unequal stretches are means per day. unit says which.
func timeChart(days []campaign.DayTally, of func(campaign.Tally) int) (line, unit string) {
	name, stretch := "Jan", func(d time.Time) string { return d.Format("2006-01 ") + string(rune('0'+min((d.Day()-1)/7, 4))) }
	unit = "week"
	switch {
	case len(days) <= 42:
		unit, stretch = "day", func(d time.Time) string { return d.Format(time.DateOnly) }
	case len(days) > 2*366:
		unit, name, stretch = "month", "2006", func(d time.Time) string { return d.Format("2006-01") }
	}
	type part struct {
		title, key string
		sum, days  float64
	}
	var parts []part
	for _, d := range days {
		at, err := time.Parse(time.DateOnly, d.Date)
		if err != nil {
			continue // Days writes nothing else
		}
		key := stretch(at)
		if len(parts) == 0 || parts[len(parts)-1].key != key {
			parts = append(parts, part{title: at.Format(name), key: key})
		}
		p := &parts[len(parts)-1]
		p.sum, p.days = p.sum+float64(of(d.Tally)), p.days+1
	}
	most := 0.0
	for _, p := range parts {
		most = max(most, p.sum/p.days)
	}
	var b strings.Builder
	title := ""
	for _, p := range parts {
		if p.title != title {
			if title != "" {
				b.WriteByte(' ')
			}
			title = p.title
			b.WriteString(title + " ")
		}
		b.WriteRune(bar(p.sum/p.days, most))
	}
	return b.String(), unit
}
