package queue

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"tidings/internal/campaign"
)

// Lose forgets the epoch, as a Redis does that loses its data.
func (q *Queue) Lose(ctx context.Context) error {
	return q.redis.Del(ctx, "tidings:"+q.store+":epoch").Err()
}

// Depth counts the tasks of each lane that are waiting, at work or to be run
// again. Those given up after their retries do not count.
func (q *Queue) Depth(ctx context.Context) (map[campaign.Lane]int, error) {
	depth := map[campaign.Lane]int{}
	for _, lane := range lanes() {
		prefix := "asynq:{" + q.name(lane) + "}:"
		for _, count := range []*redis.IntCmd{
			q.redis.LLen(ctx, prefix+"pending"), q.redis.LLen(ctx, prefix+"active"),
			q.redis.ZCard(ctx, prefix+"retry"), q.redis.ZCard(ctx, prefix+"scheduled"),
		} {
			n, err := count.Result()
			if err != nil {
				return nil, err
			}
			depth[lane] += int(n)
		}
	}
	return depth, nil
}

// Contents is all that Redis holds of the store's tasks.
func (q *Queue) Contents(ctx context.Context) (string, error) {
	var all strings.Builder
	keys := q.redis.Scan(ctx, 0, "asynq:*"+q.store+"}:t:*", 1000).Iterator()
	for keys.Next(ctx) {
		fields, err := q.redis.HGetAll(ctx, keys.Val()).Result()
		if err != nil {
			return "", err
		}
		for key, value := range fields {
			all.WriteString(key + "=" + value + "\n")
		}
	}
	return all.String(), keys.Err()
}

// RetryDelays are the times until bulk tasks that failed come again.
func (q *Queue) RetryDelays(context.Context) ([]time.Duration, error) {
	tasks, err := asynq.NewInspectorFromRedisClient(q.redis).ListRetryTasks(q.name(campaign.LaneBulk))
	var delays []time.Duration
	for _, t := range tasks {
		delays = append(delays, time.Until(t.NextProcessAt))
	}
	return delays, err
}

// WithPoll sets how often a lane is looked into when nothing wakes it.
func WithPoll(d time.Duration) Option { return func(o *options) { o.poll = d } }

// Evict throws a bulk task's data away and leaves its id, as a server does whose
// memory policy evicts.
func (q *Queue) Evict(ctx context.Context, slice int64) error {
	return q.redis.Del(ctx, fmt.Sprintf("asynq:{%s}:t:%s-%d", q.name(campaign.LaneBulk), q.store, slice)).Err()
}
