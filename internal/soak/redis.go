package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// redisServer is a Redis of the rig's own, to be filled, emptied and killed.
type redisServer struct {
	dir    string
	port   string
	cmd    *exec.Cmd
	client *redis.Client
}

// errNoRedis tells that no redis-server can be started here.
var errNoRedis = errors.New("redis-server is not installed")

func newRedis(ctx context.Context, dir string) (*redisServer, error) {
	if _, err := exec.LookPath("redis-server"); err != nil {
		return nil, errNoRedis
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	s := &redisServer{dir: dir, port: port}
	s.client = redis.NewClient(&redis.Options{Addr: "127.0.0.1:" + port, MaxRetries: -1, DisableIdentity: true})
	return s, s.start(ctx)
}

func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port), nil
}

func (s *redisServer) url() string { return "redis://127.0.0.1:" + s.port + "/0" }

// start runs the server, which keeps nothing on disk, and waits until it answers.
func (s *redisServer) start(ctx context.Context) error {
	s.cmd = exec.Command("redis-server", "--port", s.port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
		"--dir", s.dir, "--maxmemory-policy", "noeviction", "--daemonize", "no", "--logfile", os.DevNull)
	if err := s.cmd.Start(); err != nil {
		return fmt.Errorf("start redis-server: %w", err)
	}
	for range 200 {
		if s.client.Ping(ctx).Err() == nil {
			return nil
		}
		pause(ctx, 25*time.Millisecond)
	}
	return errors.New("redis-server does not answer")
}

// stop kills the server, and with it all that it holds.
func (s *redisServer) stop() {
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
}

func (s *redisServer) restart(ctx context.Context) error {
	s.stop()
	return s.start(ctx)
}

func (s *redisServer) flush(ctx context.Context) error { return s.client.FlushAll(ctx).Err() }

// full sets whether the server takes nothing more in.
func (s *redisServer) full(ctx context.Context, on bool) error {
	most := "0"
	if on {
		most = "1"
	}
	return s.client.ConfigSet(ctx, "maxmemory", most).Err()
}

// evict throws away so many keys, as a server whose memory policy evicts does.
func (s *redisServer) evict(ctx context.Context, d *dice, n int) error {
	return evict(ctx, s.client, "*", d, n)
}

// evict deletes up to n keys of a pattern, drawn by dice.
func evict(ctx context.Context, c *redis.Client, pattern string, d *dice, n int) error {
	keys, err := c.Keys(ctx, pattern).Result()
	if err != nil {
		return err
	}
	for range min(n, len(keys)) {
		if err := c.Del(ctx, pick(d, keys)).Err(); err != nil {
			return err
		}
	}
	return nil
}

func (s *redisServer) close() {
	s.client.Close()
	s.stop()
}

// pause waits for d, or the end of ctx.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// forget deletes what a store has left in a Redis that others use too.
func forget(ctx context.Context, url, storeID string) error {
	o, err := redis.ParseURL(url)
	if err != nil {
		return fmt.Errorf("the address of redis cannot be read: %w", err)
	}
	c := redis.NewClient(o)
	defer c.Close()
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	for keys := c.Scan(ctx, 0, "*"+storeID+"*", 1000).Iterator(); keys.Next(ctx); {
		if err := c.Del(ctx, keys.Val()).Err(); err != nil {
			return err
		}
	}
	return c.SRem(ctx, "asynq:queues", "bulk-"+storeID, "transactional-"+storeID).Err()
}

// slowLine is a TCP proxy through which every answer takes its time.
type slowLine struct {
	listener net.Listener
	to       string
	delay    time.Duration
	mu       sync.Mutex
	open     []net.Conn
}

func newSlowLine(to string, delay time.Duration) (*slowLine, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &slowLine{listener: l, to: to, delay: delay}
	go s.accept()
	return s, nil
}

func (s *slowLine) addr() string { return s.listener.Addr().String() }

func (s *slowLine) accept() {
	for {
		in, err := s.listener.Accept()
		if err != nil {
			return
		}
		out, err := net.Dial("tcp", s.to)
		if err != nil {
			_ = in.Close()
			continue
		}
		s.mu.Lock()
		s.open = append(s.open, in, out)
		s.mu.Unlock()
		go s.pipe(out, in, 0)
		go s.pipe(in, out, s.delay)
	}
}

func (s *slowLine) pipe(to, from net.Conn, delay time.Duration) {
	defer to.Close()
	buf := make([]byte, 16<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			time.Sleep(delay)
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// cut ends the connections there are; new ones are taken.
func (s *slowLine) cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.open {
		_ = c.Close()
	}
	s.open = nil
}

func (s *slowLine) close() {
	_ = s.listener.Close()
	s.cut()
}
