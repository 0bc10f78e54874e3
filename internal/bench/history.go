package bench

import (
	"context"
	"time"

	"tidings/internal/campaign"
)

// historyDays is how many days of history a segment is shown with.
const historyDays = 30

// history asks for the sizes that `segment` shows.
func (m *measure) history(ctx context.Context, in campaign.Condition) error {
	moments := make([]time.Time, historyDays)
	for i := range moments {
		moments[i] = end.AddDate(0, 0, -i)
	}
	return m.eval.Backwards(ctx, m.place.db, in, moments, func([]int64) {})
}
