package queue

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// How often a lane is looked into when nothing wakes it. In one process every
// task comes with a call, and the poll is for retries alone.
const (
	pollRedis    = 250 * time.Millisecond
	pollEmbedded = time.Second
	// pollAsynq is asynq's own pause after an empty look: what a server takes to
	// notice that it shall stop, and the poll should asynq ever ask in another
	// form than poller knows.
	pollAsynq = 20 * time.Millisecond
	// pollBroken is the pause after an error; asynq itself makes none.
	pollBroken = 500 * time.Millisecond
)

// poller is the Redis client of one asynq server. asynq looks for a task, and
// when there is none sleeps for a fixed time; poller answers that one question
// only when there is a task, and waits for a call meanwhile.
type poller struct {
	redis.UniversalClient
	wake  <-chan struct{}
	stop  <-chan struct{}
	every time.Duration
}

func (p *poller) EvalSha(ctx context.Context, sha string, keys []string, args ...any) *redis.Cmd {
	return p.poll(ctx, keys, func() *redis.Cmd { return p.UniversalClient.EvalSha(ctx, sha, keys, args...) })
}

func (p *poller) Eval(ctx context.Context, script string, keys []string, args ...any) *redis.Cmd {
	return p.poll(ctx, keys, func() *redis.Cmd { return p.UniversalClient.Eval(ctx, script, keys, args...) })
}

func (p *poller) poll(ctx context.Context, keys []string, look func() *redis.Cmd) *redis.Cmd {
	if !dequeues(keys) {
		return look()
	}
	for {
		select {
		case <-p.stop:
			nothing := redis.NewCmd(ctx)
			nothing.SetErr(redis.Nil)
			return nothing
		default:
		}
		cmd := look()
		switch err := cmd.Err(); {
		case err == nil, redis.HasErrorPrefix(err, "NOSCRIPT"):
			return cmd
		case !errors.Is(err, redis.Nil):
			p.pause(ctx, pollBroken, nil)
			return cmd
		}
		p.pause(ctx, p.every, p.wake)
	}
}

// pause waits for d, a call or the end.
func (p *poller) pause(ctx context.Context, d time.Duration, wake <-chan struct{}) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-wake:
	case <-timer.C:
	case <-p.stop:
	case <-ctx.Done():
	}
}

// dequeues tells asynq's look for a task from its other scripts, by the keys
// that it touches.
func dequeues(keys []string) bool {
	return len(keys) == 4 && strings.HasSuffix(keys[0], ":pending") && strings.HasSuffix(keys[1], ":paused")
}
