package campaign_test

import (
	"fmt"
	"math"
	"testing"

	"tidings/internal/campaign"
)

// The lots are stored nowhere: whoever changes how they are drawn moves
// customers between holdout and campaign in the middle of a measurement.
func TestDrawNeverChanges(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		parts []string
		want  float64
	}{
		{nil, 0.8894159948913373},
		{[]string{"holdout", "shop", "cart", "ana"}, 0.14608205593357393},
	} {
		if got := campaign.Draw(c.parts...); math.Abs(got-c.want) > 1e-15 {
			t.Errorf("%q: %.17g", c.parts, got)
		}
	}
}

func TestDrawTellsItsPartsApart(t *testing.T) {
	t.Parallel()
	if campaign.Draw("ab", "c") == campaign.Draw("a", "bc") {
		t.Error("ab, c and a, bc have the same lot")
	}
}

func TestHeldOutIsIndependent(t *testing.T) {
	t.Parallel()
	// Those held out of one campaign are no more likely held out of another, nor
	// in one arm of a branch: 10,000 × 0.5 × 0.5 ± 3 standard deviations.
	arms := []campaign.Arm{{Name: "a", Share: 0.5}, {Name: "b", Share: 0.5}}
	campaigns, armsToo := 0, 0
	for i := range 10_000 {
		customer := fmt.Sprint("customer-", i)
		if !campaign.HeldOut(0.5, "shop", "cart", customer) {
			continue
		}
		if campaign.HeldOut(0.5, "shop", "welcome", customer) {
			campaigns++
		}
		if campaign.PickArm(arms, "cart", "b", customer) == 0 {
			armsToo++
		}
	}
	for _, n := range []int{campaigns, armsToo} {
		if n < 2370 || n > 2630 {
			t.Errorf("%d of 10,000 have both, want about 2,500", n)
		}
	}
}

func TestPickArm(t *testing.T) {
	t.Parallel()
	arms := []campaign.Arm{
		{Name: "when", When: campaign.InSegment{Segment: "vip"}},
		{Name: "fifth", Share: 0.2},
		{Name: "third", Share: 0.3},
		{Name: "otherwise"},
	}
	counts := map[int]int{}
	for i := range 10_000 {
		customer := fmt.Sprint("customer-", i)
		arm := campaign.PickArm(arms, "cart", "split", customer)
		if again := campaign.PickArm(arms, "cart", "split", customer); again != arm {
			t.Fatalf("%s is in arm %d, then in %d", customer, arm, again)
		}
		counts[arm]++
	}
	for arm, want := range map[int]int{0: 0, 1: 2000, 2: 3000, 3: 0, -1: 5000} {
		if math.Abs(float64(counts[arm]-want)) > 150 {
			t.Errorf("arm %d is drawn %d times of 10,000, want about %d", arm, counts[arm], want)
		}
	}
	if got := campaign.PickArm(nil, "cart", "split", "ana"); got != -1 {
		t.Error(got)
	}
}
