package web

import (
	"math"

	"tidings/internal/campaign"
)

// lift compares those who were mailed with those who were held out.
type lift struct {
	Mailed, HeldOut figure
	Points          float64 // difference of the shares, in percentage points
	Low, High       float64 // its interval at 95 %
}

// Sure tells whether the interval leaves out no difference at all.
func (l lift) Sure() bool { return l.Low > 0 || l.High < 0 }

// liftOf is nil where there is nothing to compare.
func liftOf(c campaign.CampaignReport) *lift {
	if c.Lift == nil || c.Lift.HeldOut <= 0 || c.Lift.Mailed <= 0 {
		return nil
	}
	arms := *c.Lift
	l := lift{
		Mailed:  figure{Label: "Mailed", Count: arms.MailedConverted, Of: arms.Mailed, What: "converted"},
		HeldOut: figure{Label: "Held out", Count: arms.HeldOutConverted, Of: arms.HeldOut, What: "converted"},
	}
	p, pLow, pHigh := wilson(arms.MailedConverted, arms.Mailed)
	q, qLow, qHigh := wilson(arms.HeldOutConverted, arms.HeldOut)
	l.Points = 100 * (p - q)
	l.Low = 100 * (p - q - math.Hypot(p-pLow, qHigh-q))
	l.High = 100 * (p - q + math.Hypot(pHigh-p, q-qLow))
	return &l
}

// wilson is a share k/n with its score interval at 95 %. Two of these make
// Newcombe's interval of a difference (1998, method 10), which unlike the usual
// one stays right for shares near 0 and small groups, as holdouts are.
func wilson(k, n int) (p, low, high float64) {
	const z = 1.959964
	m := float64(n)
	p = min(float64(k), m) / m
	centre := p + z*z/(2*m)
	spread := z * math.Sqrt(p*(1-p)/m+z*z/(4*m*m))
	scale := 1 + z*z/m
	return p, (centre - spread) / scale, (centre + spread) / scale
}
