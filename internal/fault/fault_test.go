package fault

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, wrong string }{
		{text: ""},
		{text: " "},
		{text: "worker.after_dot=kill"},
		{text: "worker.after_dot:3=kill, relay.after_commit:2+=error"},
		{text: "worker.after_claim=stop:2m"},
		{text: "worker.after_claim=pause"},
		{"worker.after_dot", "no action"},
		{"worker.after_lunch=kill", "there are eval.before_commit"},
		{"worker.after_dot:0=kill", "from 1 on"},
		{"worker.after_dot:x=kill", "from 1 on"},
		{"worker.after_dot=hurt", "there are kill"},
		{"worker.after_dot=error", "cannot report"},
		{"worker.after_dot=kill:1s", "no duration"},
		{"worker.after_dot=stop:soon", "30s"},
		{"worker.after_dot=kill,", "no action"},
	} {
		p, err := Parse(c.text)
		switch {
		case c.wrong == "" && err != nil:
			t.Errorf("%q: %v", c.text, err)
		case c.wrong == "" && (p == nil) != (strings.TrimSpace(c.text) == ""):
			t.Errorf("%q: plan %v", c.text, p)
		case c.wrong != "" && (err == nil || !strings.Contains(err.Error(), c.wrong)):
			t.Errorf("%q: %v, want %q", c.text, err, c.wrong)
		}
	}
}

// A rule strikes at its pass alone, one with a + from then on.
func TestPasses(t *testing.T) {
	t.Parallel()
	p, err := Parse("worker.after_claim:3=kill,worker.after_claim:2+=error,worker.after_dot=pause:5s,store.before_commit=term")
	if err != nil {
		t.Fatal(err)
	}
	var acts []string
	p.act = func(point string, a Action, d time.Duration) {
		if a != Fail {
			acts = append(acts, fmt.Sprint(point, a, d))
		}
	}
	var fails []bool
	for range 4 {
		err := p.pass("worker.after_claim")
		var mine *Error
		fails = append(fails, errors.As(err, &mine) && mine.Point == "worker.after_claim")
	}
	for range 2 {
		if p.pass("worker.after_dot") != nil || p.pass("store.before_commit") != nil || p.pass("worker.mid_body") != nil {
			t.Error("an error that no rule asks for")
		}
	}
	if got := fmt.Sprint(fails); got != "[false true true true]" {
		t.Error("errors:", got)
	}
	if got := fmt.Sprint(acts); got != "[worker.after_claimkill0s worker.after_dotpause5s store.before_committerm0s]" {
		t.Error("acts:", got)
	}
}

func TestOff(t *testing.T) {
	if Armed() || Err("store.before_commit") != nil {
		t.Error("armed by itself")
	}
	p, err := Parse("store.before_commit=error")
	if err != nil {
		t.Fatal(err)
	}
	Arm(p)
	defer Arm(nil)
	Point("store.after_commit")
	if !Armed() || Err("store.before_commit") == nil || Err("store.before_commit") != nil {
		t.Error("not armed, or not once")
	}
}

// TestMain lets the test's own binary be the process that is struck.
func TestMain(m *testing.M) {
	if text := os.Getenv("TIDINGS_FAULT"); text != "" {
		p, err := Parse(text)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
		Arm(p)
		Point("worker.after_dot")
		fmt.Println("alive")
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// What a rule says happens to the process itself.
func TestStrikes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		action string
		signal syscall.Signal // that it ended by; 0: it lived
		least  time.Duration
	}{
		{"kill", syscall.SIGKILL, 0},
		{"term", syscall.SIGTERM, 0},
		{"stop:300ms", 0, 300 * time.Millisecond},
		{"pause:200ms", 0, 200 * time.Millisecond},
	} {
		t.Run(c.action, func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), os.Args[0])
			cmd.Env = append(os.Environ(), "TIDINGS_FAULT=worker.after_dot="+c.action)
			begun := time.Now()
			out, err := cmd.Output()
			took := time.Since(begun)
			status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus)
			if !ok {
				t.Skip("no signals on this system")
			}
			if c.signal == 0 && (err != nil || string(out) != "alive\n" || took < c.least) {
				t.Errorf("%v after %s: %q", err, took, out)
			}
			// The one that is asked to stop may have spoken before the signal came.
			if c.signal != 0 && status.Signal() != c.signal && string(out) != "alive\n" || c.signal == syscall.SIGKILL && len(out) > 0 {
				t.Errorf("ended by %v: %q", status.Signal(), out)
			}
		})
	}
}

func BenchmarkOff(b *testing.B) {
	for b.Loop() {
		Point("worker.after_dot")
	}
}
