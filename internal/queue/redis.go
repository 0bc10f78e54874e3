package queue

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"tidings/internal/fault"
)

func defaults() options {
	return options{verify: VerifyAuto, poolSize: 6, timeout: 10 * time.Minute, grace: 20 * time.Second}
}

// mute keeps the Redis library from writing lines of its own to standard error:
// what fails comes back as an error, and is logged as ours are.
type mute struct{}

func (mute) Printf(context.Context, string, ...any) {}

func init() { redis.SetLogger(mute{}) }

// connect makes the one client that asynq's client and servers share. It does
// not dial.
func (q *Queue) connect(redisURL string) error {
	if redisURL == "" {
		q.embedded = miniredis.NewMiniRedis()
		q.embedded.ClockTTL(true)
		q.redis = redis.NewClient(q.limits(&redis.Options{
			Addr:   "embedded",
			Dialer: func(context.Context, string, string) (net.Conn, error) { return q.embedded.Dial() },
		}))
		return nil
	}
	o, err := redis.ParseURL(redisURL)
	if err != nil {
		// The error of net/url quotes the whole text, password and all.
		return errors.New("REDIS_URL cannot be read; write redis://user:password@host:6379/0, or rediss:// for TLS, with signs such as # / @ % percent-encoded")
	}
	if o.TLSConfig != nil && q.unverified(o.TLSConfig) {
		o.TLSConfig.InsecureSkipVerify = true
		q.log.Warn("the certificate of redis is not checked", "verify", string(q.options.verify))
	}
	q.redis = redis.NewClient(q.limits(o))
	if fault.Armed() {
		q.redis.AddHook(faulty{})
	}
	return nil
}

func (q *Queue) unverified(c *tls.Config) bool {
	return c.InsecureSkipVerify || q.options.verify == VerifyOff || q.options.verify == VerifyAuto && q.options.heroku
}

// limits keeps a hanging Redis from holding us: asynq serves start and end of
// all tasks by one goroutine that talks to it.
func (q *Queue) limits(o *redis.Options) *redis.Options {
	o.PoolSize = q.options.poolSize
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout, o.PoolTimeout = 3*time.Second, 3*time.Second, 3*time.Second, 3*time.Second
	o.ContextTimeoutEnabled = true
	o.MaxRetries, o.DialerRetries = 1, 1
	o.ConnMaxIdleTime = 4 * time.Minute // servers end idle connections after 5
	o.DisableIdentity = true
	o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	return o
}

// inspect looks at the server before it is relied upon.
func (q *Queue) inspect(ctx context.Context) error {
	addr := q.redis.Options().Addr
	if err := q.redis.Ping(ctx).Err(); err != nil {
		return fmt.Errorf("reach redis at %s: %w; check REDIS_URL, or leave it empty for the built-in one", addr, err)
	}
	raw, err := q.redis.Info(ctx, "server").Result()
	if err == nil {
		var memory string
		memory, err = q.redis.Info(ctx, "memory").Result()
		raw += "\n" + memory
	}
	if err != nil {
		q.log.Warn("redis does not tell its version and memory policy", "error", err.Error())
		return nil
	}
	info := parseInfo(raw)
	if !atLeast(info["redis_version"], 6, 2) {
		return fmt.Errorf("redis at %s is version %s; 6.2 or newer is needed", addr, info["redis_version"])
	}
	if info["redis_mode"] == "cluster" {
		return fmt.Errorf("redis at %s is a cluster; a single server or a primary with replicas is needed", addr)
	}
	if policy := info["maxmemory_policy"]; policy != "noeviction" {
		q.log.Warn("redis may throw tasks away when its memory is full; set maxmemory-policy to noeviction", "policy", policy)
	}
	return nil
}

// parseInfo reads the key:value lines of INFO.
func parseInfo(raw string) map[string]string {
	info := map[string]string{}
	for lines := bufio.NewScanner(strings.NewReader(raw)); lines.Scan(); {
		if key, value, ok := strings.Cut(strings.TrimSpace(lines.Text()), ":"); ok && !strings.HasPrefix(key, "#") {
			info[key] = value
		}
	}
	return info
}

// atLeast compares a version's first two numbers. A version that is none is
// taken for new: servers of other makes name themselves as they like.
func atLeast(version string, major, minor int) bool {
	parts := strings.SplitN(version, ".", 3)
	if len(parts) < 2 {
		return true
	}
	a, err1 := strconv.Atoi(parts[0])
	b, err2 := strconv.Atoi(parts[1])
	if err1 != nil || err2 != nil {
		return true
	}
	return a > major || a == major && b >= minor
}
