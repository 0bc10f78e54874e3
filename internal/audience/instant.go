package audience

import (
	"context"

	"tidings/internal/campaign"
)

// instants are looks at customers, each as of a moment.
type instant struct{ customer, at int64 }

func (i instant) compare(j instant) int {
	if i.customer != j.customer {
		return int(i.customer - j.customer)
	}
	return int(i.at - j.at)
}

// judge tells for each look whether cond holds for a customer who is one by then.
func (e *Evaluator) judge(ctx context.Context, q Querier, cond campaign.Condition, looks []instant, created map[int64]int64) (map[instant]bool, error) {
	asked := make([]PassAt, 0, len(looks))
	for i, l := range looks {
		if c, ok := created[l.customer]; ok && c <= l.at {
			asked = append(asked, PassAt{ID: int64(i), Customer: l.customer, AsOf: campaign.FromMicros(l.at)})
		}
	}
	held, err := e.Holds(ctx, q, nil, cond, asked)
	if err != nil {
		return nil, err
	}
	out := make(map[instant]bool, len(looks))
	for i, l := range looks {
		out[l] = held[int64(i)]
	}
	return out, nil
}
