package queue

import (
	"context"

	"github.com/redis/go-redis/v9"

	"tidings/internal/fault"
)

// faulty lets faults strike around every command to Redis. A client has it only
// in a process whose faults are armed.
type faulty struct{}

func (faulty) DialHook(next redis.DialHook) redis.DialHook { return next }

func (faulty) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		return around(func() error { return next(ctx, cmd) }, cmd)
	}
}

func (faulty) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		return around(func() error { return next(ctx, cmds) }, cmds...)
	}
}

func around(do func() error, cmds ...redis.Cmder) error {
	err := fault.Err("redis.before")
	if err == nil {
		if err = do(); err != nil {
			return err
		}
		err = fault.Err("redis.after")
	}
	if err != nil {
		for _, cmd := range cmds {
			cmd.SetErr(err)
		}
	}
	return err
}
