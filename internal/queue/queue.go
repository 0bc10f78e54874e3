package queue

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strconv"
	"sync/atomic"

	"github.com/alicebob/miniredis/v2"
	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"tidings/internal/campaign"
)

// maxRetry is how often asynq runs a task again. It is not 0: a task without
// retries is not run again after a crash either.
const maxRetry = 3

// Queue is the queue of one store. Several stores may share a Redis.
type Queue struct {
	store    string
	log      *slog.Logger
	options  options
	redis    *redis.Client
	embedded *miniredis.Miniredis // nil: a real Redis
	client   *asynq.Client
	wake     map[campaign.Lane]chan struct{}
	serving  atomic.Int32
}

var storeName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// Open connects to Redis, or starts one in the process if redisURL is empty.
// storeID tells stores that share a Redis apart: letters, digits, - and _. Open
// fails if the server cannot be reached, is older than 6.2 or is a cluster, and
// warns of a memory policy that would lose tasks. Errors never hold the URL.
func Open(ctx context.Context, redisURL, storeID string, logger *slog.Logger, opts ...Option) (*Queue, error) {
	if !storeName.MatchString(storeID) {
		return nil, fmt.Errorf("open queue: store id %q; use letters, digits, - and _", storeID)
	}
	q := &Queue{store: storeID, log: logger, options: defaults(), wake: map[campaign.Lane]chan struct{}{}}
	for _, o := range opts {
		o(&q.options)
	}
	for _, lane := range lanes() {
		q.wake[lane] = make(chan struct{}, 1)
	}
	if err := q.connect(redisURL); err != nil {
		return nil, fmt.Errorf("open queue: %w", err)
	}
	if q.embedded == nil {
		if err := q.inspect(ctx); err != nil {
			_ = q.redis.Close()
			return nil, fmt.Errorf("open queue: %w", err)
		}
	}
	q.client = asynq.NewClientFromRedisClient(q.redis)
	return q, nil
}

func lanes() []campaign.Lane {
	return []campaign.Lane{campaign.LaneTransactional, campaign.LaneBulk}
}

// Embedded tells that Redis runs in this process: its tasks are lost with it,
// and no other process sees them.
func (q *Queue) Embedded() bool { return q.embedded != nil }

// Close ends the connections to Redis, and the embedded one. While something that
// Serve returned has not stopped it refuses: asynq panics if its connection goes.
func (q *Queue) Close() error {
	if n := q.serving.Load(); n > 0 {
		return fmt.Errorf("close queue: %d servers have not stopped", n)
	}
	err := q.redis.Close()
	if q.embedded != nil {
		q.embedded.Close()
	}
	if err != nil {
		return fmt.Errorf("close queue: %w", err)
	}
	return nil
}

// name is asynq's name of a lane's queue.
func (q *Queue) name(lane campaign.Lane) string { return string(lane) + "-" + q.store }

// Enqueue asks for a slice to be worked. A slice that is in the queue already,
// or was given up there, is no error: the ledger settles what becomes of it.
func (q *Queue) Enqueue(ctx context.Context, lane campaign.Lane, slice int64) error {
	if _, ok := q.wake[lane]; !ok {
		return fmt.Errorf("enqueue slice %d: no lane %q", slice, lane)
	}
	_, err := q.client.EnqueueContext(ctx, asynq.NewTask(taskType, encode(slice)),
		asynq.TaskID(q.store+"-"+strconv.FormatInt(slice, 10)), asynq.Queue(q.name(lane)),
		asynq.MaxRetry(maxRetry), asynq.Timeout(q.options.timeout), asynq.Retention(0))
	if err != nil && !errors.Is(err, asynq.ErrTaskIDConflict) {
		return fmt.Errorf("enqueue slice %d: %w", slice, err)
	}
	q.call(ctx, lane)
	return nil
}

// Wake makes this process look into a lane at once instead of at its next poll.
// Enqueue does it in every process that serves.
func (q *Queue) Wake(lane campaign.Lane) {
	select {
	case q.wake[lane] <- struct{}{}:
	default:
	}
}

// Epoch is a random mark in Redis, without expiry, one per store. With another
// epoch than the one last seen, Redis has lost its data, and with it every task.
func (q *Queue) Epoch(ctx context.Context) (string, error) {
	key := "tidings:" + q.store + ":epoch"
	mark := rand.Text()
	for range 3 {
		if err := q.redis.SetNX(ctx, key, mark, 0).Err(); err != nil {
			return "", fmt.Errorf("set queue epoch: %w", err)
		}
		epoch, err := q.redis.Get(ctx, key).Result()
		if err == nil {
			return epoch, nil
		}
		if !errors.Is(err, redis.Nil) {
			return "", fmt.Errorf("read queue epoch: %w", err)
		}
		// It was deleted in between.
	}
	return "", errors.New("read queue epoch: redis keeps losing it")
}
