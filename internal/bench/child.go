package bench

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"

	"tidings/internal/audience"
)

// child is a process under measurement.
type child struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	lines  chan Report // what it writes; closed at its end
	over   atomic.Bool // lines is closed, or will be at once
	errors bytes.Buffer
	ended  bool
}

// start starts this program anew, with env beside its own environment.
func (m *mailingRun) start(_ context.Context, env []string, args ...string) (*child, error) {
	c := &child{cmd: m.Self(append([]string{"bench"}, args...)...)}
	c.cmd.Env = append(os.Environ(), env...)
	c.cmd.Stderr = &c.errors
	in, err := c.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	c.in, c.lines = in, make(chan Report, 256)
	if err := c.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", args[0], err)
	}
	m.all = append(m.all, c)
	go c.read(out)
	return c, nil
}

// read takes in what the process writes; its orders are ours to give, so that a
// line that is none is the end of it.
func (c *child) read(out io.Reader) {
	defer close(c.lines)
	defer c.over.Store(true)
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		var line Report
		if json.Unmarshal(lines.Bytes(), &line) != nil {
			return
		}
		c.lines <- line
	}
}

// fault is the error of a process that ended by itself.
func (c *child) fault() error {
	c.ended = true
	err := c.cmd.Wait()
	return fmt.Errorf("%w: %v: %s", errEnded, err, strings.TrimSpace(c.errors.String()))
}

// next is the next line that the process writes.
func (c *child) next(ctx context.Context) (Report, error) {
	select {
	case line, ok := <-c.lines:
		if !ok {
			return line, c.fault()
		}
		return line, nil
	case <-ctx.Done():
		return Report{}, ctx.Err()
	}
}

// usage skips to the line with what the process has used.
func (c *child) usage(ctx context.Context) (*Usage, error) {
	for {
		line, err := c.next(ctx)
		if err != nil {
			return nil, err
		}
		if line.Usage != nil {
			return line.Usage, nil
		}
	}
}

func (c *child) order(what string) error {
	_, err := io.WriteString(c.in, what+"\n")
	return err
}

// wait ends the process by closing its orders.
func (c *child) wait() error {
	if c.ended {
		return nil
	}
	c.ended = true
	_ = c.in.Close()
	for range c.lines {
		// what it still has to say
	}
	if err := c.cmd.Wait(); err != nil {
		return fmt.Errorf("%w: %v: %s", errEnded, err, strings.TrimSpace(c.errors.String()))
	}
	return nil
}

func (c *child) kill() {
	if !c.ended {
		c.ended = true
		_ = c.cmd.Process.Kill()
		_ = c.cmd.Wait()
	}
}

// cpu is the processor time of the process, in seconds; 0 where it cannot be read.
func (c *child) cpu() float64 {
	if c == nil || c.ended {
		return 0
	}
	return processTime(c.cmd.Process.Pid)
}

// clockTick is the unit of /proc's processor times on all that Go runs on.
const clockTick = 100

// processTime reads the processor time of a process of this machine, in seconds.
func processTime(pid int) float64 {
	raw, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0
	}
	// The name stands in parentheses and may hold anything.
	f := strings.Fields(string(raw[bytes.LastIndexByte(raw, ')')+1:]))
	if len(f) < 13 {
		return 0
	}
	user, _ := strconv.ParseFloat(f[11], 64)
	system, _ := strconv.ParseFloat(f[12], 64)
	return (user + system) / clockTick
}

// backends are the processor times of the database's processes that serve the
// application, where they are of this machine.
func (p *place) backends(ctx context.Context, app string) map[int]float64 {
	out := map[int]float64{}
	if p.engine != audience.Postgres {
		return out
	}
	rows, err := p.db.QueryContext(ctx, "SELECT pid FROM pg_stat_activity WHERE application_name = $1", app)
	if err != nil {
		return out
	}
	defer rows.Close()
	for rows.Next() {
		var pid int
		if rows.Scan(&pid) == nil {
			out[pid] = processTime(pid)
		}
	}
	return out
}
