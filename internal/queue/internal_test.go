package queue

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
)

func TestVersions(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]bool{
		"6.2.0": true, "6.2.14": true, "7.0.15": true, "10.0": true, "6.0.9": false, "5.0.7": false, "255.255.255": true, "": true, "new": true, "x.y": true,
	} {
		if got := atLeast(version, 6, 2); got != want {
			t.Errorf("%q: %v", version, got)
		}
	}
}

func TestVerify(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		url    string
		verify TLSVerify
		heroku bool
		skip   bool
	}{
		{"rediss://:p@h:1", VerifyAuto, false, false},
		{"rediss://:p@h:1", VerifyAuto, true, true},
		{"rediss://:p@h:1", VerifyOn, true, false},
		{"rediss://:p@h:1", VerifyOff, false, true},
		{"rediss://:p@h:1?skip_verify=true", VerifyOn, false, true},
	} {
		var log bytes.Buffer
		q := &Queue{log: slog.New(slog.NewTextHandler(&log, nil)), options: defaults()}
		WithTLSVerify(tt.verify, tt.heroku)(&q.options)
		if err := q.connect(tt.url); err != nil {
			t.Fatal(err)
		}
		o := q.redis.Options()
		if o.TLSConfig.InsecureSkipVerify != tt.skip || o.TLSConfig.ServerName != "h" || (log.Len() > 0) != tt.skip {
			t.Errorf("%+v: %+v, log %q", tt, o.TLSConfig, log.String())
		}
	}
}

func TestACLUser(t *testing.T) {
	t.Parallel()
	m := miniredis.RunT(t)
	m.RequireUserAuth("worker", "s3cret")
	var log bytes.Buffer
	q, err := Open(context.Background(), "redis://worker:s3cret@"+m.Addr(), "x", slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	if _, err := Open(context.Background(), "redis://worker:wrong@"+m.Addr(), "x", q.log); err == nil || strings.Contains(err.Error(), "wrong@") {
		t.Error("with a wrong password:", err)
	}
}

// fakeInfo answers INFO as some server would.
type fakeInfo struct{ text string }

func (f fakeInfo) DialHook(next redis.DialHook) redis.DialHook { return next }
func (f fakeInfo) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func (f fakeInfo) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if s, ok := cmd.(*redis.StringCmd); ok && cmd.Name() == "info" {
			s.SetVal(f.text)
			return nil
		}
		return next(ctx, cmd)
	}
}

func TestInspect(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ info, err, warning string }{
		{"# Server\r\nredis_version:7.0.15\r\nredis_mode:standalone\r\n# Memory\r\nmaxmemory_policy:noeviction\r\n", "", ""},
		{"redis_version:7.0.15\r\nmaxmemory_policy:volatile-lru\r\n", "", "noeviction"},
		{"redis_version:6.0.16\r\nmaxmemory_policy:noeviction\r\n", "6.2", ""},
		{"redis_version:7.2.0\r\nredis_mode:cluster\r\nmaxmemory_policy:noeviction\r\n", "cluster", ""},
	} {
		var log bytes.Buffer
		q := &Queue{log: slog.New(slog.NewTextHandler(&log, nil)), options: defaults()}
		if err := q.connect(""); err != nil {
			t.Fatal(err)
		}
		q.redis.AddHook(fakeInfo{tt.info})
		err := q.inspect(context.Background())
		if (err != nil) != (tt.err != "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%q: %v", tt.info, err)
		}
		if (log.Len() > 0) != (tt.warning != "") || !strings.Contains(log.String(), tt.warning) {
			t.Errorf("%q: log %q", tt.info, log.String())
		}
		if err := q.Close(); err != nil {
			t.Error(err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"slice":12}`))
	f.Add([]byte(`{"slice":null}`))
	f.Add([]byte(`{"slice":1}{"slice":2}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		n, err := decode(raw)
		if err != nil {
			return
		}
		if again, err := decode(encode(n)); err != nil || again != n {
			t.Errorf("%q: %d, then %d, %v", raw, n, again, err)
		}
	})
}

func FuzzParseInfo(f *testing.F) {
	f.Add("# Server\r\nredis_version:7.0.15\r\n")
	f.Fuzz(func(t *testing.T, raw string) {
		for key := range parseInfo(raw) {
			if strings.ContainsAny(key, ":\n") || strings.HasPrefix(key, "#") {
				t.Errorf("%q: key %q", raw, key)
			}
		}
		atLeast(parseInfo(raw)["redis_version"], 6, 2)
	})
}
