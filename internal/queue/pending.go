package queue

import (
	"context"
	"fmt"

	"tidings/internal/campaign"
)

// Pending counts the tasks that no server has taken yet, over both lanes. Those
// at work are left out: after a crash Redis goes on counting them for a while.
func (q *Queue) Pending(ctx context.Context) (int, error) {
	sum := 0
	for _, lane := range []campaign.Lane{campaign.LaneTransactional, campaign.LaneBulk} {
		n, err := q.redis.LLen(ctx, "asynq:{"+q.name(lane)+"}:pending").Result()
		if err != nil {
			return 0, fmt.Errorf("count pending tasks: %w", err)
		}
		sum += int(n)
	}
	return sum, nil
}
