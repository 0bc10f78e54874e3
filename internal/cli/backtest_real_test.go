package cli_test

import (
	"encoding/json"
	"maps"
	"slices"
	"testing"
	"time"
)

// played is what `backtest --json` prints.
type played struct {
	OrganicOf                  int `json:"organic_of"`
	Campaign                   string
	From, To                   time.Time
	Entered, Messages, Organic int
	Held                       map[string]int
	Days                       []playedDay
}

type playedDay struct {
	Date              string
	Entered, Messages int
}

func (s *shop) backtest(t testing.TB, campaign string, from, to time.Time) played {
	t.Helper()
	var p played
	out := s.run(t, "backtest", campaign, "--json", "--from", from.Format(time.RFC3339), "--to", to.Format(time.RFC3339))
	if err := json.Unmarshal([]byte(out), &p); err != nil {
		t.Fatalf("read %q: %v", out, err)
	}
	if p.Campaign != campaign || !p.From.Equal(from) || !p.To.Equal(to) {
		t.Errorf("backtest of %s from %s to %s: %s, %s, %s", campaign, from, to, p.Campaign, p.From, p.To)
	}
	return p
}

// byDay adds up due moments of (from, to] by their UTC day, each occurrence once.
func byDay(dues map[pass][]time.Time, from, to time.Time) (days map[string]int, all int) {
	days = map[string]int{}
	for _, moments := range dues {
		for _, due := range moments {
			if due.After(from) && !due.After(to) {
				days[due.Format(time.DateOnly)]++
				all++
			}
		}
	}
	return days, all
}

// sameDays compares a backtest with entries by day, and holds that no day is left
// out and each entry sends its one letter at once.
func (p played) sameDays(t testing.TB, what string, want map[string]int, all int) {
	t.Helper()
	got, messages := map[string]int{}, 0
	for i, d := range p.Days {
		if d.Entered > 0 {
			got[d.Date] = d.Entered
		}
		if messages += d.Messages; d.Messages != d.Entered {
			t.Errorf("%s: %s has %d entries and %d letters", what, d.Date, d.Entered, d.Messages)
		}
		if i > 0 && d.Date <= p.Days[i-1].Date {
			t.Errorf("%s: %s follows %s", what, d.Date, p.Days[i-1].Date)
		}
	}
	sameCounts(t, what, got, want)
	if p.Entered != all || messages != p.Messages || p.Messages != all {
		t.Errorf("%s: %d entered, %d letters, %d on the days; want %d", what, p.Entered, p.Messages, messages, all)
	}
	first, last := p.From.Add(time.Microsecond).Format(time.DateOnly), p.To.Format(time.DateOnly)
	if n := int(dayOf(last).Sub(dayOf(first))/day) + 1; len(p.Days) != n || p.Days[0].Date != first || p.Days[n-1].Date != last {
		t.Errorf("%s: %d days, want %d from %s to %s", what, len(p.Days), n, first, last)
	}
}

func dayOf(s string) time.Time {
	d, _ := time.Parse(time.DateOnly, s)
	return d
}

// A backtest over a whole history finds, day by day, who an independent reading
// of the file finds.
func TestRealBacktest(t *testing.T) {
	t.Parallel()
	all := orders(t)
	from, to := date(1996, 12, 31), date(1998, 12, 31)
	engines(t, func(t *testing.T, databaseURL string) {
		s := cdnowShop(t, databaseURL, all)
		for name, one := range map[string]struct {
			trigger string
			after   time.Duration
			dues    func([]order, time.Duration) map[pass][]time.Time
		}{
			"win-back": {inactivity, 90 * day, inactive},
			"month":    {inactivity, 30 * day, inactive},
			"thanks":   {purchase, 7 * day, ordered},
			"at-once":  {purchase, 0, ordered},
		} {
			p := plan{name: name, after: one.after, lateness: 40 * day, from: from}
			s.campaigns(t, map[string]string{name: p.campaign(one.trigger) + "goal: { event: Order Completed, within: 20d, value: total }\n"})
			want, n := byDay(one.dues(all, one.after), from, to)
			if n == 0 {
				t.Fatalf("%s: nobody is due: nothing would be compared", name)
			}
			got := s.backtest(t, name, from, to)
			got.sameDays(t, name, want, n)
			organic, of := boughtAnyway(all, one.dues(all, one.after), 20*day)
			if got.Organic != organic || got.OrganicOf != of || organic == 0 || organic == of {
				t.Errorf("%s: %d of %d bought anyway, want %d of %d", name, got.Organic, got.OrganicOf, organic, of)
			}
		}
	})
}

