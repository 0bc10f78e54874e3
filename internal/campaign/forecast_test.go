package campaign

import (
	"math"
	"reflect"
	"testing"
	"time"
)

// The sizes are the formula's, worked out by hand for 13.4 % against 16.4 %: 1,258
// held out where a tenth is, 1,599 where three tenths are.
func TestHoldoutSize(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		held Share
		want float64
	}{{0.1, 1258}, {0.3, 1599}} {
		if got := HoldoutSize(0.134, 0.03, c.held); math.Abs(got-c.want) > 3 {
			t.Errorf("%v held out: %.0f, want %.0f", c.held, got, c.want)
		}
	}
	for _, never := range []float64{HoldoutSize(0.1, 0.03, 0), HoldoutSize(0.1, 0.03, 1), HoldoutSize(0.1, 0, 0.1), HoldoutSize(0.98, 0.03, 0.1)} {
		if !math.IsInf(never, 1) {
			t.Errorf("%f customers show what none can", never)
		}
	}
}

func TestDaysOfAForecast(t *testing.T) {
	t.Parallel()
	zone := time.FixedZone("", 8*3600)
	f := &Forecast{Hours: map[int64]Tally{}}
	// Midnight of the second there.
	at := time.Date(2026, 3, 1, 16, 0, 0, 0, time.UTC)
	f.Hours[HourOf(at.Add(-time.Second), zone)] = Tally{Entered: 2, Messages: 1}
	f.Hours[HourOf(at, zone)] = Tally{Messages: 3}
	got := f.Days(at.Add(-25*time.Hour), at.Add(time.Hour), zone)
	want := []DayTally{{"2026-02-28", Tally{}}, {"2026-03-01", Tally{2, 1}}, {"2026-03-02", Tally{0, 3}}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if got := f.Days(at, at.Add(time.Hour), zone); len(got) != 1 || got[0].Date != "2026-03-02" {
		t.Errorf("a window from midnight on: %v", got)
	}
	if hour, n, ok := f.BusiestHour(); !ok || n != 3 || hour != at.Unix() {
		t.Errorf("busiest hour %d with %d", hour, n)
	}
}

// What looks at mail is decided as it is told, wherever it stands; the rest stays.
func TestSuppose(t *testing.T) {
	t.Parallel()
	clicked, viewed := EventMatch{Event: EmailClicked}, EventMatch{Event: ProductViewed}
	cat := &Catalog{Segments: map[string]*Segment{
		"engaged": {Match: Any{Attribute{Name: "mail.clicked"}, viewed}},
		"lookers": {Match: viewed},
		"ranked":  {Match: clicked, Limit: &Limit{First: 10}},
	}}
	c := &Campaign{
		Audience: All{InSegment{"engaged"}, InSegment{"lookers"}, InSegment{"ranked"}}, EnterWhen: clicked, ExitOn: []Condition{Not{clicked}},
		Steps: []Step{{ID: "w", Wait: &Wait{For: clicked}}, {ID: "b", Branch: []Arm{{When: viewed, Steps: []Step{{ID: "s", Send: &Send{}, When: clicked}}}}}},
	}
	c.Program = NewProgram(c.Steps)
	for held, decided := range map[bool]Condition{true: All{}, false: Any{}} {
		got, depends := c.Suppose(cat, held)
		if !depends {
			t.Fatal("clicks decide here")
		}
		if want := (All{Any{decided, viewed}, InSegment{"lookers"}, InSegment{"ranked"}}); !reflect.DeepEqual(got.Audience, want) {
			t.Errorf("audience %v, want %v", got.Audience, want)
		}
		if !reflect.DeepEqual(got.EnterWhen, c.EnterWhen) {
			t.Errorf("entry goes by the history, not by %v", got.EnterWhen)
		}
		nodes := got.Program.Nodes
		if !reflect.DeepEqual(got.ExitOn, []Condition{Not{decided}}) || !reflect.DeepEqual(nodes[0].Wait.For, decided) ||
			!reflect.DeepEqual(nodes[1].Branch[0].When, viewed) || !reflect.DeepEqual(nodes[2].When, decided) {
			t.Errorf("exit_on %v, steps %v", got.ExitOn, nodes)
		}
	}
	if !reflect.DeepEqual(c.Steps[0].Wait.For, clicked) {
		t.Error("the campaign itself was changed")
	}
	plain := &Campaign{Audience: viewed, EnterWhen: clicked, Program: NewProgram(nil)}
	if got, depends := plain.Suppose(cat, true); depends || got != plain {
		t.Error("nothing on the way looks at mail")
	}
}
