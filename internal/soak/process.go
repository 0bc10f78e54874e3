package main

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing/fstest"
	"time"

	"tidings/internal/cli"
)

// childMark in the environment makes this very program be tidings, so that what
// is killed is the code that stands here, in a process of its own.
const childMark = "TIDINGS_SOAK_CHILD"

// beTidings is tidings when this process was started as one.
func beTidings() {
	if os.Getenv(childMark) != "" {
		os.Exit(cli.Main(os.Args[1:], os.Stdout, os.Stderr, os.Getenv, fstest.MapFS{}))
	}
}

// patience is how long a process may take, whatever strikes it.
const patience = 90 * time.Second

// process is one tidings at work.
type process struct {
	name  string
	cmd   *exec.Cmd
	ended chan struct{}
	err   error

	mu   sync.Mutex
	said bytes.Buffer
}

// Write takes what the process says on standard error.
func (p *process) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.said.Len() < 1<<19 {
		p.said.Write(b)
	}
	return len(b), nil
}

// words are what it has said.
func (p *process) words() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.TrimSpace(p.said.String())
}

// start runs tidings with the rig's environment and more.
func (r *rig) start(ctx context.Context, more map[string]string, args ...string) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	env := maps.Clone(r.env)
	maps.Copy(env, more)
	p := &process{name: strings.Join(args, " "), cmd: exec.CommandContext(ctx, self, args...), ended: make(chan struct{})}
	p.cmd.Env = []string{childMark + "=1", "PATH=" + os.Getenv("PATH"), "TMPDIR=" + os.TempDir()}
	for k, v := range env {
		p.cmd.Env = append(p.cmd.Env, k+"="+v)
	}
	p.cmd.Stderr = p
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", p.name, err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.ended)
	}()
	return p, nil
}

// drain starts a tick that works the queue off at the rig's clock.
func (r *rig) drain(ctx context.Context, more map[string]string) (*process, error) {
	return r.start(ctx, more, "tick", "--json", "--drain", "--at", r.at.Format(time.RFC3339))
}

// wait waits for the process's end. One that outstays its time is killed, and
// the error says so.
func (p *process) wait() error {
	select {
	case <-p.ended:
		return nil
	case <-time.After(patience):
		p.signal(syscall.SIGQUIT) // it says what it is waiting for
		select {
		case <-p.ended:
		case <-time.After(5 * time.Second):
			p.kill()
			<-p.ended
		}
		return fmt.Errorf("%s was still there after %s: %s", p.name, patience, p.words())
	}
}

// gone tells whether it has ended.
func (p *process) gone() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

func (p *process) kill()                   { _ = p.cmd.Process.Kill() }
func (p *process) signal(s syscall.Signal) { _ = p.cmd.Process.Signal(s) }

// killed tells whether it was ended by SIGKILL; with whom was the doing is not
// told apart.
func (p *process) killed() bool {
	status, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGKILL
}

// code is its exit code; -1: a signal's.
func (p *process) code() int { return p.cmd.ProcessState.ExitCode() }
