package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"
	"testing/fstest"

	"tidings/internal/cli"
)

// until cancels a context once so many lines are written to it.
type until struct {
	bytes.Buffer
	lines  int
	cancel context.CancelFunc
}

func (u *until) Write(b []byte) (int, error) {
	n, err := u.Buffer.Write(b)
	if strings.Count(u.String(), "\n") >= u.lines {
		u.cancel()
	}
	return n, err
}

// A watched queue is a document a line with --json, and to stop it is no failure.
func TestQueueWatch(t *testing.T) {
	t.Parallel()
	s := newShop(t, sqliteURL(t))
	s.run(t, "migrate")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out, told := &until{lines: 2, cancel: cancel}, &bytes.Buffer{}
	code := cli.Run(ctx, []string{"queue", "--watch", "--json"}, out, told, func(k string) string { return s.env[k] }, fstest.MapFS{})
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if code != 0 || told.Len() > 0 || len(lines) != 2 {
		t.Fatalf("exit code %d\n%s\n%s", code, out, told)
	}
	for _, line := range lines {
		var look struct {
			At      string
			Summary []any
			More    *int
		}
		if err := json.Unmarshal([]byte(line), &look); err != nil || look.At == "" || look.Summary == nil || look.More == nil {
			t.Errorf("%v: %s", err, line)
		}
	}
}