// boughtAnyway counts the customers who ordered within a time of a due moment, the
// anchor itself not counting, of all who have one.
func boughtAnyway(all []order, dues map[pass][]time.Time, within time.Duration) (bought, of int) {
	days := byCustomer(all)
	customers := map[string]bool{}
	for who, moments := range dues {
		for _, due := range moments {
			customers[who.customer] = customers[who.customer] || slices.ContainsFunc(days[who.customer], func(at time.Time) bool {
				return !at.Before(due) && !at.After(due.Add(within)) && at.After(who.anchor)
			})
		}
	}
	for _, b := range customers {
		if b {
			bought++
		}
	}
	return bought, len(customers)
}

func TestRealCartBacktest(t *testing.T) {
	t.Parallel()
	all := baskets(t)
	from, to := date(2016, 7, 31), date(2017, 12, 31)
	engines(t, func(t *testing.T, databaseURL string) {
		s := googleShop(t, databaseURL, all)
		for name, after := range map[string]time.Duration{"hour": time.Hour, "day": day} {
			// Every pass that is superseded within a letter's time has sent it before.
			p := plan{name: name, after: after, lateness: 40 * day, from: from}
			s.campaigns(t, map[string]string{name: p.campaign(basket)})
			want, n := byDay(abandoned(all, after), from, to)
			s.backtest(t, name, from, to).sameDays(t, name, want, n)
		}
	})
}

// Ticking through the history, day by day at first and then week by week, lets
// those enter on those days, and holds back as many, as its backtest says, in the
// store that was ticked and in one that was not.
func TestRealBacktestIsTicking(t *testing.T) {
	t.Parallel()
	all := orders(t)
	from := date(1996, 12, 31)
	days := append(series(from, day, 100), series(from.Add(100*day), 7*day, 70)...)
	texts := map[string]string{
		"win-back": winBackPlayed,
		"thanks":   plan{after: 7 * day, lateness: 8 * day, from: from}.campaign(purchase) + "re_entry: 30d\n",
	}
	s := cdnowShop(t, sqliteURL(t), all)
	s.campaigns(t, texts)
	before := map[string]played{}
	for name := range texts {
		before[name] = s.backtest(t, name, from, days[len(days)-1])
	}
	held := map[string]map[string]int{"win-back": {}, "thanks": {}}
	for _, at := range days {
		for name, c := range s.tick(t, at).Campaigns {
			for reason, n := range c.Held {
				held[name][reason] += n
			}
		}
	}
	for name := range texts {
		after := s.backtest(t, name, from, days[len(days)-1])
		if !slices.Equal(before[name].Days, after.Days) || !maps.Equal(before[name].Held, after.Held) {
			t.Errorf("%s: the backtest of a ticked store differs", name)
		}
		got := map[string]int{}
		for _, d := range after.Days {
			if d.Entered > 0 {
				got[d.Date] = d.Entered
			}
		}
		sameCounts(t, name, got, s.entriesByDay(t, name))
		if len(got) < 100 {
			t.Errorf("%s: entries on %d days only: little was compared", name, len(got))
		}
		if !maps.Equal(after.Held, held[name]) {
			t.Errorf("%s: held %v, ticking %v", name, after.Held, held[name])
		}
	}
}

// entriesByDay counts a campaign's entries by their UTC day.
func (s *shop) entriesByDay(t testing.TB, campaign string) map[string]int {
	t.Helper()
	rows, err := s.open(t).Query(`SELECT e.entered_at FROM enrollments e JOIN campaigns k ON k.id = e.campaign_id WHERE k.name = $1`, campaign)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	out := map[string]int{}
	for rows.Next() {
		var us int64
		if err := rows.Scan(&us); err != nil {
			t.Fatal(err)
		}
		out[time.UnixMicro(us).UTC().Format(time.DateOnly)]++
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

const winBackPlayed = `status: active
topic: offers
active_from: 1996-12-31
holdout: 10%
expect: { entries: { at_most: 1000000 } }
trigger: { inactivity: { after: 60d, of: [Order Completed] } }
audience: { event: Order Completed, count: { at_least: 2 } }
re_entry: 120d
steps: [ { send: letter } ]
`
