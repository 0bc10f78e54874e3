package campaign_test

import (
	"strings"
	"testing"

	"tidings/internal/campaign"
)

func TestProblemString(t *testing.T) {
	t.Parallel()
	p := campaign.Problem{File: "campaigns/cart.yaml", Line: 3, Column: 7, Message: `unknown key "trigerr"`, Hint: "did you mean trigger?"}
	for _, want := range []string{
		`campaigns/cart.yaml:3:7: unknown key "trigerr"; did you mean trigger?`,
		`campaigns/cart.yaml:3:7: unknown key "trigerr"`,
		`campaigns/cart.yaml:3: unknown key "trigerr"`,
		`campaigns/cart.yaml: unknown key "trigerr"`,
	} {
		if got := p.String(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		// One thing less is known each time.
		switch {
		case p.Hint != "":
			p.Hint = ""
		case p.Column > 0:
			p.Column = 0
		default:
			p.Line, p.Column = 0, 7
		}
	}
}

func TestSortProblems(t *testing.T) {
	t.Parallel()
	ps := []campaign.Problem{
		{File: "b", Message: "1"}, {File: "a", Line: 10, Message: "2"}, {File: "a", Line: 2, Column: 9, Message: "3"},
		{File: "a", Line: 2, Column: 1, Message: "4"}, {File: "a", Message: "5"}, {File: "a", Line: 2, Column: 9, Message: "0"},
	}
	campaign.SortProblems(ps)
	var got strings.Builder
	for _, p := range ps {
		got.WriteString(p.Message)
	}
	if got.String() != "543021" {
		t.Error(got.String())
	}
}

func TestWalk(t *testing.T) {
	t.Parallel()
	segment := func(name string) campaign.Condition { return campaign.InSegment{Segment: name} }
	c := campaign.All{segment("a"), campaign.Any{segment("b"), campaign.Not{Of: campaign.All{segment("c")}}}, segment("d")}
	var got []string
	kinds := 0
	campaign.Walk(c, func(c campaign.Condition) {
		kinds++
		if s, ok := c.(campaign.InSegment); ok {
			got = append(got, s.Segment)
		}
	})
	if strings.Join(got, "") != "abcd" || kinds != 8 {
		t.Errorf("%v of %d", got, kinds)
	}
	campaign.Walk(nil, func(campaign.Condition) { t.Error("no condition has parts") })
}
