package queue

import (
	"context"
	"fmt"

	"tidings/internal/campaign"
)

// Pending counts the tasks that no server has taken yet, over both lanes. Other
// than Depth it leaves out those at work, which after a crash stay counted until
// Redis notices.
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
