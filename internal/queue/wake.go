package queue

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"

	"tidings/internal/campaign"
)

// A call by Redis tells the workers of other processes that there is a task. It
// may be lost, as all of Redis may; then they find the task when they next look.

// channel is where a store's calls go.
func (q *Queue) channel() string { return "tidings:" + q.store + ":wake" }

// call wakes whoever serves a lane, here and elsewhere.
func (q *Queue) call(ctx context.Context, lane campaign.Lane) {
	q.Wake(lane)
	if q.Embedded() {
		return
	}
	// That the task is in the queue does not depend on who hears of it.
	if err := q.redis.Publish(ctx, q.channel(), string(lane)).Err(); err != nil {
		q.log.Debug("workers not called; they will look by themselves", "error", err.Error())
	}
}

// hearPause is the wait before a subscription that has ended is tried again.
const hearPause = time.Second

// hear passes calls on until stop is closed. It has a connection of its own.
func (q *Queue) hear(stop <-chan struct{}) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		select {
		case <-stop:
			cancel()
		case <-ctx.Done():
		}
	}()
	o := *q.redis.Options()
	o.PoolSize = 1
	client := redis.NewClient(&o)
	defer client.Close()
	for ctx.Err() == nil {
		q.listen(ctx, client)
		sleep(ctx, hearPause)
	}
}

// listen passes calls on until the subscription ends.
func (q *Queue) listen(ctx context.Context, client *redis.Client) {
	sub := client.Subscribe(ctx, q.channel())
	defer sub.Close()
	defer context.AfterFunc(ctx, func() { _ = sub.Close() })()
	for {
		m, err := sub.ReceiveTimeout(ctx, time.Minute)
		if err != nil {
			if ctx.Err() == nil && timedOut(err) {
				if err = sub.Ping(ctx); err == nil {
					continue
				}
			}
			return
		}
		switch m := m.(type) {
		case *redis.Subscription:
			// What was put in before we listened nobody will call for again.
			for _, lane := range lanes() {
				q.Wake(lane)
			}
		case *redis.Message:
			if lane := campaign.Lane(m.Payload); q.wake[lane] != nil {
				q.Wake(lane)
			}
		}
	}
}

func timedOut(err error) bool {
	t, ok := err.(interface{ Timeout() bool })
	return ok && t.Timeout()
}

func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
